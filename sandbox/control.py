"""Bring a range up, take it down, ask how it is: what the command line and the tests do with a range."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.errors import BadParameters, Busy, RunbookError, Unreachable
from sandbox import processes, state
from sandbox.parts import Part, all_parts, health
from sandbox.plan import DEFAULT_NAME, Plan, folder_of, load, project_root
from sandbox.processes import Identity
from sandbox.state import RangeState
from sandbox.supervisor import READY_WITHIN, STOP_WITHIN, end_leftovers
from sandbox.tools import prepare

# The supervisor ends its parts within 3 s; then nobody waits for it any longer.
DOWN_WITHIN = 5.0
CHANGED_WITHIN = STOP_WITHIN + 5


@dataclass(frozen=True)
class Wish:
    """What range is wanted: `load` in requests a second, `owner` a process id whose end ends the range."""

    name: str = DEFAULT_NAME
    root: Path = field(default_factory=project_root)
    load: int | None = None
    kubeconfig: Path | None = None
    image: str | None = None
    owner: int | None = None

    @property
    def folder(self) -> Path:
        """Where the range lives."""
        return folder_of(self.name, self.root)

    def arguments(self) -> list[str]:
        """The wish as the supervisor's command line."""
        given = {
            "--name": self.name,
            "--root": self.root.resolve(),
            "--load": self.load,
            "--kubeconfig": self.kubeconfig and self.kubeconfig.resolve(),
            "--image": self.image,
            "--owner": self.owner,
        }
        return [word for key, value in given.items() if value is not None for word in (key, str(value))]


def up(wish: Wish, say: Callable[[str], None] = lambda _: None) -> Plan:
    """Start a range and return its plan when every part answers; on failure or Ctrl-C nothing stays running."""
    if running := state.running(wish.folder):
        raise Busy(
            f"The range {wish.name!r} is {running.phase} already (process {running.supervisor.pid}): "
            f"end it with `python -m sandbox down --name {wish.name}`, or start another with --name."
        )
    prepare(project_root(), say)
    wish.folder.mkdir(parents=True, exist_ok=True)
    log = wish.folder / "supervisor.log"
    before = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "sandbox.run", *wish.arguments()],
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_up(wish, supervisor, log, before, say)
    except BaseException:
        _end_supervisor(supervisor)
        raise
    return load(wish.folder / "plan.json")


def _await_up(
    wish: Wish, supervisor: subprocess.Popen[bytes], log: Path, before: int, say: Callable[[str], None]
) -> None:
    """Follow what the supervisor says until the range is up; raises Unreachable with its reason when it is not."""
    deadline = time.monotonic() + READY_WITHIN + DOWN_WITHIN
    while time.monotonic() < deadline:
        ended = supervisor.poll()
        now = state.read(wish.folder)
        ours = now if now and now.supervisor.pid == supervisor.pid else None
        if ended is not None:
            said = log.read_bytes()[before:].decode(errors="replace").strip()
            reason = ours.message if ours and ours.phase == "failed" else said
            kind = {error.exit_code: error for error in (Busy, BadParameters)}.get(ended, Unreachable)
            raise kind(reason or f"The supervisor ended with exit code {ended}; its log is {log}.")
        if ours and ours.phase == "up":
            return
        if ours and ours.message:
            say(f"waiting for {ours.message}")
        time.sleep(0.05)
    raise Unreachable(f"The supervisor of range {wish.name!r} does not say that it is up; its log is {log}.")


def _end_supervisor(supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.send_signal(signal.SIGTERM)
    try:
        supervisor.wait(DOWN_WITHIN)
    except subprocess.TimeoutExpired:
        supervisor.kill()


def down(folder: Path) -> bool:
    """End the range in that folder and whatever is left of it; False when nothing was running."""
    running = state.running(folder)
    if running:
        processes.end([running.supervisor], DOWN_WITHIN)
    leftovers = end_leftovers(folder)
    state.clear(folder)
    return bool(running or leftovers)


@dataclass(frozen=True)
class Row:
    """One part in the table of `status`; `health` is empty while it answers."""

    name: str
    state: str
    address: str
    pid: int | None
    restarts: int
    health: str


def rows(folder: Path, running: RangeState) -> list[Row]:
    """How each part is, asked now."""
    known = parts_of(load(folder / "plan.json"))
    return [_row(name, known.get(name), running) for name in running.parts]


def _row(name: str, part: Part | None, running: RangeState) -> Row:
    now = running.parts[name]
    reason = health(part) if part and now.process else now.ended or "not running"
    address = "\n".join(str(one) for one in part.addresses) if part else ""
    return Row(name, now.state, address, now.process.pid if now.process else None, now.restarts, reason)


def running_state(folder: Path, name: str) -> RangeState:
    """The state of a range that is up; Unreachable says how it ended where it is not."""
    if running := state.running(folder):
        return running
    last = state.read(folder)
    if last and last.phase == "failed":
        raise Unreachable(f"The range {name!r} did not come up: {last.message}")
    if last:
        died = f"its supervisor (process {last.supervisor.pid}) is gone"
        raise Unreachable(f"The range {name!r} is down, {died}: `python -m sandbox down` clears what it left.")
    raise Unreachable(f"The range {name!r} is not up: start it with `python -m sandbox up`.")


def set_stopped(folder: Path, name: str, parts: list[str], stop: bool) -> None:
    """Stop parts on purpose, or let them run again, and wait until they are gone or answer."""
    running = running_state(folder, name)
    if unknown := [part for part in parts if part not in running.parts]:
        raise Unreachable(f"There is no part {', '.join(unknown)}: there are {', '.join(running.parts)}.")
    now = state.stopped(folder)
    state.set_stopped(folder, now | set(parts) if stop else now - set(parts))
    deadline = time.monotonic() + CHANGED_WITHIN
    known = {} if stop else parts_of(load(folder / "plan.json"))

    def done(part: str) -> bool:
        word = running_state(folder, name).parts[part].state
        return word == "stopped" if stop else word == "running" and (part not in known or not health(known[part]))

    while not all(done(part) for part in parts):
        if time.monotonic() > deadline:
            raise Unreachable(f"{', '.join(parts)}: still not so after {CHANGED_WITHIN:g} s, see `sandbox status`.")
        time.sleep(0.05)


def parts_of(plan: Plan) -> dict[str, Part]:
    """Every part that a range can have, by name."""
    return {part.name: part for part in all_parts(plan, prepare(project_root()), rate=1)}


@contextmanager
def range_for(wish: Wish) -> Iterator[Plan]:
    """A range for as long as the context lasts; it also ends when the process that asked for it does."""
    plan = up(wish)
    try:
        yield plan
    finally:
        down(wish.folder)


def owner_identity(pid: int | None) -> Identity | None:
    """The process whose end ends the range."""
    if pid is None:
        return None
    if owner := processes.identity(pid):
        return owner
    raise RunbookError(f"The process {pid} that was to own the range is gone: start the range again.")
