"""An attempt is filed from what lies in its folder: at its end, or later, when its runner died before it could."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import nbformat

from runbook_lib.durable import write_whole
from runbook_lib.errors import Busy, CannotSign
from runbook_lib.pages import html, views
from runbook_lib.record import archive, filing, journal, statement
from runbook_lib.runner import passage
from runbook_lib.runner.cells import marked, settle
from runbook_lib.runner.passage import Result, Step

YOUNG = 60.0  # seconds
KERNEL_PATIENCE = 5.0  # seconds; an orphaned kernel notices within one that its runner is gone


def file_attempt(attempt: Path) -> Result:
    """Render and record an attempt from what lies in its folder; used at its end, and later when its runner died."""
    events = journal.read(attempt)
    begun = next((event.data for event in events if event.kind == "started"), {})
    step = Step(str(begun.get("phase", "")), begun.get("weight"), begun.get("mode"))
    end = statement.ending_of(events)
    marked(attempt)
    notebook = attempt / archive.NOTEBOOK
    if notebook.is_file():
        html.write(notebook, f"{attempt.parent.parent.name}: {step.title}", end.outcome, end.message)
    following = passage.next_notebook(step.phase, end.outcome)
    filed = filing.file(attempt, end, following)
    return Result(step, attempt, end, filed.statement["predicate"]["seconds"], following, filed.unsigned)


def file_abandoned(folder: Path, say: Callable[[str], object] = print) -> list[Result]:
    """File the attempts whose process died before it could; call it only while holding the application.

    What nobody here may sign for is left to somebody who may, and said.
    """
    filed = []
    for attempt in archive.attempts(folder.parent, folder.name):
        if attempt.statement is not None or attempt.problem:
            continue
        if attempt.facts.get("by") == "runner":
            _wait_for_kernel(attempt.folder)
        elif _may_go_on(attempt):
            continue
        if journal.is_held(attempt.folder) or (attempt.folder / archive.RECORD).exists():
            continue  # somebody works in it, cell by cell, or has filed it by now
        try:
            filing.may_file(attempt.folder)
        except CannotSign as error:
            say(f"{attempt.run_id}/{attempt.folder.name} was broken off and is not filed yet: {error}")
            continue
        _settle_notebook(attempt.folder / archive.NOTEBOOK)
        filed.append(file_attempt(attempt.folder))
        views.filed(attempt.folder)
    return filed


def _may_go_on(attempt: archive.Attempt) -> bool:
    """Whether what opened it without holding the application (a notebook, an abort, a dry run) may be alive.

    Between two writers nobody holds its journal: then it was written to just now, by a process that is still there.
    """
    journals = (path for path in (attempt.folder, attempt.folder / journal.NAME) if path.exists())
    if time.time() - max(path.stat().st_mtime for path in journals) >= YOUNG:
        return False
    pid, who = attempt.facts.get("pid"), attempt.facts.get("who") or {}
    return not isinstance(pid, int) or archive.Holder(pid, str(who.get("host", ""))).may_live


def _settle_notebook(path: Path) -> None:
    reached = marked(path.parent)
    if path.is_file():
        nb = nbformat.read(path, as_version=4)
        settle(nb, "Killed", "the process that ran it was killed or its machine stopped", reached)
        write_whole(path, nbformat.writes(nb) + "\n")


def _wait_for_kernel(attempt: Path) -> None:
    end = time.monotonic() + KERNEL_PATIENCE
    while journal.is_held(attempt):
        if time.monotonic() > end:
            begun = next((e.data for e in journal.read(attempt) if e.kind == "kernel"), {})
            pid = begun.get("pid", "unknown")
            raise Busy(
                f"the kernel of {attempt} (process {pid}) lives on after its runner died; end it, then try again"
            )
        time.sleep(0.1)
