"""May a stage begin? The stage before it must stand, and the old side must be able to take everybody back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.model import Outcome, Verdict

_MEASURED = 0.05  # two measurements of one rate differ by so much


def judge_predecessor(weight: int, standing: int, planned: Sequence[int]) -> Verdict:
    """PASS when the traffic stands at the stage before ``weight``, or at ``weight`` itself (a run that goes on)."""
    before = max((w for w in planned if w < weight), default=0)
    said = f"{standing} % of the users are on the new side; this stage comes after {before} %"
    outcome = Outcome.PASS if standing in (before, weight) else Outcome.FAIL
    return Verdict("stage before", outcome, said, {"standing": standing, "before": before})


def judge_capacity(needed: float, carried: float, known: Mapping[str, float | None], source: str) -> Verdict:
    """Can the instances of the old side carry ``needed`` requests a second again? INCONCLUSIVE where it is not known.

    ``carried``: requests a second that it answers at this moment, which is proof while all users are there; ``known``:
    what each instance that answers carries or has carried, as ``source`` says.
    """
    name, unknown = "old side's capacity", sorted(instance for instance, rate in known.items() if rate is None)
    if not known:
        return Verdict(name, Outcome.INCONCLUSIVE, "no instance of the old side answers")
    if needed and carried >= needed * (1 - _MEASURED):
        said = f"{carried:.1f} of {needed:.1f} requests/s are answered by the old side at this moment"
        return Verdict(name, Outcome.PASS, said, {"needed": needed, "carries": carried})
    if unknown:
        said = f"not known of {', '.join(unknown)}; give legacy.requests_per_second from a load test"
        return Verdict(name, Outcome.INCONCLUSIVE, said, {"needed": needed})
    carries = sum(rate for rate in known.values() if rate is not None)
    said = f"{needed:.1f} requests/s now, both sides together; {len(known)} instances carry {carries:.1f} ({source})"
    enough = carries >= needed * (1 - _MEASURED)
    numbers = {"needed": needed, "carries": carries}
    return Verdict(name, Outcome.PASS if enough else Outcome.INCONCLUSIVE, said, numbers)


def judge_old_side(alive: Mapping[str, bool]) -> Verdict:
    """PASS when every instance of the old side answers: it has to be able to carry all users again."""
    down = sorted(name for name, answers in alive.items() if not answers)
    said = f"{len(alive) - len(down)} of {len(alive)} answer" + (f"; silent: {', '.join(down)}" if down else "")
    if not alive:
        return Verdict("old side", Outcome.INCONCLUSIVE, "no instance is named in legacy.instances")
    return Verdict("old side", Outcome.FAIL if down else Outcome.PASS, said, {"alive": len(alive) - len(down)})
