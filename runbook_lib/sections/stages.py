"""The sections that say how far users go at a time, how that is watched, and what is too much."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from runbook_lib.fields import Duration, Span, Weight
from runbook_lib.sections.section import Section

Cadence = Literal["standard", "conservative", "core", "internal"]
CADENCES: dict[str, tuple[dict[str, Any], ...]] = {
    "standard": (
        {"weight": 5, "observe": "24h"},
        {"weight": 10, "observe": "24h"},
        {"weight": 20, "observe": "24h"},
        {"weight": 50, "observe": "48h", "weekend": True},
        {"weight": 100, "observe": "2w"},
    ),
    "conservative": (
        {"weight": 1, "observe": "24h"},
        *({"weight": weight, "observe": "2h"} for weight in (5, 10, 30, 50)),
        {"weight": 100, "observe": "2w"},
    ),
    "core": (
        *({"weight": weight, "observe": "24h"} for weight in (1, 5, 10, 25, 50, 75)),
        {"weight": 100, "observe": "2w"},
    ),
    "internal": (*({"weight": weight, "observe": "2h"} for weight in (10, 50)), {"weight": 100, "observe": "24h"}),
}
"""How fast the teams of the sources went; where they name no time, a stage is watched for two hours or a day."""


class Stage(Section):
    weight: Weight
    observe: Span
    """How long the stage is watched at the least."""
    rule_out: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Rate of failed, and of slow, requests that must be ruled out to pass; None: thresholds.error_rate.
    With no failure at all this takes 3/rule_out requests."""
    weekend: bool = False
    """True: the stage lasts until a whole Saturday and Sunday, in the calendar's time zone, were watched."""


class Thresholds(Section):
    error_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Above this rate on the new side, with evidence, traffic goes back."""
    error_ratio: Annotated[float, Field(gt=1)] = 1.25
    """Margin on new/old error rate that still counts as not worse."""
    latency: Duration = timedelta(milliseconds=500)
    """Requests slower than this count as slow; put it at a bucket boundary near the P99 of the old side."""
    latency_ratio: Annotated[float, Field(gt=1)] = 1.5
    """Margin on the new/old fraction of slow requests."""
    slow_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Above this share of slow requests traffic goes back where the old side has none to compare with."""
    restarts: Annotated[int, Field(ge=1)] = 3
    """Container restarts within restart_window that bring the traffic back."""
    restart_window: Duration = timedelta(minutes=5)
    throttled: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Share of throttled CPU periods, over the window of metrics.throttling, that keeps a stage from passing."""
    cost_ratio: Annotated[float, Field(gt=1)] = 1.5
    """Margin on the new/old CPU time that a request costs; the comparison fails surely above it, under like load."""
    headroom: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of its memory limit that a Pod must leave free."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    """Chance of a false rollback over the whole passage, split over the tests."""
    breaker_requests: Annotated[int, Field(ge=1)] = 20
    breaker_rate: Annotated[float, Field(gt=0, le=1)] = 0.2
    """At least so many requests with at least this error rate, and worse than the old side: back at once."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 1
    """How often one user's request may be counted because clients or proxies try again; evidence is worth as much less.
    The old side held against itself tells when it is too low."""


class Watch(Section):
    tick: Span = timedelta(seconds=15)
    """Time between two looks."""
    extend: Duration = timedelta(hours=1)
    """How much longer than planned a stage may be watched when evidence is missing."""
    slice: Span | None = timedelta(minutes=15)
    """A stage that is observed for longer is watched in slices: one attempt each, the next one goes on from there.
    None: in one go."""
    blind: Duration = timedelta(minutes=2)
    """No measurement for so long: the stage holds and calls people."""


def _whole_seconds(value: timedelta) -> timedelta:
    if value.total_seconds() < 1 or value % timedelta(seconds=1):
        raise ValueError("a Lease lasts whole seconds, at least one")
    return value


class Guard(Section):
    lease: Annotated[Span, AfterValidator(_whole_seconds)] = timedelta(seconds=15)
    """So long a guard that was not heard of keeps the Lease of its application; then another guard takes over."""
    remind: Span = timedelta(minutes=15)
    """While it cannot measure, or cannot bring the users back, people are called again so often."""
