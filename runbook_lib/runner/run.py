"""Steps are run here: a notebook executed, its attempt filed, the next step chosen from the records."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from runbook_lib.durable import write_whole
from runbook_lib.errors import BadParameters, Busy, CannotSign, GatePending, RolledBack
from runbook_lib.model import now
from runbook_lib.pages import html, views
from runbook_lib.parameters import Parameters
from runbook_lib.record import archive, filing, journal, statement
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner import passage, recover, roll_back, unwritable, waiting
from runbook_lib.runner.cells import mark, marked, settle
from runbook_lib.runner.engine import Options, execute
from runbook_lib.runner.hearing import Hearing
from runbook_lib.runner.kernels import Kernels
from runbook_lib.runner.passage import Result, Step
from runbook_lib.runner.progress import Screen
from runbook_lib.runner.recover import Recovery

KERNEL_IMPORTS = (
    "runbook_lib.show.gray",
    "runbook_lib.rollback",
    "matplotlib_inline.backend_inline",
    "kubernetes.client.api.apps_v1_api",
    "kubernetes.client.api.core_v1_api",
    "prometheus_api_client",
    "sqlalchemy",
)
"""Loaded while a kernel starts ahead: together they take seconds, and nearly every notebook needs them."""
YOUNG = 60.0  # seconds
HOLDERS = frozenset({"command", "batch"})
"""What opens an attempt only while it holds the application, so that one without a process is dead."""
KERNEL_PATIENCE = 5.0  # seconds; an orphaned kernel notices within one that its runner is gone


def advance(
    parameters: Parameters, screen: Screen, until: Step | None = None, anew: bool = False, patience: float = 0.0
) -> int:
    """Run the passage step by step until it is done, somebody is asked, or something stops it; the exit code.

    ``anew`` begins with the first step, whatever the records say; an answer is awaited for ``patience`` seconds.
    """
    with held(parameters, screen), Kernels(KERNEL_IMPORTS) as shelf:
        found = _found(parameters, screen)
        if found.back:
            return _bring_back(parameters, screen, found)
        began = now()
        while step := passage.steps(parameters)[0] if anew else passage.next_step(passage.standings(parameters)):
            if said := recover.brought_back(parameters, began):
                screen.say(said)
                return RolledBack.exit_code
            result = run_step(parameters, step, screen, shelf, anew, found)
            anew, found = False, recover.NOTHING
            code = result.ending.exit_code
            if code == GatePending.exit_code and _answered(parameters, result, shelf, screen, patience):
                continue
            if code or step == until:
                return code
        screen.say(f"{parameters.application.name} has gone the whole way")
    return 0


def _found(parameters: Parameters, screen: Screen) -> Recovery:
    """What an earlier process left open, read from the world and said on the screen."""
    found = recover.look(parameters)
    for sentence in recover.sentences(found):
        screen.say(sentence)
    return found


def _bring_back(parameters: Parameters, screen: Screen, found: Recovery) -> int:
    """The rollback that a dead attempt owes its users; like any rollback it ends the passage for now."""
    return roll_back.owed(parameters, screen, found) or RolledBack.exit_code


def _answered(parameters: Parameters, result: Result, shelf: Kernels, screen: Screen, patience: float) -> bool:
    """Wait for somebody to answer the gate of a run; the kernel that goes on is started meanwhile."""
    if not patience:
        return False
    shelf.run(shelf.start_ahead(Options(folder=passage.source_of(result.step).parent).kernel, after=0.0))
    return waiting.answered(parameters, result.attempt, screen, patience)


def single(parameters: Parameters, step: Step, screen: Screen, patience: float = 0.0) -> int:
    """Run one step, whatever stands before it; the exit code. An answer is awaited for ``patience`` seconds."""
    with held(parameters, screen):
        found = recover.NOTHING
        if step.phase in recover.ON_TRAFFIC and step != passage.ROLLBACK:  # a rollback waits for nothing to be known
            found = _found(parameters, screen)
            if found.back:
                return _bring_back(parameters, screen, found)
        result = run_step(parameters, step, screen, found=found)
        while result.ending.exit_code == GatePending.exit_code:
            if not waiting.answered(parameters, result.attempt, screen, patience):
                break
            result = run_step(parameters, step, screen)
        return result.ending.exit_code


@contextlib.contextmanager
def held(parameters: Parameters, screen: Screen) -> Iterator[None]:
    """Be the application's only runner, after what an earlier one left open is filed; Busy when there is another."""
    folder = passage.home(parameters)
    with unwritable.told(parameters.application.name), archive.hold(folder):
        for result in file_abandoned(folder, screen.say):
            screen.found(result)
        yield


def run_step(
    parameters: Parameters,
    step: Step,
    screen: Screen,
    shelf: Kernels | None = None,
    anew: bool = False,
    found: Recovery = recover.NOTHING,
) -> Result:
    """Execute one notebook in a fresh attempt and file it, whatever happens in between; ``found`` goes into it."""
    source = passage.source_of(step)
    nb = _read(source)
    attempt = open_attempt(parameters, step.key, source, "runner", anew=anew)
    redactor = Hearing(parameters, attempt)
    book = journal.Journal(attempt, lambda value: redactor().value(value))
    recover.note(book.write, found)
    nb = _with_parameters(nb, parameters, step, attempt)
    threading.Thread(target=html.warm_up, daemon=True).start()
    began = time.monotonic()
    options = Options(
        folder=source.parent,
        save_each_cell=step.phase in passage.CHANGING,
        kernel_log=attempt / "kernel.log",
        on_cell=functools.partial(_reached, attempt, screen),
        redactor=redactor,
    )
    with signals_wait():
        with screen.following(step.title, attempt):
            stop = execute(nb, attempt / archive.NOTEBOOK, options, shelf)
        told = recover.redone(book.write, found, journal.read(attempt))
        if stop is None:
            book.write("ended", error=None)
        else:
            book.write("ended", error=stop.name, message=stop.message, cell=stop.cell, signal=stop.signal)
        book.close()
        result = replace(file_attempt(attempt), seconds=time.monotonic() - began)
        views.filed(attempt)
        screen.done(result)
        for finding in told:
            screen.say(finding.said)
    return result


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
        elif attempt.facts.get("by") not in HOLDERS and time.time() - attempt.folder.stat().st_mtime < YOUNG:
            continue  # a notebook without runner may be about to open its journal
        if journal.is_held(attempt.folder):
            continue  # somebody works in it, cell by cell
        try:
            filing.may_file(attempt.folder)
        except CannotSign as error:
            say(f"{attempt.run_id}/{attempt.folder.name} was broken off and is not filed yet: {error}")
            continue
        _settle_notebook(attempt.folder / archive.NOTEBOOK)
        filed.append(file_attempt(attempt.folder))
        views.filed(attempt.folder)
    return filed


def take_over(folder: Path, screen: Screen, patience: float = 10) -> None:
    """Tell the application's runner to stop, so that a rollback need not wait for it; Busy when it does not."""
    end = time.monotonic() + patience
    told: archive.Holder | None = None
    while True:
        try:
            with archive.hold(folder):
                return
        except Busy:
            who = archive.holder(folder)
            if time.monotonic() > end or (who is not None and who.host != socket.gethostname()):
                raise  # a process of another machine can only be stopped there
            if who is not None and who != told:
                told = who
                screen.say(f"{who} runs this application; it is told to stop and to file what it did")
                os.kill(who.pid, signal.SIGTERM)
            time.sleep(0.1)


@contextlib.contextmanager
def signals_wait() -> Iterator[None]:
    """Ctrl-C and SIGTERM strike after this block: a record is written whole. The engine hears them for itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _read(source: Path) -> NotebookNode:
    nb: NotebookNode = load_notebook_node(str(source))
    if not any("parameters" in cell.metadata.get("tags", []) for cell in nb.cells):
        raise BadParameters(f"{source.name} has no cell tagged `parameters`: its values would be ignored; restore it")
    return nb


def _with_parameters(nb: NotebookNode, parameters: Parameters, step: Step, attempt: Path) -> NotebookNode:
    """The notebook with its parameters injected; secrets are references in them, so none are."""
    values = {**parameters.model_dump(mode="json"), "attempt": str(attempt)}
    values |= {key: value for key, value in (("weight", step.weight), ("mode", step.mode)) if value is not None}
    logging.getLogger("papermill").setLevel(logging.ERROR)
    injected: NotebookNode = parameterize_notebook(nb, values, kernel_name="python3", language="python")
    return injected


def _reached(attempt: Path, screen: Screen, index: int, total: int) -> None:
    mark(attempt, index)
    screen.cell(index, total)


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
