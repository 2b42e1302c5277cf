"""`runbook …`: run the passage, look where it stands, answer what it asks, bring the users back."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from runbook_lib.errors import BadParameters, RunbookError
from runbook_lib.parameters import Parameters, duration, load, project_root

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

File = Annotated[Path, typer.Argument(help="parameters of the application, a YAML file", show_default=False)]
Archive = Annotated[
    Path | None, typer.Option("--records", help="folder of the archive; default: the project's records/")
]
By = Annotated[str, typer.Option("--by", help="who answers; must be an approver of the parameters")]
Reason = Annotated[str, typer.Option("--reason", help="why, in a sentence")]


@app.command()
def run(
    parameters: File,
    phase: Annotated[str | None, typer.Option(help="only this phase, for instance gray_stage")] = None,
    weight: Annotated[int | None, typer.Option(help="only the gray stage of this weight, in percent")] = None,
    until: Annotated[str | None, typer.Option(help="stop after this step: a phase, or gray_stage:WEIGHT")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="begin a new passage with its first step")] = False,
    wait: Annotated[str, typer.Option(help="how long to wait for the answer to a gate, for instance 10min")] = "0s",
) -> None:
    """Go on step by step until the passage is done, a person is asked (exit 75), or something stops it."""
    p = load(parameters)
    if weight is not None and phase is None:
        phase = "gray_stage"
    if anew and phase is not None:
        raise BadParameters("--anew begins with the first step; leave out --phase and --weight")
    patience = duration(wait, "--wait").total_seconds()
    _go(p, only=(phase, weight) if phase else None, until=until, anew=anew, patience=patience)


@app.command()
def resume(parameters: File) -> None:
    """Continue what waits, was interrupted or was broken off, and go on from there."""
    from runbook_lib.record.archive import CONTINUED
    from runbook_lib.runner import passage

    p = load(parameters)
    states = passage.standings(p)
    waiting = [s for s in states if s.attempt is not None and s.attempt.outcome in CONTINUED]
    if not waiting:
        following = next((s.step.title for s in states if not s.done), None)
        word = f"the next step is {following}" if following else "the passage is done"
        print(f"nothing of {p.application.name} waits or was broken off; {word}")
        return
    _go(p)


@app.command()
def rollback(parameters: File) -> None:
    """Bring all users back to the old side now; needs no gate, and nothing but nginx."""
    from runbook_lib.clients import connect
    from runbook_lib.runner import passage, preflight

    p = load(parameters)
    passage.source_of(passage.ROLLBACK)
    preflight.check(p, connect(p), [passage.ROLLBACK])
    from runbook_lib.runner import run as runner  # a second of imports, and only now it is sure that something is run
    from runbook_lib.runner.progress import Screen

    screen = Screen()
    runner.take_over(passage.home(p), screen)
    raise typer.Exit(runner.single(p, passage.ROLLBACK, screen))


@app.command()
def status(parameters: File) -> None:
    """Where the application stands: each step, what runs now, which gates wait."""
    from runbook_lib.gate import all_gates
    from runbook_lib.record.archive import holder
    from runbook_lib.runner import passage

    p = load(parameters)
    table = Table(title=f"{p.application.name}", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("step", "outcome", "when (UTC)", "what happened"):
        table.add_column(heading, overflow="fold")
    for state in passage.standings(p):
        facts = state.attempt.facts if state.attempt else {}
        outcome = state.attempt.outcome.replace("_", " ") if state.attempt else "–"
        moment = str(facts.get("ended") or facts.get("started") or "")[:19].replace("T", " ")
        table.add_row(state.step.title, outcome, moment, str(facts.get("message") or ""))
    console = Console(highlight=False)
    console.print(table)
    folder = passage.home(p)
    if (who := holder(folder)) is not None:
        console.print(f"\nrun now by {who}")
    for gate in all_gates(folder.parent, folder.name):
        if gate["state"] == "pending":
            console.print(f"\nwaits: {gate['question']}\n  {gate['id']}\n  answered by: {', '.join(gate['approvers'])}")


@app.command()
def approve(gate: str, by: By, reason: Reason, records: Archive = None) -> None:
    """Say yes to a gate; run or resume the passage afterwards."""
    _answer(gate, "approved", by, reason, records)


@app.command()
def reject(gate: str, by: By, reason: Reason, records: Archive = None) -> None:
    """Say no to a gate, with a reason."""
    _answer(gate, "rejected", by, reason, records)


@app.command()
def records(
    records: Archive = None,
    application: Annotated[str | None, typer.Option(help="only this application")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for scripts")] = False,
) -> None:
    """List all attempts, oldest first, and write the archive's page anew."""
    from runbook_lib.record import archive, index

    folder = _records_folder(records)
    lines = [index.summary(attempt) for attempt in archive.attempts(folder, application)]
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
        console.print(f"\n{index.write(folder)}", soft_wrap=True)


def main() -> NoReturn:
    """The program: every RunbookError is one sentence and its own exit code, never a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    try:
        app()
    except RunbookError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)


def _stopped(number: int, _: object) -> NoReturn:
    print(f"stopped by {signal.Signals(number).name}", file=sys.stderr)
    sys.exit(128 + number)


def _go(
    p: Parameters,
    only: tuple[str, int | None] | None = None,
    until: str | None = None,
    anew: bool = False,
    patience: float = 0.0,
) -> NoReturn:
    from runbook_lib.clients import connect
    from runbook_lib.runner import passage, preflight

    step = passage.chosen(p, *only) if only else None
    last = passage.named(p, until) if until else None
    ahead = [step] if step else passage.ahead(passage.fold(p, []) if anew else passage.standings(p), last)
    for one in ahead:
        passage.source_of(one)
    preflight.check(p, connect(p), ahead)
    from runbook_lib.runner import run as runner  # a second of imports, and only now it is sure that something is run
    from runbook_lib.runner.progress import Screen

    screen = Screen()
    raise typer.Exit(runner.single(p, step, screen) if step else runner.advance(p, screen, last, anew, patience))


def _answer(gate: str, answer: Any, by: str, reason: str, records: Path | None) -> None:
    from runbook_lib.gate import answer_gate

    folder = _records_folder(records)
    found = sorted(folder.glob(f"*/gates/{gate}.json"))
    if not found:
        raise BadParameters(f"there is no gate {gate} in {folder}; `runbook status PARAMETERS` lists those that wait")
    said = answer_gate(found[0].parent, gate, answer, by, reason)
    print(f"{said['answer']} by {said['by']}: {said['reason']}")


def _records_folder(given: Path | None) -> Path:
    return given if given is not None else project_root() / "records"


if __name__ == "__main__":
    main()
