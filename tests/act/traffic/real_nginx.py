"""A real nginx in front of another one whose servers say on which side they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.act.traffic.real_proxy import free_ports, program, running

MAIN = """\
daemon off; master_process on; worker_processes WORKERS; pid nginx.pid; error_log stderr notice;
events { worker_connections 512; }
http {
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    access_log off;
    keepalive_requests 1000000;
INSIDE}
"""
SERVERS = """\
    server { listen OLD; location / { return 200 legacy; } }
    server { listen NEW; location / { return 200 kubernetes; } }
    server { listen SECOND; location / { return 200 kubernetes; } }
"""
FRONT = """\
    server {
        listen USERS;
        location / {
            proxy_pass http://WHERE;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
"""


@dataclass(frozen=True)
class Nginx:
    """``command`` is nginx with the words that every call of it begins with."""

    config: Path
    url: str
    command: str
    old: str
    new: str
    second: str
    slow: str


@contextmanager
def nginx(root: Path, block: str, where: str, workers: int = 1) -> Iterator[Nginx]:
    """Users come in at ``url`` and are proxied to ``where``; ``block`` may say OLD, NEW, SECOND, SLOW."""
    tool = program("nginx")
    ports = free_ports(5)
    old, new, second, users, slow = (f"127.0.0.1:{port}" for port in ports)
    places = {
        "OLD": old,
        "NEW": new,
        "SECOND": second,
        "USERS": users,
        "SLOW": slow,
        "WHERE": where,
        "WORKERS": str(workers),
    }

    def text(inside: str) -> str:
        whole = MAIN.replace("INSIDE", inside)
        for name, place in places.items():
            whole = whole.replace(name, place)
        return whole

    behind = root / "behind"
    behind.mkdir()
    (behind / "nginx.conf").write_text(text(SERVERS))
    (root / "nginx.conf").write_text(text(block + FRONT))
    exports = "".join(f"export {key}='{value}'\n" for key, value in tool.environment.items())
    runner = root / "nginx"
    runner.write_text(f'#!/bin/sh\n{exports}exec {tool.binary} -p "{root}" -e stderr -c nginx.conf "$@"\n')
    runner.chmod(0o755)
    servers = [str(tool.binary), "-p", str(behind), "-e", "stderr", "-c", "nginx.conf"]
    with running(servers, behind, ports[1], tool.environment), running([str(runner)], root, ports[3], {}):
        yield Nginx(root / "nginx.conf", f"http://{users}/", str(runner), old, new, second, slow)
