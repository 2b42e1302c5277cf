"""What was filed since the last seal is verified and sealed; what does not verify is left out and named."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.errors import BadParameters, NotTrusted
from runbook_lib.gate.filed import read_question
from runbook_lib.proof import seal
from runbook_lib.proof.verify import Remark, Report, spoilt_runs, verify
from runbook_lib.trust.identity import Identity
from runbook_lib.trust.signers import Signers

Choose = Callable[[Collection[str]], Identity]
"""Somebody who can seal, and is none of these."""


@dataclass(frozen=True)
class Sealed:
    """The new seal, None when there was nothing to seal; ``left_out`` says what was not sealed and why."""

    seal: seal.Seal | None
    left_out: tuple[Remark, ...]


def seal_new(records: Path, signers: Signers, choose: Choose) -> Sealed:
    """Seal the records and gates that no seal holds yet; NotTrusted when the earlier seals are not as they were."""
    if not records.is_dir():
        raise BadParameters(f"there is no archive {records}; name it with --records")
    with seal.sealing(records):
        known = {entry["path"] for path in seal.seal_files(records) for entry in _read(path).entries}
        new = seal.to_seal(records, known)
        if not new:
            return Sealed(None, ())
        report = verify(records, signers, only={path.partition("/")[0] for path in new}, with_views=False)
        if broken := [fault for fault in report.faults if fault.path.startswith(f"{seal.FOLDER}/")]:
            raise NotTrusted(f"nothing is sealed while the seals are not as they were: {broken[0]}")
        good = _good(records, new, report)
        batch = {path.rpartition("/attempt-")[0] for path in good}
        filers = {name for run in report.accepted if run.run in batch for name in run.filed_by}
        return Sealed(seal.write_seal(records, good, choose(filers)) if good else None, report.faults)


def _good(records: Path, new: Iterable[str], report: Report) -> list[str]:
    """The files of runs in which nothing is wrong, and of the gates that these asked."""
    bad_gates = {_gate(fault.path) for fault in report.faults}
    spoilt = spoilt_runs(report.faults, ())
    good = []
    for path in new:
        application, folder, _ = path.split("/", 2)
        if folder != "gates":
            good += [path] if f"{application}/{folder}" not in spoilt else []
        elif _gate(path) not in bad_gates:
            asked = read_question(records / f"{_gate(path)}.json")
            good += [path] if f"{application}/{asked.run}" not in spoilt else []
    return good


def _gate(path: str) -> str:
    """A file of a gate -> application/gates/<id>."""
    return path.partition(".")[0] if "/gates/" in path else ""


def _read(path: Path) -> seal.Seal:
    try:
        return seal.read_seal(path)
    except BadParameters as error:
        raise NotTrusted(f"nothing is sealed while the seals are not as they were: {error}") from None
