"""Does the observed share match the one asked for? A weight that is written but does not route is a failed change."""

from __future__ import annotations

from scipy.special import betainc

from runbook_lib.model import Outcome, Verdict

_ENOUGH = 100
_EXPECTED = 7  # requests expected on the smaller side: with none of them seen, chance is below 0.1 %
_IMPROBABLE = 1e-4
_TOLERATED = 0.15
_STRAGGLERS = 0.01  # at 100 %: old nginx workers with long keep-alive connections still bring a few to the old side


def judge_split(weight: int, kubernetes_requests: float, legacy_requests: float) -> Verdict:
    """Sample-ratio-mismatch test of the observed requests against ``weight`` percent.

    At 0 % not one request may be on the new side; at 100 % up to 1 % stragglers hold the verdict. In between FAIL needs
    both an improbable count and a share that is off by more than 15 % of the smaller side, because scrapes of the two
    sides are not taken at one instant.
    """
    total = kubernetes_requests + legacy_requests
    share = kubernetes_requests / total if total else 0.0
    asked = weight / 100
    said = f"observed {share:.2%} ({kubernetes_requests:.0f}/{total:.0f}), asked {weight} %"
    numbers = {"kubernetes_requests": kubernetes_requests, "legacy_requests": legacy_requests, "asked": asked}
    needed = _ENOUGH if weight in (0, 100) else max(_ENOUGH, _EXPECTED / min(asked, 1 - asked))
    if total < needed:
        return Verdict("traffic split", Outcome.INCONCLUSIVE, f"{said}; {needed - total:.0f} more requests", numbers)
    if weight in (0, 100):
        wrong = kubernetes_requests if weight == 0 else legacy_requests
        tolerated = _STRAGGLERS * total if weight == 100 else 0
        outcome = Outcome.PASS if wrong == 0 else Outcome.INCONCLUSIVE if wrong <= tolerated else Outcome.FAIL
        return Verdict("traffic split", outcome, said, numbers)
    chance = _two_sided(round(kubernetes_requests), round(total), asked)
    off = abs(share - asked) > _TOLERATED * min(asked, 1 - asked)
    outcome = Outcome.FAIL if chance < _IMPROBABLE and off else Outcome.PASS
    return Verdict("traffic split", outcome, f"{said}, p = {chance:.2g}", {**numbers, "p": float(chance)})


def _two_sided(seen: int, total: int, share: float) -> float:
    """Twice the smaller tail of Binomial(total, share) at ``seen``, at most 1.

    By the incomplete beta function: scipy.stats would cost every kernel a second before users can be moved.
    """
    at_most = float(betainc(total - seen, seen + 1, 1 - share)) if seen < total else 1.0
    at_least = float(betainc(seen, total - seen + 1, share)) if seen > 0 else 1.0
    return min(1.0, 2 * min(at_most, at_least))
