"""HAProxy's runtime API: what each slot holds, and how it is changed."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path

from runbook_lib.errors import Unreachable
from sandbox.gateway.slots import Slot, State, Target

PATIENCE = 2.0
# Bits of srv_admin_state: maintenance forced, inherited, or for want of an address. 0x04 stays for good on a server
# that the configuration disabled, whatever it was told since.
IN_MAINTENANCE = 0x01 | 0x02 | 0x20
DRAINING = 0x08 | 0x10
# What the API says when a command did what it was asked to.
_CHANGED = re.compile(r"^(|no need to change .*|IP changed from .*|port changed from .*|nothing changed)$")


class Runtime:
    """HAProxy's socket; a connection a question, because HAProxy ends it after the answer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers: dict[str, str] = {}

    def slots(self, backend: str) -> list[Slot]:
        """Every slot of the backend as it is now; raises Unreachable."""
        return parse_slots(self._ask(f"show servers state {backend}"))

    def do(self, commands: Sequence[str]) -> None:
        """Say all commands in one go; raises Unreachable when HAProxy is away or refuses one."""
        if not commands:
            return
        answer = self._ask(";".join(commands))
        refused = [line for line in map(str.strip, answer.splitlines()) if not _CHANGED.match(line)]
        if refused:
            raise Unreachable(f"HAProxy refused a change of its servers: {refused[0]}")

    def map(self, name: str) -> list[str]:
        """The lines of a map, `key value`; raises Unreachable."""
        lines = self._ask(f"show map #{self._number(name)}").splitlines()
        return [line.partition(" ")[2] for line in lines if line.startswith("0x")]

    def fill(self, name: str, lines: Sequence[str]) -> None:
        """Replace a map's content at one stroke; raises Unreachable when HAProxy refuses a line."""
        number = self._number(name)
        said = self._ask(f"prepare map #{number}").strip()
        version = said.rpartition(" ")[2]
        if not version.isdigit():
            raise Unreachable(f"HAProxy refused to change its map {name}: {said}")
        for start in range(0, len(lines), 20):  # what is said at once must fit into HAProxy's buffer
            part = "\n".join(lines[start : start + 20])
            if said := self._ask(f"add map @{version} #{number} <<\n{part}\n").strip():
                raise Unreachable(f"HAProxy refused a line of its map {name}: {said}")
        if said := self._ask(f"commit map @{version} #{number}").strip():
            raise Unreachable(f"HAProxy refused to change its map {name}: {said}")

    def _number(self, name: str) -> str:
        """HAProxy's number of a map: its file may lie where a path has spaces."""
        if name not in self._numbers:
            lines = self._ask("show map").splitlines()
            number = next((line.split()[0] for line in lines if f"/{name}.map)" in line), None)
            if number is None:
                raise Unreachable(f"HAProxy has no map {name}; it runs an older configuration, start the range anew")
            self._numbers[name] = number
        return self._numbers[name]

    def _ask(self, question: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(str(self._path))
                connection.sendall(question.encode() + b"\n")
                answer = b""
                while data := connection.recv(65536):
                    answer += data
        except OSError as error:
            raise Unreachable(f"HAProxy does not answer at {self._path}: {error}.") from error
        return answer.decode()


def parse_slots(answer: str) -> list[Slot]:
    """The table of `show servers state`, whose second line names its columns."""
    lines = [line for line in answer.splitlines() if line]
    if len(lines) < 2 or not lines[1].startswith("# "):
        raise Unreachable(f"HAProxy does not list its servers: {answer.strip()[:200] or 'no answer'}")
    names = lines[1].removeprefix("# ").split()
    rows = [dict(zip(names, line.split(" "), strict=False)) for line in lines[2:]]
    return [
        Slot(row["srv_name"], Target(row["srv_addr"], int(row["srv_port"])), _state(int(row["srv_admin_state"])))
        for row in rows
    ]


def _state(admin: int) -> State:
    if admin & IN_MAINTENANCE:
        return "maint"
    return "drain" if admin & DRAINING else "ready"
