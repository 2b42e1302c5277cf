"""Shots of the generator -> one Step that can be judged."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runbook_lib.judge.knee import Step
from runbook_lib.load.generate import Shot

LATE = 0.1  # of the latency limit: what is sent later than that is our delay, not the Pod's


def step_of(shots: Sequence[Shot], rate: float, seconds: float, limit: float) -> Step:
    """What these shots tell of a rate; latency counts from when each was due, one never answered is the slowest."""
    waits = sorted(math.inf if shot.answered is None else shot.answered - shot.due for shot in shots)
    answered = sum(1 for shot in shots if shot.answered is not None and shot.answered <= seconds + limit)
    return Step(
        rate=rate,
        seconds=seconds,
        sent=len(shots),
        failed=sum(not shot.good for shot in shots),
        slow=sum(wait > limit for wait in waits),
        late=sum(1 for shot in shots if shot.sent is not None and shot.sent - shot.due > LATE * limit),
        throughput=answered / seconds if seconds > 0 else 0.0,
        p50=_quantile(waits, 0.5),
        p99=_quantile(waits, 0.99),
    )


def _quantile(waits: Sequence[float], share: float) -> float | None:
    """The smallest wait that at least this share did not exceed; None without any, or where nothing came."""
    found = waits[math.ceil(share * len(waits)) - 1] if waits else math.inf
    return found if math.isfinite(found) else None
