"""A notebook is run so that its file is true; every way to end is played in tests/crash/test_endings.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from throwaway import REPOSITORY

from runbook_lib.durable import write_whole
from runbook_lib.runner import kernels
from runbook_lib.runner.cells import cell_results
from runbook_lib.runner.engine import Options, execute

NAP = "import time\ntry:\n    time.sleep(30)\nfinally:\n    print('cleaned up')"


def _notebook(*cells: Any) -> Any:
    return new_notebook(cells=[new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells])


def _statuses(path: Path) -> list[str]:
    return [cell["status"] for cell in cell_results(nbformat.read(path, as_version=4))]


def _tagged(source: str, tag: str) -> Any:
    return new_code_cell(source, metadata={"tags": [tag]})


@pytest.mark.parametrize(
    ("middle", "options", "error", "statuses"),
    [
        ("1 + 1", {}, None, ["completed", "completed", "completed"]),
        ("import time\ntime.sleep(30)", {"cell_timeout": 1}, "CellTimeout", ["completed", "failed", "not-run"]),
    ],
    ids=["all well", "time-out"],
)
def test_each_ending_is_told_truly(
    tmp_path: Path, middle: Any, options: dict[str, Any], error: str | None, statuses: list[str]
) -> None:
    target = tmp_path / "out.ipynb"
    stop = execute(_notebook("'first'", middle, "'last'"), target, Options(**options))
    assert (stop.name if stop else None) == error
    assert _statuses(target) == statuses
    assert nbformat.read(target, as_version=4).metadata.papermill.exception == error


def test_a_signal_ends_the_kernel_after_its_cell_has_cleaned_up(tmp_path: Path) -> None:
    number = signal.SIGINT
    target, pids = tmp_path / "out.ipynb", tmp_path / "pid"
    tell = f"import os\nopen({str(pids)!r}, 'w').write(str(os.getpid()))"
    before = signal.getsignal(number)
    watcher = threading.Thread(target=_strike_when_running, args=(target, number))
    watcher.start()
    stop = execute(_notebook(tell, NAP, "'last'"), target, Options())
    watcher.join()
    assert stop is not None and stop.signal == number
    assert _statuses(target) == ["completed", "failed", "not-run"]
    assert not Path(f"/proc/{pids.read_text()}").exists()
    assert signal.getsignal(number) is before
    assert "cleaned up" in target.read_text()


def _strike_when_running(target: Path, number: signal.Signals) -> None:
    while not target.exists() or _statuses(target)[:2] != ["completed", "running"]:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(os.getpid(), number)


def test_an_allowed_exception_is_still_named(tmp_path: Path) -> None:
    target = tmp_path / "out.ipynb"
    execute(_notebook(_tagged("1 / 0", "raises-exception")), target, Options())
    assert cell_results(nbformat.read(target, as_version=4))[0]["exception"] == "ZeroDivisionError"


def test_a_kernel_that_cannot_start_leaves_all_cells_not_run(tmp_path: Path) -> None:
    stop = execute(_notebook("1"), tmp_path / "out.ipynb", Options(kernel_name="no-such-kernel"))
    assert stop is not None and stop.name == "NoSuchKernel"
    assert _statuses(tmp_path / "out.ipynb") == ["not-run"]


def test_a_cell_that_runs_is_on_the_disk_as_running_unless_saves_are_off(tmp_path: Path) -> None:
    for wanted, seen in ((True, "running"), (False, "pending")):
        target, nb = tmp_path / f"{wanted}.ipynb", _notebook("1")
        cells = f"json.load(open({str(target)!r}))['cells']"
        look = f"import json\nprint([cell['metadata']['papermill']['status'] for cell in {cells}])"
        nb.cells.append(new_code_cell(look))
        execute(nb, target, Options(save_each_cell=wanted))
        assert seen in nb.cells[1].outputs[0].text


def test_markdown_is_left_alone_and_the_folder_is_the_kernels(tmp_path: Path) -> None:
    nb = _notebook(new_markdown_cell("# title"), "import os\nprint(os.getcwd())")
    assert execute(nb, tmp_path / "out.ipynb", Options(folder=tmp_path)) is None
    assert nb.cells[1].outputs[0].text.strip() == str(tmp_path.resolve())
    assert "papermill" not in nb.cells[0].metadata


def test_it_runs_where_a_loop_is_already_running(tmp_path: Path) -> None:
    import asyncio

    async def inside() -> Any:
        return execute(_notebook("1 / 0"), tmp_path / "out.ipynb", Options())

    stop = asyncio.run(inside())
    assert stop is not None and stop.name == "ZeroDivisionError"


def test_papermill_finds_it_by_its_entry_point(tmp_path: Path) -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]["papermill.engine"]
    installed = tmp_path / "site" / "throwaway-1.dist-info"
    installed.mkdir(parents=True)
    lines = "".join(f"{name} = {target}\n" for name, target in declared.items())
    (installed / "entry_points.txt").write_text(f"[papermill.engine]\n{lines}")
    notebook = _notebook("1", "import sys\nsys.exit(0)", "2")
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", "--engine", "runbook", "in.ipynb", "out.ipynb"]
    environment = os.environ | {"PYTHONPATH": str(installed.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "SystemExit" in done.stderr
    assert _statuses(tmp_path / "out.ipynb") == ["completed", "failed", "not-run"]


def test_the_next_kernel_is_started_ahead_and_used_when_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "AHEAD", 0.0)
    tell = "import os, sys, time\nprint(os.getpid(), 'colorsys' in sys.modules, flush=True)\ntime.sleep(1)"
    options = Options(folder=tmp_path)
    with kernels.Kernels(["colorsys"]) as shelf:
        execute(_notebook(tell), None, options, shelf)
        spare = shelf._spare
        assert spare is not None
        pid = spare.manager.provisioner.pid
        nb = _notebook("import os, sys\nprint(os.getpid(), 'colorsys' in sys.modules)", "import time\ntime.sleep(1)")
        assert execute(nb, None, options, shelf) is None
        assert nb.cells[0].outputs[0].text.split() == [str(pid), "True"]
        last = shelf._spare
        assert last is not None
    assert not last.sockets.exists() and not spare.sockets.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_spare_kernel_that_died_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "AHEAD", 0.0)
    with kernels.Kernels() as shelf:
        execute(_notebook("import time\ntime.sleep(1)"), None, Options(), shelf)
        spare = shelf._spare
        assert spare is not None
        os.kill(spare.manager.provisioner.pid, signal.SIGKILL)
        while shelf.run(spare.manager.is_alive()):
            time.sleep(0.01)
        assert execute(_notebook("1"), None, Options(), shelf) is None


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    target, sizes, stop = tmp_path / "big.json", set[int](), threading.Event()
    contents = [letter * 2_000_000 for letter in "ab"]
    write_whole(target, contents[0])

    def read() -> None:
        while not stop.is_set():
            content = target.read_text()
            sizes.add(len(content) if len(set(content[::1000])) == 1 else -1)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(40):
        write_whole(target, contents[turn % 2])
    stop.set()
    reader.join()
    assert sizes == {2_000_000}
    assert [path.name for path in tmp_path.iterdir()] == ["big.json"]


def test_a_runner_is_spared_a_grammar_that_no_notebook_needs() -> None:
    code = "import sys, runbook_lib.runner.engine; print('jsonschema' in sys.modules, 'lark' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "False"]
