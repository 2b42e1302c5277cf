"""A killed runner leaves a kernel's folder; the next one clears it, and nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runbook_lib.runner import kernels


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("kernel-{here}-a", True),
        ("kernel-{above}-a", True),
        ("kernel-1-a", True),  # somebody else's process may not even be signalled
        ("kernel-somebody-a", True),
        ("kernels-{dead}-a", True),
        ("kernel-{dead}-a", False),
    ],
)
def test_only_what_a_dead_process_left_is_cleared(folder: Path, name: str, stays: bool) -> None:
    path = folder / name.format(dead=_dead(), here=os.getpid(), above=os.getppid())
    path.mkdir()
    (path / "log").write_text("killed")
    with kernels.Kernels():
        assert path.exists() == stays


def test_a_kernels_folder_says_whose_it_is(folder: Path) -> None:
    with kernels.Kernels() as shelf:
        kernel = shelf.run(kernels.start(kernels.Wanted()))
        assert kernel.sockets.parent == folder and kernel.sockets.name.startswith(f"kernel-{os.getpid()}-")
        shelf.run(kernels.end(kernel))
    assert not list(folder.iterdir())
