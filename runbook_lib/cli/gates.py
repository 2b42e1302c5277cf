"""Answer what the passage asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runbook_lib.cli.folder import Archive, records_folder
from runbook_lib.errors import BadParameters

if TYPE_CHECKING:
    from runbook_lib.gate import Kind

app = typer.Typer()

Id = Annotated[str, typer.Argument(help="the gate, as `runbook status` names it", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="why, in a sentence", show_default=False)]
Name = Annotated[str | None, typer.Option("--as", help="who signs, if several keys at hand may", show_default=False)]


@app.command()
def approve(gate: Id, reason: Reason, name: Name = None, records: Archive = None) -> None:
    """Say yes to a gate, signed with your key; run or resume the passage afterwards."""
    _answer(gate, "approved", reason, name, records)


@app.command()
def reject(gate: Id, reason: Reason, name: Name = None, records: Archive = None) -> None:
    """Say no to a gate: final for its run."""
    _answer(gate, "rejected", reason, name, records)


@app.command()
def hold(gate: Id, reason: Reason, name: Name = None, records: Archive = None) -> None:
    """Keep a gate from being used, whoever approves it, until you withdraw the hold, approve or reject."""
    _answer(gate, "held", reason, name, records)


@app.command()
def withdraw(gate: Id, reason: Reason, name: Name = None, records: Archive = None) -> None:
    """Take your own approval or hold back, while it is not used."""
    _answer(gate, "withdrawn", reason, name, records)


def _answer(gate: str, kind: Kind, reason: str, name: str | None, records: Path | None) -> None:
    from runbook_lib.gate import answer_gate, heard

    folder = records_folder(records)
    found = [path.parent for path in folder.glob("*/gates/*.json") if path.stem == gate and "." not in gate]
    if not found:
        raise BadParameters(f"there is no gate {gate} in {folder}; `runbook status PARAMETERS` lists those that wait")
    filed = answer_gate(found[0], gate, kind, reason, name)
    print(heard(filed, "Go on with: runbook resume PARAMETERS"))
