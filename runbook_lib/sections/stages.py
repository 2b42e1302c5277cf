"""The sections that say how far users go at a time, how that is watched, and what is too much."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from runbook_lib.fields import Duration, Span, Weight
from runbook_lib.sections.section import Section


class Stage(Section):
    weight: Weight
    observe: Span
    """How long the stage is watched at the least."""
    rule_out: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Rate of failed, and of slow, requests that must be ruled out to pass; None: thresholds.error_rate.
    With no failure at all this takes 3/rule_out requests."""


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
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    """Chance of a false rollback over the whole passage, split over the tests."""
    breaker_requests: Annotated[int, Field(ge=1)] = 20
    breaker_rate: Annotated[float, Field(gt=0, le=1)] = 0.2
    """At least so many requests with at least this error rate, and worse than the old side: back at once."""


class Watch(Section):
    tick: Span = timedelta(seconds=15)
    """Time between two looks."""
    extend: Duration = timedelta(hours=1)
    """How much longer than planned a stage may be watched when evidence is missing."""
    blind: Duration = timedelta(minutes=2)
    """No measurement for so long: the stage holds and calls people."""
