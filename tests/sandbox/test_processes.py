from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import processes
from sandbox.processes import Identity

Until = Callable[[Callable[[], bool]], None]

SLEEPS = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)",
]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Identity]:
    child = processes.start(SLEEPS, {}, tmp_path / "log", tmp_path)
    one = processes.identity(child.pid)
    assert one is not None
    yield one
    child.kill()
    child.wait()


def test_a_process_is_alive_until_it_is_ended(sleeper: Identity) -> None:
    assert processes.alive(sleeper)
    processes.end([sleeper], 5)
    assert not processes.alive(sleeper)


def test_a_reused_process_id_is_another_process(sleeper: Identity) -> None:
    earlier = replace(sleeper, started=sleeper.started - 100)
    assert not processes.alive(earlier)
    processes.end([earlier], 0.1)
    assert processes.alive(sleeper)


def test_one_that_does_not_listen_is_made_to_end(tmp_path: Path, until: Until) -> None:
    child = processes.start(STUBBORN, {}, tmp_path / "log", tmp_path)
    until(lambda: (tmp_path / "log").read_text() == "here\n")
    one = processes.identity(child.pid)
    assert one is not None
    processes.end([one], 0.2)
    assert child.wait() == -signal.SIGKILL


def test_ending_what_is_gone_does_nothing(sleeper: Identity) -> None:
    processes.end([sleeper], 5)
    processes.end([sleeper], 5)


def test_what_a_killed_process_left_in_the_folder_is_found(tmp_path: Path, until: Until) -> None:
    """The shape of an nginx whose master is killed: the worker lives on and keeps the port."""
    code = f"import subprocess; subprocess.Popen({SLEEPS!r}); import time; time.sleep(60)"
    master = processes.start([sys.executable, "-c", code], {}, tmp_path / "log", tmp_path)
    leader = processes.identity(master.pid)
    assert leader is not None
    until(lambda: (tmp_path / "log").read_text() == "here\n")
    [worker] = processes.below([leader], tmp_path)
    master.kill()
    master.wait()
    assert processes.below([leader], tmp_path) == [worker]
    processes.end([worker], 5)
    assert processes.below([leader], tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path, until: Until) -> None:
    code = textwrap.dedent(f"""
        import pathlib, time
        from sandbox import processes
        child = processes.start({SLEEPS!r}, {{}}, pathlib.Path("log"), pathlib.Path("."))
        pathlib.Path("pid").write_text(f"{{child.pid}}.")
        time.sleep(60)
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    )
    pid = tmp_path / "pid"
    until(lambda: pid.exists() and pid.read_text().endswith("."))
    child = processes.identity(int(pid.read_text()[:-1]))
    assert child is not None
    parent.kill()
    parent.wait()
    until(lambda: not processes.alive(child))
