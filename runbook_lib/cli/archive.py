"""List the archive, seal what is new in it, and say whether it can be trusted."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from runbook_lib.cli.folder import Archive, records_folder
from runbook_lib.errors import BadParameters, NotTrusted

if TYPE_CHECKING:
    from runbook_lib.proof.verify import Accepted, Report

app = typer.Typer()

Trusted = Annotated[
    Path | None, typer.Option("--allowed-signers", help="who is trusted; default: the file that the records name")
]


@app.command()
def records(
    records: Archive = None,
    application: Annotated[str | None, typer.Option(help="only this application")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for scripts")] = False,
) -> None:
    """List all attempts, oldest first, and write the archive's pages anew from the records."""
    from runbook_lib.pages import views

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


@app.command()
def seal(
    records: Archive = None,
    name: Annotated[str | None, typer.Option("--as", help="who seals, when several keys are at hand")] = None,
    allowed_signers: Trusted = None,
) -> None:
    """Seal what was filed since the last seal, with the key of somebody who filed none of it."""
    from runbook_lib.proof.sealing import seal_new
    from runbook_lib.proof.trusted import parameters_for, signers_for
    from runbook_lib.trust.identity import me
    from runbook_lib.trust.signers import SEALER

    folder = records_folder(records)
    signers = signers_for(folder, allowed_signers)
    done = seal_new(folder, signers, lambda others: me(parameters_for(folder, signers), SEALER, name, others))
    if done.seal is not None:
        print(f"sealed {done.seal.count} files as seals/{done.seal.number}.json, root {done.seal.root}")
        print(f"keep this elsewhere, for instance as the last line of a commit message:\n{done.seal.trailer}")
    else:
        print("nothing new to seal")
    for fault in done.left_out:
        print(f"left out  {fault}")
    if done.left_out:
        raise NotTrusted(f"{_faults(len(done.left_out))}; what has them is not sealed, `runbook verify` says more")


@app.command()
def verify(
    records: Archive = None,
    allowed_signers: Trusted = None,
    kept: Annotated[
        str | None, typer.Option("--seal", help='a seal kept elsewhere: its file, or "NUMBER COUNT ROOT"')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object, for scripts")] = False,
) -> None:
    """Name every run that can be trusted and everything that is wrong; exit 65 when something is."""
    from runbook_lib.proof.trusted import signers_for
    from runbook_lib.proof.verify import verify as verified

    folder = records_folder(records)
    if not folder.is_dir():
        raise BadParameters(f"there is no archive {folder}; name it with --records")
    report = verified(folder, signers_for(folder, allowed_signers), kept)
    if as_json:
        print(json.dumps({"trusted": report.trusted, **asdict(report)}, indent=1, ensure_ascii=False))
    else:
        _say(report, own=allowed_signers is not None)
    if not report.trusted:
        raise NotTrusted(f"{_faults(len(report.faults))} in {folder}; the first: {report.faults[0]}")


def _say(report: Report, own: bool) -> None:
    for run in report.accepted:
        attempts = "1 attempt" if run.attempts == 1 else f"{run.attempts} attempts"
        by = f"filed by {', '.join(run.filed_by)}" if run.filed_by else "filed by nobody who can prove it"
        print(f"{_word(run):<8}  {run.run}: {run.outcome}, {attempts}, {by}{'' if run.sealed else ', not sealed'}")
    for kind, remarks in (("note", report.notes), ("FAULT", report.faults)):
        for remark in remarks:
            print(f"{kind:<8}  {remark}")
    print(f"{len(report.accepted)} runs accepted, {_faults(len(report.faults))}; {report.signers} says who is trusted")
    if not own:
        print("that file is named by the records themselves; an auditor names his own with --allowed-signers FILE")


def _word(run: Accepted) -> str:
    return "unsigned" if run.unsigned else "accepted"


def _faults(count: int) -> str:
    return "1 fault" if count == 1 else f"{count} faults"
