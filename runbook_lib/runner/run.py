"""Steps are run here: a notebook executed, its attempt filed, the next step chosen from the records."""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nbformat import NotebookNode
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from runbook_lib.errors import BadParameters, GatePending, RolledBack
from runbook_lib.model import now
from runbook_lib.pages import html, views
from runbook_lib.parameters import Parameters
from runbook_lib.record import archive, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner import passage, recover, roll_back, waiting
from runbook_lib.runner.cells import mark
from runbook_lib.runner.engine import Options, execute
from runbook_lib.runner.filed import file_attempt
from runbook_lib.runner.hearing import Hearing
from runbook_lib.runner.holding import held
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
        done = "is assessed; --anew reads its sources again" if parameters.of_fleet else "has gone the whole way"
        screen.say(f"{parameters.application.name} {done}")
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
    with signals_wait() as came:
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
        if stop is not None and stop.signal:
            came.clear()  # whoever says it twice is answered once
    return result


@contextlib.contextmanager
def signals_wait() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM strike after this block: a record is written whole. The engine hears them for itself.

    Yields those that came; what is taken out of it does not strike.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
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
