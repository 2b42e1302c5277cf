"""Look at a rollout, hold it, let it go on, take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runbook_lib.errors import CriterionFailed, Observing
from runbook_lib.parameters import load
from runbook_lib.redact import Redactor

app = typer.Typer(no_args_is_help=True, help=__doc__)

File = Annotated[Path, typer.Argument(help="parameters of the application, a YAML file", show_default=False)]


@app.command()
def status(parameters: File) -> None:
    """How the rollout stands and what keeps it: exit 0 complete, 80 it goes on, 10 it does not."""
    from runbook_lib.rollout import commands

    state = commands.status(load(parameters), _say)
    if state.stalled:
        raise typer.Exit(CriterionFailed.exit_code)
    if not state.complete:
        raise typer.Exit(Observing.exit_code)


@app.command()
def pause(parameters: File) -> None:
    """Make no further Pod and end none; needs no key."""
    from runbook_lib.rollout import commands

    commands.pause(load(parameters), _say)


@app.command()
def resume(
    parameters: File,
    whole: Annotated[bool, typer.Option("--whole", help="give up the batches that are left: all in one go")] = False,
) -> None:
    """Let a paused rollout go on."""
    from runbook_lib.rollout import commands

    commands.resume(load(parameters), _say, whole)


@app.command()
def abort(parameters: File) -> None:
    """Go back to the revision before, and see that no Pod of the aborted one is left; run again, it goes on. No key."""
    from runbook_lib.rollout import commands

    commands.take_it_back(load(parameters), _say)


def _say(sentence: str) -> None:
    typer.echo(Redactor().text(sentence))
