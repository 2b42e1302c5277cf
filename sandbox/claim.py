"""Own a loopback network of this machine: which one is free, and which ports of it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import IO

from runbook_lib.errors import Unreachable
from sandbox.plan import DEFAULT_NAME, DEFAULT_OCTET, Plan, Ports, folder_of


@contextlib.contextmanager
def claim(name: str, root: Path) -> Iterator[Plan]:
    """Own a free network for as long as the context lasts, with a free port for every part."""
    folder = folder_of(name, root)
    octet, lock = _free_octet(DEFAULT_OCTET if name == DEFAULT_NAME else DEFAULT_OCTET + 1)
    with lock:
        yield with_free_ports(Plan(name, folder, octet))


def _free_octet(first: int) -> tuple[int, IO[str]]:
    """The first network that no other range on this machine holds, and the lock that holds it."""
    for octet in [*range(first, 255), *range(1, first)]:
        path = Path(tempfile.gettempdir()) / f"practice-range-127.{octet}.lock"
        try:
            lock = path.open("a")
        except PermissionError:  # another user's range
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return octet, lock
        except BlockingIOError:
            lock.close()
    raise Unreachable("Every loopback network 127.1 to 127.254 is held by another range: end one of them.")


def with_free_ports(plan: Plan) -> Plan:
    """The plan with another port wherever something else listens on the usual one."""
    chosen: dict[str, int] = {}
    for part in (one.name for one in fields(Ports)):
        hosts = plan.listeners()[part]
        port: int = getattr(plan.ports, part)
        if not all(_bindable(host, port) for host in hosts):
            port = next(free for _ in range(50) if all(_bindable(host, free := _any_port(hosts[0])) for host in hosts))
        chosen[part] = port
    return replace(plan, ports=Ports(**chosen))


def _bindable(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise Unreachable(_no_loopback(host)) from error
            return False
    return True


def _any_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def _no_loopback(host: str) -> str:
    advice = "check that the lo interface is up"
    if sys.platform == "darwin":
        advice = f"give the loopback interface each address the range uses, e.g. `sudo ifconfig lo0 alias {host}`"
    return f"{host} cannot be bound on this machine: {advice}."
