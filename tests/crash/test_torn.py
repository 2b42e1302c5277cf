"""A reader that never waits finds whole files only; of files that are written plainly the same reader finds halves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from subprocess import PIPE

import pytest
from rich.console import Console
from throwaway import PASSES, demo, make_project, write_notebook

from runbook_lib.runner import run
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen

READER = Path(__file__).parent / "reader.py"
GATE = """from runbook_lib.gate import gate
from runbook_lib.model import Outcome, Verdict
gate(run, "May they go?", [Verdict("errors", Outcome.PASS, "none")], "they go", "they come back")"""
SIZES = [2_000_000, pytest.param(40_000_000, marks=pytest.mark.heavy)]
Seen = dict[str, dict[str, int]]


@contextmanager
def reading(folder: Path) -> Iterator[Seen]:
    """What a reader has found below a folder while the context lasted; filled when it ends."""
    seen: Seen = {}
    folder.mkdir(exist_ok=True)
    reader = subprocess.Popen([sys.executable, str(READER), str(folder)], stdin=PIPE, stdout=PIPE, text=True)
    assert reader.stdout
    reader.stdout.readline()
    try:
        yield seen
    finally:
        said, _ = reader.communicate("enough\n")
        seen.update(json.loads(said))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", SIZES)
def test_whoever_reads_while_a_step_runs_sees_whole_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    project = make_project(tmp_path / "project")
    monkeypatch.chdir(project)
    loud = [f"print(('{letter}' * 79 + chr(10)) * {size // 80})" for letter in "abc"]
    write_notebook(project, "gray_stage", (*loud, PASSES[0], GATE))
    with reading(project / "records") as seen:
        assert run.single(demo(project), Step("gray_stage", 1), _silent()) == 75
        time.sleep(0.5)  # time for a last look at what is written last
    print(seen)
    gates = {name for name in seen if name.startswith("gray_stage-1-")}
    assert {"notebook.ipynb", "parameters.json", "record.json"} <= seen.keys() and gates
    assert {name: told["torn"] for name, told in seen.items() if told["torn"]} == {}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", SIZES)
def test_the_same_reader_sees_halves_of_what_is_written_plainly(tmp_path: Path, size: int) -> None:
    content = json.dumps({"cells": ["a" * size]})
    with reading(tmp_path / "plain") as seen:
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            with (tmp_path / "plain" / "notebook.ipynb").open("w") as stream:  # as papermill does
                stream.write(content)
    print(seen)
    assert seen["notebook.ipynb"]["torn"] > 0


def _silent() -> Screen:
    return Screen(Console(file=StringIO()), Console(file=StringIO()))
