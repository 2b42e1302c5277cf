"""A program whose time is over ends with all that it started; what it printed until then is kept."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.observe.command import ran


def is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_command_started_does_not_outlive_its_time(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        ran("legacy.retire", ["sh", "-c", script], tmp_path, 1.0)
    assert time.monotonic() - begun < 20
    child = int((tmp_path / "child").read_text())
    end = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(child)


def test_a_command_is_run_in_its_folder_and_both_of_its_voices_are_heard(tmp_path: Path) -> None:
    ended = ran("legacy.settings", ["sh", "-c", "pwd; echo no >&2; cat; exit 3"], tmp_path, 30.0)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, f"{tmp_path}\n", "no\n")


def test_a_command_that_cannot_be_run_is_bad_parameters(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"legacy\.settings: no-such-program cannot be run"):
        ran("legacy.settings", ["no-such-program"], tmp_path, 1.0)
