"""A knob that belongs to somebody else, a load balancer or a registry: asked, set, and asked again until it shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runbook_lib.errors import BadParameters, ChangeFailed, RunbookError
from runbook_lib.model import Change, now

_PAUSE = 0.2  # seconds


@dataclass(frozen=True)
class Trouble:
    """Why it is not sure that what was written was taken; ``late``: it may have been, or still be."""

    said: str
    late: bool


@dataclass(frozen=True)
class Knob:
    """``look`` asks for the percent, ``put`` sets it; ``way`` is how a person looks, ``patience`` in seconds."""

    look: Callable[[], int]
    put: Callable[[int], Trouble | None]
    way: str
    patience: float


def move(knob: Knob, weight: int, expected: int | None = None) -> Change:
    """Compare, write, read back; a way back to 0 is written even where it cannot be read what stands.

    What stands afterwards decides: ChangeFailed says what that is, or that it is not known and how to look.
    """
    try:
        before = knob.look()
    except RunbookError:
        if weight:
            raise
        before = None
    if weight and expected not in (None, before):
        moved = f"somebody else moved the users from {expected} % to {before} % since it was read"
        raise ChangeFailed(f"{moved}; nothing was changed")
    if before == weight:
        return Change("traffic weight", before, weight, False, now())
    trouble = knob.put(weight)
    stands, unknown = _settled(knob, weight, wait=trouble is None or trouble.late)
    if stands == weight and (trouble is None or trouble.late or weight == 0):
        return Change("traffic weight", before, weight, True, now(), trouble.said if trouble else "")
    raise ChangeFailed(_told(knob, weight, before, stands, unknown, trouble))


def restore(knob: Knob, held: Any) -> Change:
    """Set the weight that stood once."""
    if not isinstance(held, int) or isinstance(held, bool) or not 0 <= held <= 100:
        raise BadParameters(f"{held!r} is not a weight that stood once; needed is a whole percent")
    return move(knob, held)


def _settled(knob: Knob, weight: int, wait: bool) -> tuple[int | None, RunbookError | None]:
    """What stands, or why that is not known; what is taken late is waited for."""
    deadline = time.monotonic() + knob.patience
    while True:
        stands, unknown = None, None
        try:
            stands = knob.look()
        except RunbookError as error:
            unknown = error
        if stands == weight or not wait or time.monotonic() > deadline:
            return stands, unknown
        time.sleep(_PAUSE)


def _told(
    knob: Knob,
    weight: int,
    before: int | None,
    stands: int | None,
    unknown: RunbookError | None,
    trouble: Trouble | None,
) -> str:
    said = trouble.said if trouble else f"{weight} % was written"
    if stands is None:
        return f"{said}; it is not known where the users are ({unknown}); look with {knob.way}"
    if stands == weight:
        return f"{said}, though it says {stands} % now; look at it before the users go on"
    if stands == before:
        late = ", and the change may still come late" if trouble is None or trouble.late else ""
        return f"{said}; {stands} % of the users are on the new side as before{late}; look with {knob.way}"
    return f"{said}; it says {stands} % now: somebody else moves the users; look with {knob.way}"
