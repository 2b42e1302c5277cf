"""A step leaves a true record however it ends, and the passage goes on from the records."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from rich.console import Console
from throwaway import PASSES, demo, make_project, only_attempt, write_notebook

from runbook_lib.errors import BadParameters, Busy
from runbook_lib.pages import index, page
from runbook_lib.parameters import load_any
from runbook_lib.record import archive, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner import holding, kernels, passage, run
from runbook_lib.runner.cells import cell_results
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen

RAISES = "from runbook_lib.errors import *\nraise {}('the sentence')"
WAITS = "import time\nrun.event('waiting')\ntime.sleep(60)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return tmp_path / "project"


def _screen() -> Screen:
    return Screen(Console(file=StringIO(), width=200), Console(file=StringIO(), width=200))


def _said(screen: Screen) -> str:
    files: Any = (screen.console.file, screen.errors.file)
    return "".join(file.getvalue() for file in files)


def test_a_step_that_passes_leaves_everything_an_auditor_asks_for(project: Path) -> None:
    screen = _screen()
    assert run.single(demo(project), Step("gray_stage", 5), screen) == 0
    attempt = only_attempt(project)
    left = {path.name for path in attempt.folder.iterdir()}
    assert left == {
        "evidence",
        "journal.jsonl",
        "notebook.html",
        "notebook.ipynb",
        "parameters.json",
        "record.json",
        "record.json.sig",
    }
    facts = attempt.facts
    assert (facts["outcome"], facts["weight"], facts["next_notebook"]) == ("passed", 5, "04_gray_stage.ipynb")
    assert {cell["status"] for cell in facts["cells"]} == {"completed"}
    assert facts["changes"][0]["after"] == 1
    assert facts["who"]["source"] and facts["versions"]["papermill"]
    assert (project / "records" / index.NAME).is_file() and "passed" in (attempt.folder.parent / page.NAME).read_text()
    assert "gray stage 5 %" in _said(screen) and "1 of 1 criteria passed" in _said(screen)


@pytest.mark.parametrize(
    ("cell", "outcome", "code", "following"),
    [
        (RAISES.format("RolledBack"), "rolled_back", 20, "05_comparison.ipynb"),
    ],
)
def test_the_outcome_is_told_by_code_record_and_terminal(
    project: Path, cell: str, outcome: str, code: int, following: str
) -> None:
    write_notebook(project, "gray_stage", (cell, "run.finish()"))
    screen = _screen()
    assert run.single(demo(project), Step("gray_stage", 1), screen) == code
    facts = only_attempt(project).facts
    assert (facts["outcome"], facts["exit_code"], facts["next_notebook"]) == (outcome, code, following)
    assert [c["status"] for c in facts["cells"]][-2:] == ["failed", "not-run"]
    assert following in _said(screen)
    assert facts["message"] == "the sentence"


def test_a_notebook_that_judges_nothing_has_not_passed(project: Path) -> None:
    write_notebook(project, "assessment", ("1 + 1",))
    assert run.single(demo(project), Step("assessment"), _screen()) == 70
    assert "nothing was judged" in only_attempt(project).facts["message"]


def test_a_notebook_without_the_parameters_tag_is_refused_before_anything_is_written(project: Path) -> None:
    path = write_notebook(project, "assessment", PASSES)
    path.write_text(path.read_text().replace('"parameters"', '"other"'))
    with pytest.raises(BadParameters, match="parameters"):
        run.single(demo(project), Step("assessment"), _screen())
    assert not archive.attempts(project / "records")


def test_what_waits_at_a_gate_goes_on_as_the_next_attempt_of_the_same_run(project: Path) -> None:
    asks = "from pathlib import Path\nfrom runbook_lib.errors import GatePending\n"
    asks += "if not Path('../yes').exists():\n    raise GatePending('may they go?')"
    write_notebook(project, "gray_stage", (asks, "run.finish()"))
    p, step = demo(project), Step("gray_stage", 1)
    assert run.single(p, step, _screen()) == 75
    (project / "yes").touch()
    assert run.single(p, step, _screen()) == 0
    first, second = archive.attempts(project / "records")
    assert (first.run_id, first.number, second.number) == (second.run_id, 1, 2)
    assert (first.outcome, second.outcome) == ("gate_pending", "passed")


def test_the_passage_stops_where_something_stops_it_and_goes_on_from_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "AHEAD", 3600.0)  # a kernel that is started ahead has tests of its own, and costs
    write_notebook(project, "containerization_checks", (RAISES.format("CriterionFailed"), "run.finish()"))
    p, until = demo(project), Step("containerization_checks")
    assert run.advance(p, _screen(), until) == 10
    write_notebook(project, "containerization_checks", PASSES)
    assert run.advance(p, _screen(), until) == 0
    done = [(a.step[0], a.outcome) for a in archive.attempts(project / "records")]
    assert done == [
        ("assessment", "passed"),
        ("containerization_checks", "failed"),
        ("containerization_checks", "passed"),
    ]


def test_a_second_runner_is_told_who_runs_the_application(project: Path) -> None:
    p = demo(project)
    with archive.hold(passage.home(p)), pytest.raises(Busy, match=str(os.getpid())):
        run.single(p, Step("assessment"), _screen())


def test_a_rollback_does_not_shoot_at_a_process_number_of_another_machine(project: Path) -> None:
    folder = passage.home(demo(project))
    with archive.hold(folder):
        (folder / "runner.lock").write_text(f"{os.getpid()} another-machine")
        with pytest.raises(Busy, match="another-machine"):
            holding.take_over(folder, _screen())


def test_what_a_dead_notebook_without_runner_left_is_filed_with_its_last_word(project: Path) -> None:
    p = demo(project)
    begun = [open_attempt(p, step, None, "notebook") for step in (("gray_stage", 5, None), ("assessment", None, None))]
    for attempt in begun:
        book = journal.Journal(attempt)
        book.write("cell_failed", error="GatePending", message="may they go?")
        book.close()
    for path in (begun[0], begun[0] / journal.NAME):
        os.utime(path, (0, 0))
    with holding.held(p, _screen()):
        pass
    assert [read.outcome for read in map(archive.read_attempt, begun)] == ["gate_pending", "crashed"]
    assert not (begun[1] / archive.RECORD).exists()  # it is young: its notebook may be about to go on


def _runner(project: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "runbook_lib.cli", *arguments]
    return subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_until_waiting(project: Path) -> int:
    """The kernel's process, once the notebook has reached the cell that waits."""
    while True:
        for attempt in archive.attempts(project / "records"):
            events = journal.read(attempt.folder)
            if any(event.kind == "waiting" for event in events):
                return int(next(event.data["pid"] for event in events if event.kind == "kernel"))
        time.sleep(0.1)


def test_a_killed_runner_is_found_and_its_attempt_filed_before_the_next_goes_on(project: Path) -> None:
    intent = "run.event('intent', act='1.1', what='users: 0 % -> 1 %')"
    write_notebook(project, "assessment", (intent, WAITS, "run.finish()"))
    runner = _runner(project, "run", "parameters/demo.yaml", "--phase", "assessment")
    _wait_until_waiting(project)
    assert only_attempt(project).outcome == "running"
    runner.kill()
    runner.communicate()
    write_notebook(project, "assessment", PASSES)
    screen = _screen()
    assert run.single(demo(project), Step("assessment"), screen) == 0
    first, second = archive.attempts(project / "records")
    assert (first.outcome, second.outcome, first.run_id) == ("crashed", "passed", second.run_id)
    assert first.facts["open_intents"][0]["what"] == "users: 0 % -> 1 %"
    assert "not known whether this was done: users: 0 % -> 1 %" in _said(screen)
    assert {cell["status"] for cell in first.facts["cells"]} <= {"completed", "failed", "not-run"}
    notebook = nbformat.read(first.folder / archive.NOTEBOOK, as_version=4)
    assert {cell["status"] for cell in cell_results(notebook)} <= {"completed", "failed", "not-run"}


def test_a_rollback_takes_over_from_a_runner_that_is_still_at_it(project: Path) -> None:
    write_notebook(project, "assessment", (WAITS, "run.finish()"))
    runner = _runner(project, "run", "parameters/demo.yaml", "--phase", "assessment")
    _wait_until_waiting(project)
    p, screen = demo(project), _screen()
    holding.take_over(passage.home(p), screen)
    runner.communicate()
    assert runner.returncode == 143
    assert run.single(p, passage.ROLLBACK, screen) == 0
    assert [a.outcome for a in archive.attempts(project / "records")] == ["interrupted", "passed"]


@pytest.mark.parametrize(
    ("last", "outcome", "code"),
    [("run.finish()", "passed", 0), (RAISES.format("GatePending"), "gate_pending", 75)],
)
def test_plain_papermill_leaves_the_same_record(project: Path, last: str, outcome: str, code: int) -> None:
    source = write_notebook(project, "gray_stage", (PASSES[0], last))
    parameters = {**demo(project).model_dump(mode="json"), "weight": 5}
    try:
        papermill.execute_notebook(source, project / "out.ipynb", parameters, progress_bar=False)
    except papermill.PapermillExecutionError:
        assert code
    attempt = only_attempt(project)
    assert (attempt.outcome, attempt.facts["exit_code"], attempt.step) == (outcome, code, ("gray_stage", 5, None))


def test_a_signal_strikes_after_the_record_is_written_unless_it_was_the_second_of_two() -> None:
    written = []
    with pytest.raises(KeyboardInterrupt), run.signals_wait():
        signal.raise_signal(signal.SIGINT)
        written.append("record")
    with run.signals_wait() as came:
        signal.raise_signal(signal.SIGINT)
        came.clear()
    assert written == ["record"]


def test_a_fleet_that_was_assessed_says_how_its_sources_are_read_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "next_step", lambda _: None)
    fleet = load_any(Path(__file__).parents[2] / "parameters" / "fleet.example.yaml")
    assert run.advance(fleet, screen := _screen()) == 0
    assert "shop-fleet is assessed; --anew reads its sources again" in _said(screen)
