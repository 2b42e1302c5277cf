"""One attempt for itself: its record has the right shape, signature and place, and the folder still says the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from runbook_lib.errors import NotTrusted
from runbook_lib.model import digest, now
from runbook_lib.proof.verify import files, replay
from runbook_lib.proof.verify.looked import SKEW, Looked, moment
from runbook_lib.proof.verify.report import SPOILT, Remarks
from runbook_lib.record import archive, journal
from runbook_lib.trust.signature import verify
from runbook_lib.trust.signers import OPERATOR, Signers

SCHEMA = Path(archive.__file__).with_name("attempt.v1.schema.json")
KEPT = ("outcome", "phase", "weight", "dry_run", "started", "ended", "who", "previous", "gates", "changes")
"""What the checks across attempts need of a record; ten thousand whole ones would fill the memory."""


def look(folder: Path, signers: Signers) -> Looked:
    """Everything that can be said of an attempt without looking at others."""
    place = archive.place(folder)
    application, run, number = place["application"], place["run"], place["attempt"]
    said, here = Remarks(), f"{application}/{run}/attempt-{number}"
    path = folder / archive.RECORD
    if not path.is_file() or path.is_symlink():
        return Looked(application, run, number, _unfiled(folder, here, said), remarks=said)
    try:
        return _look(folder, place, here, signers, said)
    except SPOILT as error:
        said.fault(here, f"cannot be verified: {type(error).__name__}: {error}"[:300])
        return Looked(application, run, number, "filed", remarks=said)


def _look(folder: Path, place: dict[str, Any], here: str, signers: Signers, said: Remarks) -> Looked:
    application, run, number = place["application"], place["run"], place["attempt"]
    path = folder / archive.RECORD
    content = path.read_bytes()
    statement = _statement(content, f"{here}/{archive.RECORD}", said)
    if statement is None:
        return Looked(application, run, number, "filed", remarks=said)
    facts = statement["predicate"]
    filer = _signed(folder, content, facts, here, signers, said)
    _in_its_place(facts, place, here, said)
    _who(facts, here, signers, said)
    _times(folder, facts, here, said)
    subjects = files.recorded(statement, f"{here}/{archive.RECORD}", said)
    if files.check(folder, subjects, here, said):
        replay.check(folder, statement, f"{here}/{archive.RECORD}", said)
    asks, parameters = _parameters(folder)
    digests = {name: digest((folder / name).read_bytes()) for name in _own(folder)}
    kept = {key: facts[key] for key in KEPT}
    return Looked(application, run, number, "filed", kept, subjects, digests, filer, asks, parameters, said)


def _unfiled(folder: Path, here: str, said: Remarks) -> Any:
    if journal.is_held(folder):
        said.note(here, "is running: it is filed when it ends")
        return "running"
    said.fault(here, "is not filed: its process died, or its record was taken away; see `runbook resume`")
    return "left"


def _statement(content: bytes, path: str, said: Remarks) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(content)
        _shape()(value)
        moments = [moment(value["predicate"][key]) for key in ("started", "ended")]
    except fastjsonschema.JsonSchemaException as error:
        said.fault(path, f"is no record of an attempt: {error}"[:300])
    except (ValueError, RecursionError) as error:
        said.fault(path, f"cannot be read: {error}"[:300])
    else:
        if moments[0] > moments[1]:
            said.fault(path, "ended before it started")
        return value
    return None


@cache
def _shape() -> Callable[[Any], Any]:
    checked: Callable[[Any], Any] = fastjsonschema.compile(json.loads(SCHEMA.read_bytes()))
    return checked


def _signed(
    folder: Path, content: bytes, facts: dict[str, Any], here: str, signers: Signers, said: Remarks
) -> str | None:
    """Who signed the record; None when nobody did, and that is a note only where nobody had to."""
    by, signature, path = facts["filed_by"], folder / archive.SIGNATURE, f"{here}/{archive.SIGNATURE}"
    if by is None:
        if signature.exists():
            said.fault(path, "is a signature of a record that says nobody signed it")
        elif facts["dry_run"] or facts["phase"] == "rollback":
            said.note(here, "is unsigned: a dry run and a rollback go on without a key, and nothing proves who did it")
        else:
            said.fault(here, "is not signed by anybody")
        return None
    try:
        proof = verify(content, signature, signers, OPERATOR, moment(facts["ended"]))
    except NotTrusted as error:
        said.fault(path, str(error).removeprefix(f"{signature} "))
        return None
    if by != {"name": proof.name, "key": proof.fingerprint}:
        said.fault(path, f"is of {proof.name} ({proof.fingerprint}), the record says {by['name']} ({by['key']})")
    return proof.name


def _in_its_place(facts: dict[str, Any], place: dict[str, Any], here: str, said: Remarks) -> None:
    for key, value in place.items():
        if facts[key] != value:
            said.fault(f"{here}/{archive.RECORD}", f"is of {key} {facts[key]!r}: it was moved here")


def _who(facts: dict[str, Any], here: str, signers: Signers, said: Remarks) -> None:
    """Who started it was an operator then; nobody needs to be one for a dry run or a rollback."""
    who = facts["who"] or {"name": "nobody", "signed": False}
    free = facts["dry_run"] or facts["phase"] == "rollback"
    started = moment(facts["started"])
    if who["signed"] and who["name"] not in signers.names(OPERATOR, started):
        said.fault(here, f"was started by {who['name']}, who was no operator at {facts['started']} by {signers.path}")
    if not who["signed"] and not free and facts["filed_by"] is not None and facts["who"] is not None:
        said.fault(here, f"was started by {who['name']} without a key, which only a dry run and a rollback may be")


def _times(folder: Path, facts: dict[str, Any], here: str, said: Remarks) -> None:
    ended = moment(facts["ended"])
    last = max((event.at for event in journal.read(folder)), default=datetime.fromtimestamp(0, UTC))
    if ended > now() + SKEW:
        said.fault(here, f"says that it ended at {facts['ended']}, which is still to come")
    if last > ended + SKEW:
        said.fault(here, f"says that it ended at {facts['ended']}, and its journal goes on after that")


def _parameters(folder: Path) -> tuple[dict[str, Any], str]:
    try:
        value = json.loads((folder / "parameters.json").read_bytes())
        return dict(value.get("gates") or {}), digest(value)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}, ""


def _own(folder: Path) -> list[str]:
    return [name for name in (archive.RECORD, archive.SIGNATURE) if (folder / name).is_file()]
