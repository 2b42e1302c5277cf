"""May a stage begin? The stage before it must stand, and the old side must be able to take everybody back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.model import Outcome, Verdict


def judge_predecessor(weight: int, standing: int, planned: Sequence[int]) -> Verdict:
    """PASS when the traffic stands at the stage before ``weight``, or at ``weight`` itself (a run that goes on)."""
    before = max((w for w in planned if w < weight), default=0)
    said = f"{standing} % of the users are on the new side; this stage comes after {before} %"
    outcome = Outcome.PASS if standing in (before, weight) else Outcome.FAIL
    return Verdict("stage before", outcome, said, {"standing": standing, "before": before})


def judge_old_side(alive: Mapping[str, bool]) -> Verdict:
    """PASS when every instance of the old side answers: it has to be able to carry all users again."""
    down = sorted(name for name, answers in alive.items() if not answers)
    said = f"{len(alive) - len(down)} of {len(alive)} answer" + (f"; silent: {', '.join(down)}" if down else "")
    if not alive:
        return Verdict("old side", Outcome.INCONCLUSIVE, "no instance is named in legacy.instances")
    return Verdict("old side", Outcome.FAIL if down else Outcome.PASS, said, {"alive": len(alive) - len(down)})
