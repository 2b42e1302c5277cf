"""The first cell of every notebook: parameters checked, attempt opened, journal begun.

The runner hands its attempt folder in. Without it, under plain papermill or in JupyterLab, the notebook opens an
attempt of its own and files it: when it finishes, or else when its kernel ends, with the last thing that went wrong.
"""

from __future__ import annotations

import atexit
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.durable import write_json
from runbook_lib.errors import BadParameters
from runbook_lib.model import Event, now
from runbook_lib.pages import views
from runbook_lib.parameters import Parameters, from_cell, project_root
from runbook_lib.record import archive, filing, identity, journal, statement
from runbook_lib.record.attempt import Run

STOPPING = frozenset({"abort", "pause"})
"""Acts on a rollout that, like a rollback, wait for nobody's key."""


def begin(phase: str, namespace: dict[str, Any], stage: int | None = None) -> Run:
    """The run of this notebook; BadParameters before anything is written when its cell does not hold good values."""
    parameters = from_cell(namespace)
    if parameters.of_fleet and phase != "assessment":
        raise BadParameters("assessment.scope: a fleet is only assessed; give the parameters of one application here")
    weight = stage if stage is not None else namespace.get("weight")
    if weight is not None:
        parameters.stage(weight)
    step = (phase, weight, namespace.get("mode"))
    _leave_earlier(namespace)
    given = namespace.get("attempt")
    folder = Path(given) if given else None
    if folder is not None and ((folder / archive.RECORD).exists() or not folder.name.startswith("attempt-")):
        raise BadParameters(
            f"attempt: {folder} is filed or is no attempt-<n>; leave `attempt` out to open the next one"
        )
    if folder is not None and _is_runners(folder):
        run = Run(parameters, folder, step)
        run.tell("kernel", pid=os.getpid())
        return run
    return _begin_alone(parameters, step, folder)


def open_attempt(
    parameters: Parameters,
    step: tuple[str, int | None, str | None],
    source: Path | None,
    by: str,
    folder: Path | None = None,
    anew: bool = False,
    at: datetime | None = None,
) -> Path:
    """Make an attempt's folder with its parameters and the first line of its journal.

    ``anew`` says that a new passage begins: what was recorded before no longer counts. ``at`` is when it began, for
    what was done before anything could be written. CannotSign, before anything is written, when nobody could sign the
    record (`identity.who`).
    """
    phase, weight, mode = step
    who = identity.who(parameters, "rollback" if mode in STOPPING else phase)
    home = parameters.path(parameters.records) / parameters.application.name
    previous = archive.last_filed(home)
    if folder is None:
        folder = archive.new_attempt(home, phase, weight, mode, parameters.dry_run, at or now(), anew)
    else:
        folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "parameters.json", parameters.model_dump(mode="json"))
    first = journal.Journal(folder)
    begun = {
        "by": by,
        "pid": os.getpid(),
        "application": parameters.application.name,
        "run": folder.parent.name,
        "attempt": int(folder.name.removeprefix("attempt-")),
        "phase": phase,
        "weight": weight,
        "mode": mode,
        "dry_run": parameters.dry_run,
        "anew": anew,
        "who": who,
        "previous": previous,
        "code": identity.code(project_root()),
        "versions": identity.versions(),
        "source": {"name": source.name, "sha256": statement.sha256(source)} if source else None,
    }
    first.append(Event(at or now(), "started", begun))
    first.close()
    views.opened(folder)
    return folder


def file_alone(folder: Path, error: str | None, message: str, following: str = "") -> filing.Filed:
    """Write the record of an attempt that has no runner, and the archive's page."""
    book = journal.Journal(folder)
    book.write("ended", error=error, message=message)
    book.close()
    filed = filing.file(folder, statement.ending_of(journal.read(folder)), following)
    views.filed(folder)
    return filed


def _begin_alone(parameters: Parameters, step: tuple[str, int | None, str | None], given: Path | None) -> Run:
    sources = sorted((project_root() / "notebooks").glob(f"*_{step[0]}.ipynb"))
    folder = open_attempt(parameters, step, sources[0] if sources else None, "notebook", given)
    run = Run(parameters, folder, step)
    alone = _Alone(run)
    run.on_finish = alone.file
    atexit.register(alone.kernel_ends)
    _hear_cells(alone)
    return run


class _Alone:
    """Journals what goes wrong in a notebook without a runner, and files the attempt once."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def file(self, error: str | None, message: str) -> None:
        if not self.run.closed:
            self.run.close()
            if unsigned := file_alone(self.run.attempt, error, message).unsigned:
                print(f"the record is not signed: {unsigned}")

    def after_cell(self, result: Any) -> None:
        failure = result.error_in_exec or result.error_before_exec
        if failure is not None and not self.run.closed:
            message = str(self.run.redacted(str(failure)))
            self.run.event("cell_failed", error=type(failure).__name__, message=message)

    def kernel_ends(self) -> None:
        if not self.run.closed:
            self.file(*_last_word(self.run.attempt, "the kernel ended before the notebook was finished"))


def _last_word(attempt: Path, otherwise: str) -> tuple[str, str]:
    """What stopped the last cell, as error and message; once more was done after that, only that it was left."""
    last = journal.read(attempt)[-1]
    return (last.data["error"], last.data["message"]) if last.kind == "cell_failed" else ("KernelEnded", otherwise)


def _hear_cells(alone: _Alone) -> None:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        shell.events.register("post_run_cell", alone.after_cell)


def _is_runners(folder: Path) -> bool:
    started = next((event for event in journal.read(folder) if event.kind == "started"), None)
    return started is not None and started.data.get("by") == "runner"


def _leave_earlier(namespace: dict[str, Any]) -> None:
    """The first cell was run again in the same kernel: what it began before ends here."""
    earlier = namespace.get("run")
    if isinstance(earlier, Run) and not earlier.closed and earlier.on_finish is not None:
        earlier.on_finish(*_last_word(earlier.attempt, "the notebook was begun anew"))
