"""Watch over the users when nobody else does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runbook_lib.errors import RunbookError
from runbook_lib.model import now
from runbook_lib.parameters import load

app = typer.Typer()

Files = Annotated[list[Path], typer.Argument(help="parameters of each application, YAML files", show_default=False)]


@app.command()
def guard(
    parameters: Files,
    check: Annotated[bool, typer.Option("--check", help="say whether the guard of this machine is alive")] = False,
) -> None:
    """Watch whenever users are on the new side, and bring them back alone; runs until it is told to end."""
    from runbook_lib.guard import duty, heartbeat

    if check:
        late = [p.application.name for p in map(load, parameters) if not heartbeat.alive(p)]
        print(f"no heartbeat of {', '.join(late)}" if late else "alive")
        raise typer.Exit(1 if late else 0)
    failed = duty.guard(parameters, _say)
    if failed:
        raise RunbookError(failed)


def _say(sentence: str) -> None:
    print(f"{now():%Y-%m-%dT%H:%M:%SZ} {sentence}", file=sys.stderr, flush=True)
