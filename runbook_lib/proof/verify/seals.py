"""The seals: each signed by somebody who seals, linked to the one before it, over files that are still the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from runbook_lib.errors import BadParameters, NotTrusted
from runbook_lib.proof.seal import FOLDER, Seal, merkle_root, names_in, read_seal
from runbook_lib.proof.verify.looked import Looked, moment
from runbook_lib.proof.verify.report import Remarks
from runbook_lib.record.statement import sha256
from runbook_lib.trust.signature import Proof, verify
from runbook_lib.trust.signers import SEALER, Signers


def look(path: Path, signers: Signers) -> tuple[Seal | None, Proof | None, Remarks]:
    """One seal for itself: its shape, its root and its signature."""
    said, here = Remarks(), f"{FOLDER}/{path.name}"
    try:
        seal = read_seal(path)
    except BadParameters as error:
        said.fault(here, str(error).removeprefix(f"{path} "))
        return None, None, said
    if seal.root != merkle_root(seal.entries, seal.previous):
        said.fault(here, "names a root that its entries do not have")
    if seal.count != len(seal.entries):
        said.fault(here, f"says {seal.count} entries and has {len(seal.entries)}")
    try:
        return seal, verify(path.read_bytes(), _signature(path), signers, SEALER, moment(seal.sealed_at)), said
    except NotTrusted as error:
        said.fault(f"{here}.sig", str(error).removeprefix(f"{_signature(path)} "))
        return seal, None, said


def check(
    records: Path,
    found: Sequence[tuple[Path, Seal | None, Proof | None]],
    attempts: Mapping[str, Looked],
    only: Collection[str] | None,
    said: Remarks,
) -> set[str]:
    """Seals together, and against the files they name (of the applications ``only``); what they seal."""
    sealed: dict[str, str] = {}
    before: Seal | None = None
    for number, (path, seal, proof) in enumerate(found, 1):
        here = f"{FOLDER}/{path.name}"
        if path.name != f"{number}.json":
            said.fault(f"{FOLDER}/{number}.json", "is missing; later seals are there")
        if seal is None:
            before = None
            continue
        linked = (before.number, before.root) if before else None
        if (seal.previous if before or number == 1 else linked) != linked:
            said.fault(here, "does not follow from the seal before it")
        if f"{seal.number}.json" != path.name:
            said.fault(here, f"is the seal number {seal.number}: it was moved here")
        if before and moment(seal.sealed_at) < moment(before.sealed_at):
            said.fault(here, "is older than the seal before it")
        for entry in seal.entries:
            if entry["path"] in sealed:
                said.fault(here, f"seals {entry['path']}, which was sealed before")
            sealed[entry["path"]] = entry["sha256"]
        _other_people(seal, proof, attempts, here, said)
        before = seal
    _still_there(records, sealed, only, said)
    return set(sealed)


def named(found: Sequence[Seal | None], wanted: str, said: Remarks) -> None:
    """The seal that somebody kept elsewhere is here: nothing was cut off since."""
    number, count, root = names_in(wanted)
    if not any(seal and (seal.number, seal.count, seal.root) == (number, count, root) for seal in found):
        said.fault(f"{FOLDER}/{number}.json", f"is not the seal that was kept elsewhere: {number} {count} {root}")


def _signature(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")


def _other_people(seal: Seal, proof: Proof | None, attempts: Mapping[str, Looked], here: str, said: Remarks) -> None:
    filers = {one.filer for entry in seal.entries if (one := attempts.get(entry["path"].rpartition("/")[0]))}
    if proof is not None and proof.name in filers:
        said.fault(here, f"was sealed by {proof.name}, who filed a record in it")


def _still_there(records: Path, sealed: Mapping[str, str], only: Collection[str] | None, said: Remarks) -> None:
    for name, digest in sealed.items():
        if only is not None and name.partition("/")[0] not in only:
            continue
        path = records / name
        if not path.is_file():
            said.fault(name, "is missing; it was sealed")
        elif sha256(path) != digest:
            said.fault(name, "is not what was sealed")
