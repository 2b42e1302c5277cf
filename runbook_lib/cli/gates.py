"""Answer what the passage asks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from runbook_lib.cli.folder import Archive, records_folder
from runbook_lib.errors import BadParameters

app = typer.Typer()

By = Annotated[str, typer.Option("--by", help="who answers; must be an approver of the parameters")]
Reason = Annotated[str, typer.Option("--reason", help="why, in a sentence")]


@app.command()
def approve(gate: str, by: By, reason: Reason, records: Archive = None) -> None:
    """Say yes to a gate; run or resume the passage afterwards."""
    _answer(gate, "approved", by, reason, records)


@app.command()
def reject(gate: str, by: By, reason: Reason, records: Archive = None) -> None:
    """Say no to a gate, with a reason."""
    _answer(gate, "rejected", by, reason, records)


def _answer(gate: str, answer: Any, by: str, reason: str, records: Path | None) -> None:
    from runbook_lib.gate import answer_gate

    folder = records_folder(records)
    found = sorted(folder.glob(f"*/gates/{gate}.json"))
    if not found:
        raise BadParameters(f"there is no gate {gate} in {folder}; `runbook status PARAMETERS` lists those that wait")
    said = answer_gate(found[0].parent, gate, answer, by, reason)
    print(f"{said['answer']} by {said['by']}: {said['reason']}")
