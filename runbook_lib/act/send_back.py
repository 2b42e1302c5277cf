"""The users are sent back at once; what is to be recorded of it is held, because writing may take longer than they can.

Nothing is imported here that a rollback does not need: seconds count from the command to the reload.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.act.traffic.knob import read_weight, shift
from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError
from runbook_lib.fields import write_duration
from runbook_lib.model import Change, now
from runbook_lib.parameters import Parameters


@dataclass(frozen=True)
class Returned:
    """What was done about the users, and when; ``error`` says why it failed.

    ``standing`` is where they were, in percent; None when the knob could not be read. ``change`` is None in a dry run,
    too: then nothing was done.
    """

    cause: str
    standing: int | None
    weight: int
    began: datetime
    done: datetime
    change: Change | None = None
    error: RunbookError | None = None

    @property
    def what(self) -> str:
        """The act in the words of the journal."""
        return f"users: {'?' if self.standing is None else self.standing} % -> {self.weight} %"

    @property
    def said(self) -> str:
        """The act in a sentence."""
        if self.error is not None:
            return f"the users could not be brought back: {self.error}"
        if self.change is None:
            return f"dry run: nobody was moved; it would be {self.what}"
        seconds = (self.done - self.began).total_seconds()
        where = f" ({self.change.note})" if self.change.note else ""
        return f"{self.what} in {seconds:.2f} s{where}"


def send_back(clients: Clients, cause: str, weight: int = 0, known: int | None = None) -> Returned:
    """Send ``weight`` percent (0: nobody) to the new side; never raises, because there is something to record.

    For 0 the knob is not asked first: it is turned, whatever stands there, and whether or not that can be read;
    ``known`` is what the caller saw last. For more than 0 only what was read just now is changed, and never upward:
    somebody else may have brought everybody back.
    """
    began, standing = now(), known
    if clients.parameters.dry_run:
        with contextlib.suppress(RunbookError):  # said with a question mark
            standing = read_weight(clients)
        return Returned(cause, standing, weight, began, now())
    try:
        if weight:
            standing = read_weight(clients)
            weight = min(weight, standing)
        change = shift(clients, weight, expected=standing if weight else None)
    except RunbookError as error:
        return Returned(cause, standing, weight, began, now(), error=error)
    before = change.before if isinstance(change.before, int) else standing
    return Returned(cause, before, weight, began, now(), change)


def previous_weight(parameters: Parameters, standing: int) -> int:
    """The planned weight below the one that stands; 0 below the first."""
    return max((stage.weight for stage in parameters.stages if stage.weight < standing), default=0)


def lagging(parameters: Parameters) -> str:
    """Who still reaches the new side for a while after the weight is 0, in a sentence; empty when nobody does."""
    said = []
    if parameters.traffic.sticky:
        said.append(f"users with the cookie {parameters.traffic.sticky} stay on their side until their sessions end")
    knob = parameters.traffic.knob
    if knob.kind == "dns":
        said.append(f"resolvers keep the old answer for up to {write_duration(knob.ttl)} (its TTL), some longer")
    return "; ".join(said)
