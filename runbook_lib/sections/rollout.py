"""How a release arrives on the cluster: how patient the watch is, what a Pod that fails means, and in which batches."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from runbook_lib.fields import Duration, Span
from runbook_lib.sections.section import Section


def _batch(value: int | str) -> int | str:
    share = str(value).removesuffix("%")
    if isinstance(value, str) and (not value.endswith("%") or not share.isdigit() or not 1 <= int(share) <= 100):
        raise ValueError(f"{value!r} is no batch; write a number of Pods, or a share from 1% to 100%")
    if isinstance(value, int) and value < 1:
        raise ValueError(f"a batch of {value} Pods is none; write 1 or more, or a share such as 25%")
    return value


Batch = Annotated[int | str, AfterValidator(_batch)]


class Rollout(Section):
    failed_pods: Literal["fail", "recreate", "ignore"] = "recreate"
    """What a Pod that stays in trouble means: fail the release, re-create it until it is ready, or ignore a few."""
    patience: Span = timedelta(minutes=3)
    """How long a Pod may be in trouble before it has failed; longer than its slowest start without a startupProbe."""
    ignore_below: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """With `ignore`: failed Pods are left for later while they are fewer than this share of the wanted ones."""
    progress_deadline: Span | None = None
    """Give up when nothing changed for so long; None: only the Deployment's own progressDeadlineSeconds counts."""
    batches: list[Batch] = []
    """How many Pods, or which share of them, are new after each batch; empty: the Deployment's own strategy."""
    pause: Duration = timedelta(seconds=30)
    """How long the Pods of a batch must stay ready, with no restart, before the next batch."""
    abort_on_failure: bool = False
    """True: a rollout that fails goes back to the revision before by itself; False: a person says so."""
