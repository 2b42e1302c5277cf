"""Do both sides do the same business? Figures per request, compared both ways."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import ndtri

from runbook_lib.model import SIDES, Measurement, Outcome, Verdict

_ENOUGH = 30
_COARSEST = 3.0  # chance may blur the ratio by so many tolerances before a likeness means nothing


def judge_figure(
    pair: Sequence[Measurement], requests: dict[str, float], orders: dict[str, float], tolerance: float
) -> Verdict:
    """The figure per request on both sides: FAIL when it differs by more than ``tolerance`` beyond chance.

    ``pair`` holds one Measurement a side; ``requests`` and ``orders`` are counts by side. Chance is taken as that of
    ``orders`` independent events (a Poisson count): a figure made of few of them cannot be told apart from noise.
    """
    name = pair[0].name
    values = {m.side: m.value for m in pair}
    old, new = values.get("legacy"), values.get("kubernetes")
    finite = all(v is not None and math.isfinite(v) for v in (old, new, *requests.values(), *orders.values()))
    if old is None or new is None or not finite or not all(requests.get(side) for side in SIDES):
        return Verdict(name, Outcome.INCONCLUSIVE, "one side has no figure or no requests")
    events = min(orders.get("legacy", 0), orders.get("kubernetes", 0))
    if events < _ENOUGH or old <= 0:
        return Verdict(name, Outcome.INCONCLUSIVE, f"only {events:.0f} events on one side, {_ENOUGH} are needed")
    old_rate, new_rate = old / requests["legacy"], new / requests["kubernetes"]
    ratio = new_rate / old_rate
    error = math.sqrt(sum(1 / orders[s] for s in ("legacy", "kubernetes")))
    said = (
        f"{new_rate:.4g} {pair[0].unit} a request, old side {old_rate:.4g}: {ratio - 1:+.1%}, tolerated {tolerance:.0%}"
    )
    numbers = {"kubernetes": new, "legacy": old, "ratio": ratio, "standard_error": error}
    beyond = abs(math.log(ratio)) - math.log1p(tolerance) if ratio > 0 else math.inf
    if beyond > float(ndtri(0.995)) * error:
        return Verdict(name, Outcome.FAIL, said, numbers)
    same = beyond <= 0 and 1.96 * error <= _COARSEST * tolerance
    return Verdict(name, Outcome.PASS if same else Outcome.INCONCLUSIVE, said, numbers)
