"""One application's guard: a round a tick. Idle while nobody is on the new side; acts alone when there is a reason."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runbook_lib.act.send_back import Returned, send_back
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError
from runbook_lib.guard import runner
from runbook_lib.guard.calls import Calls
from runbook_lib.guard.heartbeat import NAME, Heart, beat_of, read_beat
from runbook_lib.guard.lease import Held, Lease
from runbook_lib.guard.pulse import Pulse
from runbook_lib.guard.scribe import Deed, Scribe
from runbook_lib.model import Verdict
from runbook_lib.parameters import Parameters
from runbook_lib.sections import Stage
from runbook_lib.watch import Look, Watcher
from runbook_lib.watch.history import History

SPLIT = "traffic split"
Clock = Callable[[], float]


class Rounds:
    """What a guard remembers from tick to tick; ``say`` tells a sentence on the terminal."""

    def __init__(
        self, clients: Clients, lease: Lease, say: Callable[[str], object], ending: threading.Event | None = None
    ) -> None:
        p = clients.parameters
        self.clients, self.lease, self.ending = clients, lease, ending or threading.Event()
        self.clock: Clock = lease.clock
        self.tick, self.blind = p.watch.tick.total_seconds(), p.watch.blind.total_seconds()
        self.home = p.path(p.records) / p.application.name
        self.heart, self.scribe, self.calls = Heart(self.home), Scribe(say), Calls(clients, say, self.clock)
        self.watcher: Watcher | None = None
        self.weight: int | None = None  # where the users were last seen
        self.known_at = self.measured_at = self.last = self.clock()
        self.pulse, self._say = Pulse(), say
        before = read_beat(self.home / NAME)
        if before is not None and before.said:
            say(f"the guard before this one (process {before.pid}) ended before this was filed: {before.said}")
        self._said: dict[str, str] = {}

    def round(self) -> None:
        """One tick: keep the Lease, see where the users are, look, and act when there is a reason."""
        self._wake()
        try:
            self._go_round()
            self._tell("round", "")
        except (RunbookError, OSError) as error:  # a guard that gave up would leave the users alone
            self._tell("round", f"{type(error).__name__}: {error}")
            self.calls.call("round", f"the guard cannot do its work: {error}")

    def _go_round(self) -> None:
        held = self.lease.keep()
        self._tell("lease", _about(held))
        measured = None
        if not held.mine:
            self.watcher = None
        else:
            weight = self._weight()
            self._begin(weight)
            measured = self._look() if self.watcher is not None else None
        self._tell("heart", self.heart.problem)
        self.heart.beat(
            beat_of(self.clients.parameters, held.mine, held.holder, self.weight, measured, self.scribe.pending)
        )

    def rest(self) -> None:
        """Until the next tick, or the end."""
        self.ending.wait(max(0.0, self.tick - (self.clock() - self.last)))

    def end(self) -> None:
        """Put on record what was done, and leave the Lease to another guard."""
        self.scribe.end()
        self.lease.give_back()
        self.heart.beat(beat_of(self.clients.parameters, False, "", self.weight, None))
        self.heart.end()
        self.pulse.end()

    def _wake(self) -> None:
        """A process that was stopped for longer than its Lease knows nothing any more."""
        self.last, stopped = self.clock(), self.pulse.stopped()
        if self.watcher is not None and stopped > self.lease.seconds:
            self._say(f"this guard was stopped for {stopped:.0f} s; it looks anew")
            self.watcher = None

    def _weight(self) -> int | None:
        """Where the users are; while the knob does not say, where they were last."""
        try:
            self.weight, self.known_at = read_weight(self.clients), self.clock()
            self._tell("knob", "")
            self.calls.over("knob", f"the knob can be read again: {self.weight} %")
        except RunbookError as error:
            self._tell("knob", f"where the users are cannot be read: {error}")
            if self.clock() - self.known_at >= self.blind:
                self.calls.call("knob", f"for {self.blind:.0f} s nobody knows where the users are: {error}")
        return self.weight

    def _begin(self, weight: int | None) -> None:
        """Watch at this weight; what was seen at the weights below goes on to count against the new side."""
        if not weight:
            if self.watcher is not None:
                self._say("nobody is on the new side any more")
            self.watcher = None
        elif self.watcher is None or self.watcher.limits.weight != weight:
            before = self.watcher
            seen = (*before.earlier, *before.observations) if before and before.limits.weight < weight else ()
            stage = stage_of(self.clients.parameters, weight)
            self._say(f"{weight} % of the users are on the new side: this guard watches")
            self.watcher = Watcher(self.clients, stage, None, History(earlier=tuple(seen)))
            self.measured_at = self.clock()

    def _look(self) -> bool:
        """Look once; True when it was measured."""
        assert self.watcher is not None
        look = self.watcher.look(self.watcher.elapsed, 0.0)
        if look.measured:
            self.measured_at = self.clock()
            self._tell("blind", "")
            self.calls.over("blind", "the new side can be measured again")
        else:
            self._blind(look)
        if look.cause is not None:
            self._act(look, look.cause)
        return look.measured

    def _blind(self, look: Look) -> None:
        """No measurement is no reason to go back: hold, and after ``watch.blind`` call people."""
        why = look.observations[-1].problem
        self._tell("blind", f"cannot measure: {why}")
        if self.clock() - self.measured_at >= self.blind:
            said = f"{self.weight} % of the users are on the new side and cannot be watched: {why}"
            self.calls.call("blind", f"{said}; the weight is held; `runbook rollback` brings them back")

    def _act(self, look: Look, cause: Verdict) -> None:
        """Bring the users back, unless a runner does it first, or this guard's knowledge is old."""
        said = f"{cause.name}: {cause.message}"
        if runner.watches(self.home, runner.TICKS * self.tick):
            self._tell("act", f"{said}; a runner watches, it has one tick to act")
            self.ending.wait(self.tick)
        if not self._still_so(cause):
            return
        held = self.lease.confirm()
        if not held.mine:
            self._say(f"{said}; but the Lease is {held.holder or 'nobody'}'s now: this guard does nothing")
            self.watcher = None
            return
        if self.pulse.stopped() > self.lease.seconds:
            self._say(f"{said}; but this guard was stopped since it saw that: it looks anew")
            self.watcher = None
            return
        self._done(look, send_back(self.clients, f"the guard saw {said}", 0, self.weight))

    def _still_so(self, cause: Verdict) -> bool:
        """False when the users are back already, or were moved so that a split that does not show proves nothing."""
        assert self.watcher is not None
        try:
            stands = read_weight(self.clients)
        except RunbookError:
            return True  # what cannot be read is turned to 0 all the same
        if stands == 0:
            self._say("the users are back already: a runner, or somebody else, was first")
            self.weight, self.watcher = 0, None
            return False
        return cause.name != SPLIT or stands == self.watcher.limits.weight

    def _done(self, look: Look, returned: Returned) -> None:
        assert self.watcher is not None
        again = self._said.get("failed", "") != "" and returned.error is not None
        self._tell("failed", returned.said if returned.error else "")
        if returned.error is not None:
            self.calls.call("failed", f"{returned.cause}; {returned.said}; the guard tries again at every tick")
        elif returned.change is None:
            self._tell("act", f"{returned.cause}; {returned.said}")
            return
        else:
            self._say(f"{returned.cause}; {returned.said}")
            self.calls.over("failed", "the users could be brought back in the end")
            self.calls.call(f"done {returned.began}", f"{returned.cause}; {returned.said}")
        if not again:  # a knob that refuses at every tick is put on record once
            self.scribe.take(Deed(self.clients, returned, look, self.watcher.limits, self.watcher.earlier))
        if returned.error is None:
            self.weight, self.watcher = 0, None

    def _tell(self, topic: str, sentence: str) -> None:
        """Say it once, until it is another one."""
        if self._said.get(topic, "") != sentence:
            self._said[topic] = sentence
            if sentence:
                self._say(sentence)


def stage_of(parameters: Parameters, weight: int) -> Stage:
    """The planned stage of that weight; for one that nobody planned, the limits of the next lower one."""
    below = [stage for stage in parameters.stages if stage.weight <= weight]
    stage = below[-1] if below else parameters.stages[0]
    return stage.model_copy(update={"weight": weight})


def _about(held: Held) -> str:
    if held.problem and held.mine:
        return f"{held.problem}; this guard held the Lease last and goes on"
    if held.problem:
        return f"{held.problem}; this guard does not hold the Lease and waits"
    return "this guard holds the Lease" if held.mine else f"{held.holder or 'another guard'} is on duty; this one waits"
