"""`runbook …`: run the passage, look where it stands, answer what it asks, bring the users back."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import typer

from runbook_lib.cli import archive, gates, passage
from runbook_lib.errors import RunbookError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for commands in (passage, gates, archive):
    app.add_typer(commands.app)


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
