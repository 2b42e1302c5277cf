"""List the archive."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from runbook_lib.cli.folder import Archive, records_folder

app = typer.Typer()


@app.command()
def records(
    records: Archive = None,
    application: Annotated[str | None, typer.Option(help="only this application")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for scripts")] = False,
) -> None:
    """List all attempts, oldest first, and write the archive's pages anew from the records."""
    from runbook_lib.record import views

    folder = records_folder(records)
    lines = views.summaries(folder, application)
    if as_json:
        print(json.dumps(lines, indent=1))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("started (UTC)", "application", "step", "outcome", "seconds", "what happened"):
        table.add_column(heading, overflow="fold")
    for line in lines:
        step = f"{line['phase']} {line['weight'] or ''} {line['mode'] or ''}".strip()
        moment = str(line["started"] or "")[:19].replace("T", " ")
        table.add_row(moment, line["application"], step, line["outcome"], str(line["seconds"] or ""), line["message"])
    console = Console(highlight=False)
    console.print(table)
    if folder.is_dir():
        console.print(f"\n{views.write(folder)}", soft_wrap=True)
