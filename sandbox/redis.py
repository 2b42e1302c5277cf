"""The session store that both sides share: a real Redis that keeps nothing on disk."""

from __future__ import annotations

import socket
from string import Template

from sandbox.plan import Address, Plan

CONFIGURATION = Template("""\
bind $host
port $port
dir $folder
daemonize no
protected-mode no
save ""
appendonly no
maxmemory 64mb
maxmemory-policy volatile-ttl
""")


def write(plan: Plan) -> None:
    """Lay out Redis' folder."""
    folder = plan.part("redis")
    folder.mkdir(parents=True, exist_ok=True)
    text = CONFIGURATION.substitute(host=plan.redis.host, port=plan.redis.port, folder=f'"{folder}"')
    (folder / "redis.conf").write_text(text)


def answers(address: Address, timeout: float) -> bool:
    """Whether it answers PING; raises OSError where nothing listens."""
    with socket.create_connection((address.host, address.port), timeout=timeout) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")
