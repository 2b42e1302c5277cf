"""`runbook …`: run the passage, look where it stands, answer what it asks, bring the users back."""

from __future__ import annotations

import signal
import sys
import traceback
from types import TracebackType
from typing import NoReturn

import typer

from runbook_lib.cli import archive, batch, check, dockerfile, gates, guard, passage, replay, rollout, ttl
from runbook_lib.errors import RunbookError
from runbook_lib.redact import Redactor

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for commands in (passage, gates, guard, archive, replay, ttl, check, dockerfile):
    app.add_typer(commands.app)
app.add_typer(batch.app, name="batch")
app.add_typer(rollout.app, name="rollout")


def main() -> NoReturn:
    """The program: every RunbookError is one sentence and its own exit code, never a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    sys.excepthook = _unexpected
    try:
        app()
    except RunbookError as error:
        print(f"{type(error).__name__}: {Redactor().text(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of the program is told in full, but for what looks like a secret."""
    print(Redactor().text("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr)


def _stopped(number: int, _: object) -> NoReturn:
    print(f"stopped by {signal.Signals(number).name}", file=sys.stderr)
    sys.exit(128 + number)
