"""HAProxy's runtime API: what a backend's servers weigh, and setting that; a connection a question."""

from __future__ import annotations

import csv
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.sections.traffic import HAProxy

# Bits of srv_admin_state: maintenance forced, inherited, for want of an address; drain forced, inherited.
_TAKES_NOBODY = 0x01 | 0x02 | 0x20 | 0x08 | 0x10
_PORT = re.compile(r"^(?P<host>[^/]+):(?P<port>[0-9]+)$")


@dataclass(frozen=True)
class Server:
    """``set_aside``: in maintenance or drained; ``up``: its health check does not say otherwise."""

    name: str
    weight: int
    configured: int
    set_aside: bool
    up: bool
    backup: bool

    @property
    def takes(self) -> int:
        """The weight that counts now."""
        return 0 if self.set_aside else self.weight


@dataclass(frozen=True)
class Backend:
    """``algorithm`` is empty where the socket's level does not show it; ``cookie`` keeps users on a server."""

    servers: Mapping[str, Server]
    algorithm: str
    cookie: str


def ask(knob: HAProxy, clients: Clients, question: str) -> str:
    """The answer to commands, separated by semicolons; Unreachable when there is none in time."""
    limit = knob.timeout.total_seconds()
    until = time.monotonic() + limit
    try:
        with _connect(knob, clients, limit) as connection:
            connection.sendall(question.encode() + b"\n")
            answer = b""
            while data := connection.recv(65536):
                answer += data
                connection.settimeout(max(until - time.monotonic(), 0.001))
    except OSError as error:
        reason = error.strerror or f"no answer within {limit:g} s"
    else:
        if answer:
            return answer.decode(errors="replace")
        reason = "it closed the connection without a word"  # even what was done without ado is answered by a line
    raise Unreachable(
        f"HAProxy does not answer at {knob.socket} ({reason}); check traffic.knob.socket and that it runs"
    )


def backend(knob: HAProxy, clients: Clients) -> Backend:
    """The backend as it is now; BadParameters when HAProxy has none of that name."""
    name = knob.backend
    answer = ask(knob, clients, f"show servers state {name};show stat {name} -1 -1")
    states, mark, statistics = answer.partition("# pxname,")
    lines = [line for line in states.splitlines() if line]
    if not mark or len(lines) < 2 or not lines[1].startswith("# "):
        raise BadParameters(
            f"HAProxy at {knob.socket} does not list the servers of the backend {name} "
            f"({' '.join(answer.split())[:120] or 'no answer'}); check traffic.knob.backend and the socket's level"
        )
    columns = lines[1].removeprefix("# ").split()
    rows = [dict(zip(columns, line.split(" "), strict=False)) for line in lines[2:]]
    seen = {row["svname"]: row for row in csv.DictReader(f"pxname,{statistics}".splitlines())}
    whole = seen.get("BACKEND", {})
    return Backend(
        {row["srv_name"]: _server(row, seen.get(row["srv_name"], {})) for row in rows},
        whole.get("algo", ""),
        whole.get("cookie", ""),
    )


def set_weights(knob: HAProxy, clients: Clients, wanted: Mapping[str, int]) -> str:
    """Set them one after the other in one go; what HAProxy refused, or nothing."""
    commands = [f"set weight {knob.backend}/{name} {weight}" for name, weight in wanted.items()]
    answer = ask(knob, clients, ";".join(commands))
    return next((line.strip() for line in answer.splitlines() if line.strip()), "")


def level(knob: HAProxy, clients: Clients) -> str:
    """What the socket is allowed to do: user, operator, admin."""
    return ask(knob, clients, "show cli level").strip()


def _server(state: Mapping[str, str], statistics: Mapping[str, str]) -> Server:
    return Server(
        name=state["srv_name"],
        weight=int(state["srv_uweight"]),
        configured=int(state["srv_iweight"]),
        set_aside=bool(int(state["srv_admin_state"]) & _TAKES_NOBODY),
        up=state["srv_op_state"] != "0",
        backup=statistics.get("bck") == "1",
    )


def _connect(knob: HAProxy, clients: Clients, limit: float) -> socket.socket:
    if place := _PORT.match(knob.socket):
        return socket.create_connection((place["host"].strip("[]"), int(place["port"])), limit)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(limit)
    try:
        connection.connect(str(clients.parameters.path(knob.socket)))
    except OSError:
        connection.close()
        raise
    return connection
