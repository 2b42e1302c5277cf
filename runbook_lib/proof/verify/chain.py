"""The attempts of one application together: none is missing, and each came after the one that it names."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.proof.verify.looked import SKEW, Looked, moment
from runbook_lib.proof.verify.report import Remarks
from runbook_lib.record import archive


def check(attempts: Sequence[Looked], said: Remarks) -> None:
    """Gaps in the numbers of a run, records that others name and that are not there, and time that runs backwards."""
    _numbers(attempts, said)
    known = {(one.run, one.number): one for one in attempts}
    for one in attempts:
        named = one.facts.get("previous")
        if named is not None:
            before = known.get((named["run"], named["attempt"]))
            _previous(one, before, f"{one.application}/{named['run']}/attempt-{named['attempt']}", said)


def _numbers(attempts: Sequence[Looked], said: Remarks) -> None:
    for run in sorted({one.run for one in attempts}):
        numbers = {one.number for one in attempts if one.run == run}
        for gap in sorted(set(range(1, max(numbers))) - numbers):
            said.fault(f"{attempts[0].application}/{run}/attempt-{gap}", "is missing; later attempts are there")


def _previous(one: Looked, before: Looked | None, place: str, said: Remarks) -> None:
    record = f"{place}/{archive.RECORD}"
    if before is None or archive.RECORD not in before.digests:
        said.fault(record, f"is missing; {one.place} was opened after it")
    elif before.digests[archive.RECORD] != one.facts["previous"]["sha256"]:
        said.fault(record, f"is another one than there was when {one.place} was opened")
    elif moment(one.facts["started"]) < moment(before.facts["ended"]) - SKEW:
        said.fault(
            one.place, f"says that it started at {one.facts['started']}, before the record that it names was filed"
        )
