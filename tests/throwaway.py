"""A project of its own for a test: small notebooks, the demo parameters, a records folder, nothing else."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from runbook_lib.parameters import Parameters, load
from runbook_lib.record import archive
from runbook_lib.runner.passage import NOTEBOOKS
from sandbox import keys

REPOSITORY = Path(__file__).parents[1]
PASSES = (
    "from runbook_lib.model import Change, Outcome, Verdict, now\n"
    "run.verdict(Verdict('errors', Outcome.PASS, 'error rate 0.1 % < limit 1.0 %'))[0].message",
    "run.change('users: 0 % -> 1 %', lambda: Change('users', 0, 1, True, now()))\n"
    "run.progress('half way', 0.5, 3)\n"
    "run.evidence('counts', {'requests': 900, 'rate': float('nan')})",
    "run.finish()",
)
STEP_PARAMETERS = {"gray_stage": "weight: int = 1", "rollback": "mode: str = 'rollback'"}


def make_project(folder: Path, **cells: tuple[str, ...]) -> Path:
    """A project whose seven notebooks pass at once; ``gray_stage=(cell, …)`` gives a phase other cells."""
    (folder / "parameters").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    shutil.copy(REPOSITORY / "parameters" / "demo.yaml", folder / "parameters")
    shutil.copytree(keys.make(Path(practice_ranges().name)), folder / ".range" / "keys")
    for phase in NOTEBOOKS:
        write_notebook(folder, phase, cells.get(phase, PASSES))
    return folder


@cache
def practice_ranges() -> tempfile.TemporaryDirectory[str]:
    """Holds the keys that demo.yaml names, made once for all tests of a process; it goes with the process."""
    return tempfile.TemporaryDirectory(prefix="practice-ranges-")


def write_notebook(folder: Path, phase: str, cells: tuple[str, ...], **tags: list[str]) -> Path:
    """One notebook of a phase: the parameters cell, ``begin``, then the given cells."""
    begin = f"from runbook_lib.record import begin\n\nrun = begin({phase!r}, globals())"
    notebook = new_notebook(cells=[new_markdown_cell(f"# {phase}"), parameters_cell(phase), new_code_cell(begin)])
    notebook.cells += [new_code_cell(source) for source in cells]
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "notebooks" / NOTEBOOKS[phase]
    nbformat.write(notebook, path)
    return path


def parameters_cell(phase: str) -> Any:
    """The annotated cell that all notebooks have."""
    names = [*Parameters.model_fields, "attempt"]
    lines = [*(f"{name}: object = None" for name in names), STEP_PARAMETERS.get(phase, "")]
    return new_code_cell("\n".join(lines).strip(), metadata={"tags": ["parameters"]})


def demo(folder: Path) -> Parameters:
    """The project's parameters; the caller has changed into its folder."""
    return load(folder / "parameters" / "demo.yaml")


def only_attempt(folder: Path) -> archive.Attempt:
    """The one attempt of the project."""
    (attempt,) = archive.attempts(folder / "records")
    return attempt


def write_record(folder: Path, outcome: str, minute: int = 0, **facts: Any) -> Path:
    """A record as short as the archive accepts."""
    started = (datetime(2026, 11, 20, 12, minute, tzinfo=UTC)).isoformat()
    defaults = {"phase": "gray_stage", "weight": 5, "mode": None, "started": started, "ended": started, "seconds": 1}
    (folder / archive.RECORD).write_text(json.dumps({"predicate": {**defaults, "outcome": outcome, **facts}}))
    return folder
