"""Whether a phase that changes nothing may hand over to the next one."""

from __future__ import annotations

from collections.abc import Iterable

from runbook_lib.errors import CriterionFailed
from runbook_lib.model import Outcome, Verdict


def require(verdicts: Iterable[Verdict]) -> None:
    """Raises CriterionFailed unless all pass: what could not be measured does not pass, either."""
    missed = [verdict for verdict in verdicts if verdict.outcome is not Outcome.PASS]
    if missed:
        raise CriterionFailed("; ".join(f"{verdict.name}: {verdict.message}" for verdict in missed))
