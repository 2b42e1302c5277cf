"""What the terminal shows while notebooks run: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from runbook_lib.record import journal
from runbook_lib.redact import Redactor

if TYPE_CHECKING:
    from runbook_lib.runner.passage import Result

SIGNS = {
    "passed": ("✓", "green"),
    "gate_pending": ("?", "yellow"),
    "observing": ("…", "yellow"),
    "interrupted": ("■", "yellow"),
    "rolled_back": ("↩", "red"),
}
PLAIN_EVERY = 10.0  # seconds between two progress lines where there is no terminal


class Screen:
    """Shows the running step: phase, weight, cell, last word of the notebook, time left."""

    def __init__(
        self, console: Console | None = None, errors: Console | None = None, redactor: Redactor | None = None
    ) -> None:
        self.redactor = redactor or Redactor()
        self.console = console or Console(highlight=False)
        self.errors = errors or Console(stderr=True, highlight=False)
        self._live: tuple[Progress, TaskID] | None = None
        self._left: tuple[float, float] | None = None  # seconds left, and the time at which that was said

    def say(self, sentence: str) -> None:
        """One line for the operator."""
        self.console.print(escape(self.redactor.text(sentence)), soft_wrap=True)

    def cell(self, index: int, total: int) -> None:
        """Cell ``index`` of ``total`` begins."""
        if self._live:
            progress, task = self._live
            progress.update(task, completed=index, total=total, cell=f"cell {index + 1}/{total}")

    @contextlib.contextmanager
    def following(self, title: str, attempt: Path) -> Iterator[None]:
        """Show a step while it runs, fed by the journal of its attempt."""
        stop = threading.Event()
        if not self.console.is_terminal:
            self.say(f"… {title}")
        with self._progress(title):
            reader = threading.Thread(target=self._follow, args=(attempt, title, stop), daemon=True)
            reader.start()
            try:
                yield
            finally:
                stop.set()
                reader.join()
                self._live = None

    def done(self, result: Result) -> None:
        """The line that stays: what became of a step, and what to do when it did not pass."""
        end = result.ending
        sign, colour = SIGNS.get(end.outcome, ("✗", "red"))
        word = end.outcome.replace("_", " ")
        self.console.print(
            f"[{colour}]{sign}[/] {escape(f'{result.step.title:<24}')} [{colour}]{word:<12}[/] "
            f"{result.seconds:6.1f} s  {escape(self.redactor.text(end.message))}",
            soft_wrap=True,
        )
        if end.exit_code:
            where = f"record: {result.attempt / 'record.json'}"
            self.errors.print(escape(f"{where}; open next: {result.next_notebook}"), soft_wrap=True)
        if result.unsigned:
            self.errors.print(escape(f"its record is not signed: {result.unsigned}"), soft_wrap=True)

    def found(self, result: Result) -> None:
        """An attempt that an earlier process left open was filed."""
        self.say(
            f"found and filed: {result.step.title} of {result.attempt.parent.name} {result.ending.outcome}: "
            f"{result.ending.message}"
        )

    @contextlib.contextmanager
    def _progress(self, title: str) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        columns = (
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            TextColumn("[dim]{task.fields[cell]}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[word]}"),
        )
        with Progress(*columns, console=self.console, transient=True, refresh_per_second=5) as progress:
            task = progress.add_task(title, total=None, cell="starting", word="", left="")
            self._live, self._left = (progress, task), None
            yield

    def _follow(self, attempt: Path, title: str, stop: threading.Event) -> None:
        path, at, said = attempt / journal.NAME, 0, time.monotonic()
        while not stop.wait(0.25):
            news, at = _new_lines(path, at)
            words = [event["data"] for event in news if event.get("kind") == "progress"]
            if words:
                self._word(words[-1])
            if words and not self._live and time.monotonic() - said >= PLAIN_EVERY:
                self.say(f"  {title}: {words[-1]['message']}")
                said = time.monotonic()
            self._tick()

    def _word(self, data: dict[str, Any]) -> None:
        if data.get("seconds_left") is not None:
            self._left = float(data["seconds_left"]), time.monotonic()
        if self._live:
            progress, task = self._live
            progress.update(task, word=escape(self.redactor.text(str(data["message"]))))
            if data.get("fraction") is not None:
                progress.update(task, total=1.0, completed=float(data["fraction"]))

    def _tick(self) -> None:
        if self._live and self._left:
            progress, task = self._live
            left = max(0.0, self._left[0] - (time.monotonic() - self._left[1]))
            progress.update(task, left=f"{_clock(left)} left")


def _new_lines(path: Path, at: int) -> tuple[list[dict[str, Any]], int]:
    """The whole lines after position ``at`` and the position behind them."""
    with path.open("rb") as stream:
        stream.seek(at)
        content = stream.read()
    whole = content[: content.rfind(b"\n") + 1]
    events = []
    for line in whole.splitlines():
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events, at + len(whole)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
