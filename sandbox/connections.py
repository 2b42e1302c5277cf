"""Who is connected to a virtual machine of the range now, without the monitoring: one line a connection.

What `ss -Htn state established src ADDRESS` tells on a real machine, where the monitoring has an address of its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import psutil

from sandbox.plan import Address, load

MONITORING = ("prometheus",)


def clients_of(address: Address) -> list[str]:
    """`host:port process` of each client connected to the address, those of the monitoring left out."""
    open_now = [c for c in psutil.net_connections("tcp4") if c.status == psutil.CONN_ESTABLISHED]
    peers = {(c.laddr, c.raddr): c.pid for c in open_now if c.raddr}
    found = []
    for connection in open_now:
        if connection.raddr and connection.laddr == (address.host, address.port):
            name = _name(peers.get((connection.raddr, connection.laddr)))
            if not name.startswith(MONITORING):
                found.append(f"{connection.raddr.ip}:{connection.raddr.port} {name}")
    return found


def _name(process: int | None) -> str:
    try:
        return str(psutil.Process(process).name()) if process else "unknown"
    except psutil.NoSuchProcess:
        return "ended"


def main() -> None:
    """Print the connections of one machine, e.g. `python -m sandbox.connections --plan …/plan.json vm-1`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.connections", description=__doc__)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("instance")
    given = parser.parse_args()
    for line in clients_of(load(given.plan).legacy[given.instance]):
        print(line)


if __name__ == "__main__":
    main()
