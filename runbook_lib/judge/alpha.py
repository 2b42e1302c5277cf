"""How the chance of a false FAIL is divided among the metrics that are judged, so that all together keep to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.errors import BadParameters


@dataclass(frozen=True)
class AlphaShare:
    """One metric's share of the chance of a false FAIL."""

    name: str
    alpha: float


def share_alpha(
    names: Sequence[str], alpha: float, weights: Mapping[str, float] | None = None
) -> tuple[AlphaShare, ...]:
    """One share a metric; they sum to ``alpha`` (Bonferroni: whatever the metrics have to do with each other).

    Even, or in proportion to ``weights``; a metric that is not in ``weights`` has the weight 1.
    """
    given = {name: float((weights or {}).get(name, 1.0)) for name in names}
    unknown = sorted(set(weights or {}) - set(given))
    if not given or len(given) < len(names) or unknown:
        raise BadParameters(f"alpha is shared among metrics with names of their own: {list(names)}, unknown: {unknown}")
    if not 0 < alpha < 1 or not all(math.isfinite(w) and w > 0 for w in given.values()):
        raise BadParameters(f"alpha is between 0 and 1 and weights are above 0: alpha {alpha}, weights {given}")
    total = math.fsum(given.values())
    return tuple(AlphaShare(name, alpha * weight / total) for name, weight in given.items())
