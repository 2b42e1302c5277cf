"""An attempt is filed: its record composed, signed, written as the last file of its folder, and closed to writing.

The signature is written before the record, so that no record lies there unsigned because something died in between.
When nobody can sign, the record is written all the same and says so: a record without signature is better than none.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.durable import as_text, write_whole
from runbook_lib.errors import BadParameters, RunbookError
from runbook_lib.model import Event, now
from runbook_lib.parameters import Parameters, check
from runbook_lib.record import archive, journal, statement
from runbook_lib.trust.identity import Identity, me
from runbook_lib.trust.signature import sign
from runbook_lib.trust.signers import OPERATOR

READ_ONLY_FILE, READ_ONLY_FOLDER = 0o444, 0o555


@dataclass(frozen=True)
class Filed:
    """A record on the disk; ``unsigned`` says why nobody signed it, and is empty when somebody did."""

    statement: dict[str, Any]
    unsigned: str = ""


def file(attempt: Path, end: statement.Ending, next_notebook: str = "", at: datetime | None = None) -> Filed:
    """Compose, sign and write the record of an attempt, then make its folder read-only."""
    at = at or now()
    try:
        filer = _filer(attempt)
        by = {"name": filer.name, "key": filer.key.fingerprint}
        composed = statement.compose(attempt, end, next_notebook, at, by)
        text = as_text(composed)
        write_whole(attempt / archive.SIGNATURE, sign(text.encode(), filer.key, OPERATOR))
        filed = Filed(composed)
    except RunbookError as error:
        (attempt / archive.SIGNATURE).unlink(missing_ok=True)  # of a try that died before its record was written
        filed = Filed(statement.compose(attempt, end, next_notebook, at), str(error))
        text = as_text(filed.statement)
    write_whole(attempt / archive.RECORD, text)
    close(attempt)
    return filed


def close(attempt: Path) -> None:
    """Make everything in a filed attempt read-only: what comes later is another attempt."""
    for path in statement.files_of(attempt):
        if not path.is_symlink():
            path.chmod(READ_ONLY_FILE)
    for name in (archive.RECORD, archive.SIGNATURE):
        if (attempt / name).is_file():
            (attempt / name).chmod(READ_ONLY_FILE)
    for folder in [path for path in attempt.rglob("*") if path.is_dir() and not path.is_symlink()]:
        folder.chmod(READ_ONLY_FOLDER)
    attempt.chmod(READ_ONLY_FOLDER)


def may_file(attempt: Path) -> None:
    """CannotSign when the record needs a signature and nobody here may give it: no key, or an approver's.

    An attempt that died waits for somebody who may; a rollback and a dry run need nobody.
    """
    started = next((event.data for event in journal.read(attempt) if event.kind == "started"), {})
    if started.get("dry_run") or started.get("phase") == "rollback":
        return
    with contextlib.suppress(BadParameters):  # its parameters are spoilt: nobody ever could
        _filer(attempt)


def approvers_of(events: list[Event]) -> tuple[str, ...]:
    """Whoever approved a gate that an attempt went through, by its journal."""
    said = [event.data for event in events if event.kind == "gate_decided"]
    return tuple(sorted({answer["by"] for data in said for answer in data.get("answers", [])}))


def _filer(attempt: Path) -> Identity:
    """Who signs; whoever approved a gate that the attempt used may not vouch for what became of it, too."""
    return me(_parameters(attempt), OPERATOR, other_than=approvers_of(journal.read(attempt)))


def _parameters(attempt: Path) -> Parameters:
    path = attempt / "parameters.json"
    try:
        return check(json.loads(path.read_bytes()), str(path))
    except (OSError, ValueError) as error:
        raise BadParameters(f"{path} cannot be read, so that it is not known who may sign: {error}") from None
