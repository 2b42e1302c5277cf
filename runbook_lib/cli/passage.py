"""Go on, look where it stands, bring the users back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from runbook_lib.errors import BadParameters, RunbookError
from runbook_lib.parameters import Parameters, duration, load, load_any
from runbook_lib.redact import told_without

if TYPE_CHECKING:
    from runbook_lib.runner.progress import Screen

app = typer.Typer()

File = Annotated[Path, typer.Argument(help="parameters of the application, a YAML file", show_default=False)]


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
    p = load_any(parameters)
    if weight is not None and phase is None:
        phase = "gray_stage"
    if anew and phase is not None:
        raise BadParameters("--anew begins with the first step; leave out --phase and --weight")
    patience = duration(wait, "--wait").total_seconds()
    _go(p, only=(phase, weight) if phase else None, until=until, anew=anew, patience=patience)


@app.command()
def resume(parameters: File) -> None:
    """Continue what waits, was interrupted or was broken off: find out what was done, and go on or bring users back."""
    from runbook_lib.record.archive import CONTINUED
    from runbook_lib.runner import passage, recover, roll_back

    p = load_any(parameters)
    states = passage.standings(p)
    waiting = [s for s in states if s.attempt is not None and s.attempt.outcome in CONTINUED]
    if not waiting and not recover.broken_off(p):
        following = next((s.step.title for s in states if not s.done), None)
        word = f"the next step is {following}" if following else "the passage is done"
        print(f"nothing of {p.application.name} waits or was broken off; {word}")
        return
    if not waiting and (said := recover.brought_back(p)):
        raise typer.Exit(roll_back.file_left(p, _screen(p), said))
    _go(p)


@app.command()
def rollback(
    application: Annotated[str, typer.Argument(help="the application's name, or its parameters", show_default=False)],
    to: Annotated[str, typer.Option(help="0: nobody stays on the new side; previous: the planned weight before")] = "0",
    level: Annotated[str, typer.Option(help="traffic, workload, configuration or data; each with those before it")] = (
        "traffic"
    ),
    to_revision: Annotated[int | None, typer.Option(help="of the workload; default: before the last release")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, change nothing")] = False,
) -> None:
    """Bring users back to the old side now, then the other levels; needs no gate, and only the knob for the users."""
    from runbook_lib.act.level import wanted
    from runbook_lib.cli.named import parameters_file
    from runbook_lib.runner import roll_back

    if to not in ("0", "previous"):
        raise BadParameters(f"--to {to}: allowed are 0 and previous")
    asked = wanted(level, to_revision)
    if to == "previous" and asked.reaches("workload"):
        raise BadParameters(f"--to previous leaves users on the new side; level {level} needs all of them back: --to 0")
    p = load(parameters_file(application))
    if dry_run:
        p = p.model_copy(update={"dry_run": True})
    returned = roll_back.act(p, to_previous=to == "previous")  # before anything else is loaded: seconds count
    screen = _screen(p)
    with told_without(screen.redactor):
        raise typer.Exit(roll_back.settle(p, screen, returned, asked))


@app.command()
def status(parameters: File) -> None:
    """Where the application stands: each step, what runs now, which gates wait."""
    from rich.console import Console
    from rich.table import Table

    from runbook_lib.gate import open_gates, said, standing
    from runbook_lib.record.archive import holder
    from runbook_lib.runner import passage

    p = load_any(parameters)
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
    if not p.of_fleet:
        console.print(f"\n{_guarded(p, folder)}", markup=False, soft_wrap=True)
    for gate in open_gates(folder.parent, folder.name):
        told = [said(answer) for answer in gate.answers if not answer.problem]
        lines = [gate.id, standing(gate, "Go on with: runbook resume PARAMETERS"), *told, *gate.problems]
        console.print("\n  ".join([f"\n{gate.state}: {gate.asked.question}", *lines]), markup=False, soft_wrap=True)


def _screen(p: Parameters) -> Screen:
    from runbook_lib.clients import connect
    from runbook_lib.redact.at_hand import redactor_for
    from runbook_lib.runner.progress import Screen

    return Screen(redactor=redactor_for(connect(p)))


def _guarded(p: Parameters, home: Path) -> str:
    """Who guards the users, and a warning when nobody does while some are on the new side."""
    from runbook_lib.act.traffic.knob import read_weight
    from runbook_lib.clients import connect
    from runbook_lib.guard import heartbeat

    guarded, said = heartbeat.on_duty(p, home)
    if guarded:
        return said
    try:
        standing = read_weight(connect(p))
    except RunbookError as error:
        return f"warning: {said}, and where the users are cannot be read: {error}"
    at_risk = f"warning: {standing} % of the users are on the new side and {said}; start one: runbook guard PARAMETERS"
    return at_risk if standing else said


def _go(
    p: Parameters,
    only: tuple[str, int | None] | None = None,
    until: str | None = None,
    anew: bool = False,
    patience: float = 0.0,
) -> NoReturn:
    from runbook_lib.clients import connect
    from runbook_lib.redact.at_hand import redactor_for
    from runbook_lib.runner import passage, preflight, recover

    step = passage.chosen(p, *only) if only else None
    last = passage.named(p, until) if until else None
    ahead = [step] if step else passage.ahead(passage.fold(p, []) if anew else passage.standings(p), last)
    if recover.owes_rollback(p):  # it is run first, and asks for nothing but the knob
        ahead = [passage.ROLLBACK]
    for one in ahead:
        passage.source_of(one)
    preflight.check(p, connect(p), ahead)
    from runbook_lib.runner import run as runner  # a second of imports, and only now it is sure that something is run
    from runbook_lib.runner.progress import Screen

    screen = Screen(redactor=redactor_for(connect(p)))
    with told_without(screen.redactor):
        if step:
            raise typer.Exit(runner.single(p, step, screen, patience))
        raise typer.Exit(runner.advance(p, screen, last, anew, patience))
