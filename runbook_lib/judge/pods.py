"""Restarts, OOM kills, throttling and alerts: counts that need no statistics to be too many."""

from __future__ import annotations

from runbook_lib.model import Outcome, Verdict


def judge_restarts(restarts: int | None, recent: int, window: str, limit: int) -> Verdict:
    """Trigger at ``limit`` recent restarts; a single one in the stage keeps it from passing; None is INCONCLUSIVE.

    ``restarts`` since the stage began, ``recent`` of them within the last ``window``.
    """
    if restarts is None:
        return Verdict("Pod restarts", Outcome.INCONCLUSIVE, "the cluster did not say")
    said = f"{restarts} in this stage, {recent} in the last {window}, limit {limit}"
    outcome = Outcome.PASS if restarts == 0 else Outcome.FAIL
    return Verdict("Pod restarts", outcome, said, {"restarts": restarts, "recent": recent}, trigger=recent >= limit)


def judge_out_of_memory(kills: int | None) -> Verdict:
    """Any OOMKilled container is a trigger; None is INCONCLUSIVE."""
    if kills is None:
        return Verdict("OOM kills", Outcome.INCONCLUSIVE, "the cluster did not say")
    outcome = Outcome.PASS if kills == 0 else Outcome.FAIL
    return Verdict("OOM kills", outcome, f"{kills}, limit 0", {"kills": kills}, trigger=kills > 0)


def judge_ready(ready: int | None, wanted: int | None) -> Verdict:
    """All wanted Pods must be ready; none ready at all is a trigger; unknown is INCONCLUSIVE."""
    if ready is None or wanted is None or wanted == 0:
        return Verdict("ready Pods", Outcome.INCONCLUSIVE, "the cluster did not say")
    outcome = Outcome.PASS if ready >= wanted else Outcome.INCONCLUSIVE if ready else Outcome.FAIL
    numbers = {"ready": float(ready), "wanted": float(wanted)}
    return Verdict("ready Pods", outcome, f"{ready} of {wanted}", numbers, trigger=ready == 0)


def judge_throttling(share: float | None, limit: float) -> Verdict:
    """FAIL above the limit: the stage does not pass; None (no answer, or no periods counted) is INCONCLUSIVE."""
    if share is None:
        return Verdict("CPU throttling", Outcome.INCONCLUSIVE, "no CPU periods are reported")
    outcome = Outcome.PASS if share <= limit else Outcome.FAIL
    said = f"{share:.0%} of the CPU periods, limit {limit:.0%}"
    return Verdict("CPU throttling", outcome, said, {"share": share, "limit": limit})


def judge_alerts(firing: list[str] | None) -> Verdict:
    """No alert may be firing; None (Prometheus did not answer) is INCONCLUSIVE."""
    if firing is None:
        return Verdict("alerts", Outcome.INCONCLUSIVE, "Prometheus did not answer")
    if firing:
        return Verdict("alerts", Outcome.FAIL, f"firing: {', '.join(sorted(firing))}", {"firing": len(firing)})
    return Verdict("alerts", Outcome.PASS, "none is firing", {"firing": 0})
