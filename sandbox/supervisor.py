"""The process that owns a range: starts every part, restarts what falls, and ends all of it with itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.errors import Busy, RunbookError
from sandbox import faults, nginx, processes, state
from sandbox.parts import Part, health
from sandbox.plan import Plan
from sandbox.processes import Identity
from sandbox.state import PartState, RangeState

TICK = 0.25
STARTING_TICK = 0.03
# A part that falls is noticed at once; this is for a slow machine, where all come up in 2 s on a free one.
READY_WITHIN = 60.0
END_WITHIN = 2.0
# A single part that is stopped on purpose may finish what it is doing.
STOP_WITHIN = 15.0
LOAD_ENDS_WITHIN = 0.5
FIRST_BACK_OFF = 0.5
LONGEST_BACK_OFF = 10.0
# A part that ran this long has recovered: its next fall is its first again.
RECOVERED_AFTER = 10.0


@dataclass
class Child:
    """One part and its process, if it has one."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    identity: Identity | None = None
    began: float = 0.0
    falls: int = 0
    restarts: int = 0
    next_start: float = 0.0
    ended: str = ""
    stopped: bool = False
    patience_ends: float = 0.0

    @property
    def state(self) -> PartState:
        if self.process:
            word = "stopping" if self.stopped else "running"
        else:
            word = "stopped" if self.stopped else "waiting" if self.part.restarted else "ended"
        return PartState(word, self.identity, self.restarts, self.ended)


@dataclass
class Supervisor:
    """The range while it runs; `owner` is a process whose end ends the range."""

    plan: Plan
    parts: Sequence[Part]
    notes: Sequence[str] = ()
    owner: Identity | None = None
    children: dict[str, Child] = field(init=False)
    published: RangeState | None = None
    asked_to_end: str = ""
    alarm: tuple[int, int] = field(default_factory=os.pipe)

    def __post_init__(self) -> None:
        self.children = {part.name: Child(part) for part in self.parts}

    def run(self) -> int:
        """Start everything, keep it up until asked to end, end it; returns the exit code."""
        self._listen_to_signals()
        failure = ""
        try:
            for child in self.children.values():
                self._start(child)
            failure = self._await_ready()
            if not failure and not self.asked_to_end:
                self._publish("up")
                self._keep()
        finally:
            self._end(failure)
        return 1 if failure else 0

    def _listen_to_signals(self) -> None:
        """SIGTERM, SIGINT and a fallen child all end the sleep of the loop at once."""
        for end in self.alarm:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self.alarm[1], warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _asked(self, number: int, _: object) -> None:
        self.asked_to_end = signal.Signals(number).name

    def _sleep(self, seconds: float) -> None:
        if select.select([self.alarm[0]], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self.alarm[0], 4096)

    def _start(self, child: Child) -> None:
        part = child.part
        log = self.plan.logs / f"{part.name}.log"
        child.process = processes.start(part.argv, part.environment, log, self.plan.folder)
        child.identity = processes.identity(child.process.pid)
        child.began = time.monotonic()

    def _await_ready(self) -> str:
        """Ask every part until all answer; returns why that failed, or nothing."""
        deadline = time.monotonic() + READY_WITHIN
        waiting = dict(self.children)
        while waiting and not self.asked_to_end:
            reasons = {name: health(child.part) for name, child in waiting.items()}
            fallen = [name for name in waiting if self._collect(self.children[name])]
            for name in fallen:
                reasons[name] = self.children[name].ended
            waiting = {name: child for name, child in waiting.items() if reasons[name]}
            if fallen or time.monotonic() > deadline:
                return "\n".join(self._complaint(name, reasons[name]) for name in fallen or waiting)
            still = ", ".join(f"{name} ({reasons[name]})" for name in waiting)
            self._publish("starting", still)
            self._sleep(STARTING_TICK)
        return ""

    def _complaint(self, name: str, reason: str) -> str:
        log = self.plan.logs / f"{name}.log"
        tail = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-8:])
        where = ", ".join(str(address) for address in self.children[name].part.addresses)
        return f"{name} did not come up{f' at {where}' if where else ''}: {reason}. Its log ({log}) ends with:\n{tail}"

    def _keep(self) -> None:
        """The quiet hours: collect, restart, follow the faults and the wishes."""
        while not self.asked_to_end:
            self._follow()
            for child in self.children.values():
                self._collect(child)
                self._restart_if_due(child)
            self._rotate()
            self._publish("up")
            self._sleep(TICK)
            if self.owner and not processes.alive(self.owner):
                self.asked_to_end = "its owner ended"

    def _follow(self) -> None:
        """Stop and start what is to be stopped or not, and act on the faults of the range."""
        with contextlib.suppress(RunbookError):  # an unreadable faults file changes nothing
            nginx.refuse_reload(self.plan, faults.on(self.plan, "reload_refused"))
            unwanted = set(state.stopped(self.plan.folder))
            unwanted |= {"prometheus"} if faults.on(self.plan, "prometheus_down") else set()
            for name, child in self.children.items():
                self._stop_or_start(child, name in unwanted)

    def _rotate(self) -> None:
        """A range may run for days: its largest log must not fill the disk."""
        front = self.children.get("nginx")
        if front and front.identity and nginx.rotate(self.plan):
            processes.send(front.identity, signal.SIGUSR1)

    def _stop_or_start(self, child: Child, stop: bool) -> None:
        if stop and not child.stopped:
            child.stopped = True
            child.patience_ends = time.monotonic() + STOP_WITHIN
            if child.identity:
                processes.send(child.identity, signal.SIGTERM)
        elif stop and child.identity and time.monotonic() > child.patience_ends:
            processes.send(child.identity, signal.SIGKILL)
        elif child.stopped and not stop and not child.process:
            child.stopped = False
            self._start(child)

    def _collect(self, child: Child) -> bool:
        """Whether it has ended since it was last looked at."""
        if not child.process or child.process.poll() is None:
            return False
        code = child.process.returncode
        child.ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        left = processes.below([child.identity] if child.identity else [], self.plan.folder)
        processes.end(left, 0)
        child.process = child.identity = None
        if not child.stopped:
            child.falls = 1 if time.monotonic() - child.began > RECOVERED_AFTER else child.falls + 1
            wait = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** (child.falls - 1))
            child.next_start = time.monotonic() + wait
        return True

    def _restart_if_due(self, child: Child) -> None:
        if child.process or child.stopped or not child.part.restarted or time.monotonic() < child.next_start:
            return
        child.restarts += 1
        self._start(child)

    def _publish(self, phase: str, message: str = "") -> None:
        """Write the state where it differs from what was written last."""
        me = self.published.supervisor if self.published else processes.identity(os.getpid())
        assert me is not None
        parts = {name: child.state for name, child in self.children.items()}
        now = RangeState(me, phase, message, tuple(self.notes), parts)
        if now != self.published:
            state.write(self.plan.folder, now)
            self.published = now

    def _end(self, failure: str) -> None:
        """End every process of the range: first the load, so that no user sees the others go."""
        self._publish("ending", self.asked_to_end)
        if (load := self.children.get("load")) and load.identity:
            processes.end([load.identity], LOAD_ENDS_WITHIN)
        own = [child.identity for child in self.children.values() if child.identity]
        below = processes.below(own, self.plan.folder)
        processes.end(own, END_WITHIN)
        processes.end(below, 0.3)
        for child in self.children.values():
            if child.process:
                child.process.poll()
        if failure:
            self._publish("failed", failure)
        else:
            state.clear(self.plan.folder)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """At most one supervisor owns the folder; raises Busy for the second."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"The range in {folder} is up or coming up already: see `python -m sandbox status`.") from None
        yield


def end_leftovers(folder: Path, seconds: float = END_WITHIN) -> int:
    """End what a range whose supervisor is gone left running; returns how many processes that were."""
    last = state.read(folder)
    if last is None:
        return 0
    known = [part.process for part in last.parts.values() if part.process]
    own = [one for one in known if processes.alive(one)]
    below = processes.below(known, folder)
    processes.end([*own, *below], seconds)
    return len(own) + len(below)
