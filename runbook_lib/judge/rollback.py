"""Is the workload, and what it reads, what it was: digests held against those that were kept."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.model import Outcome, Verdict


def workload(wanted: str, found: str, source: str) -> Verdict:
    """The Pod template that stands, by its digest, against the one that was gone back to."""
    if found == wanted:
        return Verdict("workload", Outcome.PASS, f"the template is {found[:12]}, that of {source}")
    return Verdict("workload", Outcome.FAIL, f"the template is {found[:12]}, not {wanted[:12]} of {source}")


def configuration(states: Sequence[tuple[str, str]], source: str) -> Verdict:
    """Each ConfigMap and Secret against its copy: same, differs or gone; with none at all there is nothing to know."""
    numbers = {"objects": float(len(states)), "same": float(sum(state == "same" for _, state in states))}
    words = {"gone": "is gone"}
    wrong = [f"{name} {words.get(state, state)}" for name, state in states if state != "same"]
    if wrong:
        return Verdict("configuration", Outcome.FAIL, f"not as in {source}: {', '.join(wrong)}", numbers)
    if not states:
        message = f"{source} holds no ConfigMap and no Secret to bring back"
        return Verdict("configuration", Outcome.PASS, message, numbers)
    return Verdict("configuration", Outcome.PASS, f"{len(states)} of {len(states)} are as in {source}", numbers)


def fresh(stale: Sequence[str], pods: int) -> Verdict:
    """Pods that were started before what they read was written still run with the other configuration."""
    numbers = {"pods": float(pods), "stale": float(len(stale))}
    if stale:
        message = f"{len(stale)} of {pods} Pods still run with the configuration of before: {', '.join(stale[:5])}"
        return Verdict("configuration in the Pods", Outcome.FAIL, message, numbers)
    if not pods:
        return Verdict("configuration in the Pods", Outcome.INCONCLUSIVE, "there is no Pod that reads it", numbers)
    return Verdict("configuration in the Pods", Outcome.PASS, f"all {pods} Pods started after it was written", numbers)
