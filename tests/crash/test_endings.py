"""However a run ends, through the real runner: each cell and the run say truly what became of them, no kernel stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from subprocess import PIPE
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from rich.console import Console
from throwaway import demo, make_project, only_attempt, write_notebook

from runbook_lib.record import archive, journal
from runbook_lib.runner import holding, kernels, run
from runbook_lib.runner.cells import cell_results
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen

FIRST = "from runbook_lib.model import Outcome, Verdict\nrun.verdict(Verdict('errors', Outcome.PASS, 'none')) and None"
SLEEPS = "import time\nrun.event('waiting')\ntime.sleep(60)"
DEAF = """import time
run.event('waiting')
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass"""
STOPPED = ["completed", "failed", "not-run"]
ENDED_WITHIN = 2.0  # seconds
BUSY = 15  # times as long on a machine that is busy with other things; the cell would sleep twice as long still
CLIENT_FOR = kernels.client_for
Start = Callable[[], subprocess.Popen[str]]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return tmp_path / "project"


def tagged(source: str, tag: str) -> Any:
    return new_code_cell(source, metadata={"tags": [tag]})


@pytest.fixture
def runner(project: Path) -> Iterator[Start]:
    """Starts the command line in the project; what still runs at the end of the test is killed."""
    begun: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "runbook_lib.cli", "run", "parameters/demo.yaml", "--phase", "assessment"]
        begun.append(subprocess.Popen(command, cwd=project, stdout=PIPE, stderr=PIPE, text=True))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()


def put_between(project: Path, middle: Any) -> None:
    """The notebook of the assessment: a verdict, the cell in question, the end."""
    path = write_notebook(project, "assessment", (FIRST, "run.finish()"))
    nb = nbformat.read(path, as_version=4)
    nb.cells.insert(len(nb.cells) - 1, new_code_cell(middle) if isinstance(middle, str) else middle)
    nbformat.write(nb, path)


def assert_told(project: Path, outcome: str, code: int, error: str | None, statuses: list[str]) -> None:
    """record.json and the notebook say the same of the run, and of its last three cells."""
    attempt = only_attempt(project)
    nb = nbformat.read(attempt.folder / archive.NOTEBOOK, as_version=4)
    facts = attempt.facts
    assert (facts["outcome"], facts["exit_code"], facts["error"]) == (outcome, code, error)
    assert [cell["status"] for cell in facts["cells"]][-3:] == statuses
    assert [cell["status"] for cell in cell_results(nb)] == [cell["status"] for cell in facts["cells"]]
    assert nb.metadata.papermill.exception == error
    failed = [cell for cell in facts["cells"] if cell["status"] == "failed"]
    assert [cell["exception"] for cell in failed] == [error] * len(failed)


def kernels_of(runner: int) -> list[int]:
    """The kernels that live and were started by this process."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"JPY_PARENT_PID={runner}\0".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return [pid for pid in found if not gone(pid)]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize(
    ("middle", "outcome", "code", "error", "statuses"),
    [
        pytest.param("1 / 0", "crashed", 70, "ZeroDivisionError", STOPPED, id="cell error"),
        pytest.param("import os\nos.kill(os.getpid(), 9)", "crashed", 70, "KernelDied", STOPPED, id="kernel killed"),
        pytest.param("import os\nos._exit(0)", "crashed", 70, "KernelDied", STOPPED, id="kernel ends itself"),
        pytest.param(SLEEPS, "crashed", 70, "CellTimeout", STOPPED, id="time-out"),
        pytest.param("import sys\nsys.exit(0)", "crashed", 70, "SystemExit", STOPPED, id="sys.exit(0)"),
        pytest.param(tagged("1 / 0", "raises-exception"), "passed", 0, None, ["completed"] * 3, id="raises-exception"),
        pytest.param(
            tagged("1 / 0", "skip-execution"), "passed", 0, None, ["completed", "not-run", "completed"], id="skipped"
        ),
    ],
)
def test_an_ending_from_within(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    middle: Any,
    outcome: str,
    code: int,
    error: str | None,
    statuses: list[str],
) -> None:
    put_between(project, middle)
    if error == "CellTimeout":  # the runner sets no limit of its own: a stage may watch for two weeks
        monkeypatch.setattr(kernels, "client_for", impatient)
    silent = Screen(Console(file=StringIO()), Console(file=StringIO()))
    assert run.single(demo(project), Step("assessment"), silent) == code
    assert_told(project, outcome, code, error, statuses)
    assert kernels_of(os.getpid()) == []


def impatient(kernel: kernels.Kernel, nb: Any, start_timeout: float, _: int | None) -> Any:
    """An executor with a second's patience for the cell in question."""
    client = CLIENT_FOR(kernel, nb, start_timeout, None)
    client.timeout_func = lambda cell: 1 if cell is not None and cell.source == SLEEPS else None
    return client


def started(project: Path, kind: str) -> Callable[[], bool]:
    """True once the journal of the only attempt has an event of that kind."""

    def seen() -> bool:
        known = archive.attempts(project / "records")
        return any(event.kind == kind for attempt in known for event in journal.read(attempt.folder))

    return seen


@pytest.mark.parametrize(
    ("numbers", "cell", "at", "code", "error", "statuses"),
    [
        pytest.param([signal.SIGINT], SLEEPS, "waiting", 130, "Interrupted", STOPPED, id="Ctrl-C"),
        pytest.param([signal.SIGTERM], DEAF, "waiting", 143, "Terminated", STOPPED, id="SIGTERM, deaf cell"),
        pytest.param([signal.SIGTERM, signal.SIGINT], SLEEPS, "waiting", 143, "Terminated", STOPPED, id="two in a row"),
        pytest.param([signal.SIGTERM], SLEEPS, "started", 143, "Terminated", ["not-run"] * 3, id="at kernel start"),
    ],
)
def test_an_ending_by_a_signal(
    project: Path,
    runner: Start,
    until: Until,
    numbers: list[int],
    cell: str,
    at: str,
    code: int,
    error: str,
    statuses: list[str],
) -> None:
    put_between(project, cell)
    process = runner()
    until(started(project, at))
    if at == "started":
        until(lambda: bool(kernels_of(process.pid)))
    sent = time.monotonic()
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.05)
    until(lambda: not kernels_of(process.pid))
    took = time.monotonic() - sent
    said = process.communicate()
    print(f"kernel gone {took:.2f} s after the signal, record filed after {time.monotonic() - sent:.2f} s")
    assert process.returncode == code, said
    assert "Traceback" not in said[1]
    assert_told(project, "interrupted", code, error, statuses)
    assert took < ENDED_WITHIN * BUSY


def test_an_ending_by_kill_is_told_by_whoever_comes_next(project: Path, runner: Start, until: Until) -> None:
    put_between(project, SLEEPS)
    process = runner()
    until(started(project, "waiting"))
    process.kill()
    process.communicate()
    until(lambda: not kernels_of(process.pid))
    with holding.held(demo(project), Screen(Console(file=StringIO()), Console(file=StringIO()))):
        pass
    assert_told(project, "crashed", 70, "Killed", STOPPED)
