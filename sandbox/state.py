"""What the supervisor says about its range and what it is asked to do, in files replaced whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandbox.processes import Identity, alive


@dataclass(frozen=True)
class PartState:
    """One part as the supervisor knows it: running, stopped (on purpose), ended (by itself) or waiting (to restart)."""

    state: str
    process: Identity | None = None
    restarts: int = 0
    ended: str = ""


@dataclass(frozen=True)
class RangeState:
    """The whole range: phase is starting, up, failed or ending."""

    supervisor: Identity
    phase: str
    message: str = ""
    notes: tuple[str, ...] = ()
    parts: Mapping[str, PartState] = field(default_factory=dict)


def _file(folder: Path) -> Path:
    return folder / "state.json"


def write(folder: Path, state: RangeState) -> None:
    """Publish the state."""
    _replace(_file(folder), json.dumps(asdict(state), indent=1))


def read(folder: Path) -> RangeState | None:
    """The last state published; None when there never was one."""
    try:
        content = json.loads(_file(folder).read_text())
        parts = {
            name: PartState(**part | {"process": Identity(**part["process"]) if part["process"] else None})
            for name, part in content["parts"].items()
        }
        supervisor = Identity(**content["supervisor"])
        return RangeState(supervisor, content["phase"], content["message"], tuple(content["notes"]), parts)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def clear(folder: Path) -> None:
    """Forget the state: everything of it has ended."""
    _file(folder).unlink(missing_ok=True)
    (folder / "supervisor.pid").unlink(missing_ok=True)


def running(folder: Path) -> RangeState | None:
    """The state, if the supervisor that published it still runs."""
    state = read(folder)
    return state if state and alive(state.supervisor) else None


def write_pid(folder: Path, supervisor: Identity) -> None:
    """For people and scripts: the supervisor's process id."""
    _replace(folder / "supervisor.pid", f"{supervisor.pid}\n")


def stopped(folder: Path) -> frozenset[str]:
    """The parts that somebody stopped on purpose."""
    try:
        return frozenset(json.loads((folder / "stopped.json").read_text()))
    except (FileNotFoundError, ValueError):
        return frozenset()


def set_stopped(folder: Path, names: Collection[str]) -> None:
    """Ask the supervisor to keep exactly these parts stopped."""
    _replace(folder / "stopped.json", json.dumps(sorted(names)))


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text + "\n")
    temporary.replace(path)
