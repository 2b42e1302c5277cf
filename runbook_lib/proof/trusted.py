"""Whom an archive's records name as trusted, for those who bring no file of their own."""

from __future__ import annotations

import json
from pathlib import Path

from runbook_lib.errors import BadParameters
from runbook_lib.parameters import Parameters, check, project_root
from runbook_lib.trust.signers import Signers, read_signers


def signers_for(records: Path, given: Path | None) -> Signers:
    """The signers of the file that was given, or else of the one that the archive's parameters name."""
    if given is not None:
        return read_signers(given)
    named = {_named(path) for path in _newest(records)} - {""}
    if len(named) != 1:
        found = f"name {len(named)} files of allowed signers" if named else "name no file of allowed signers"
        raise BadParameters(f"the parameters in {records} {found}; say which one with --allowed-signers FILE")
    return read_signers(project_root() / Path(named.pop()).expanduser())


def parameters_for(records: Path, signers: Signers) -> Parameters:
    """The youngest parameters of the archive, with these signers: they name the keys that are at hand."""
    for path in reversed(_newest(records)):
        value = json.loads(path.read_bytes())
        parameters = check(value, str(path))
        gates = parameters.gates.model_copy(update={"allowed_signers": str(signers.path.resolve())})
        return parameters.model_copy(update={"gates": gates})
    raise BadParameters(f"there is no attempt in {records}; name the archive with --records")


def _newest(records: Path) -> list[Path]:
    """The parameters of each application's youngest run, oldest first."""
    found = []
    for home in records.iterdir() if records.is_dir() else []:
        runs = sorted(path for path in home.glob("*/attempt-*/parameters.json"))
        found += runs[-1:]
    return sorted(found, key=lambda path: path.parent.parent.name)


def _named(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["gates"]["allowed_signers"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
