"""One machine goes by a command, and only a silent one counts as gone."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.act.retire import retire
from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.sections import LegacyInstance

SOON = timedelta(seconds=5)
MARK = "import pathlib, sys; pathlib.Path('ended').write_text(sys.argv[1])"


@pytest.fixture
def listening() -> Iterator[LegacyInstance]:
    """An instance that accepts connections for as long as the test lasts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield LegacyInstance(name="vm-1", url=f"http://127.0.0.1:{server.getsockname()[1]}")


@pytest.fixture
def silent() -> LegacyInstance:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return LegacyInstance(name="vm-1", url=f"http://127.0.0.1:{port}")


def test_an_instance_that_is_gone_already_runs_no_command(silent: LegacyInstance, tmp_path: Path) -> None:
    change = retire(silent, [sys.executable, "-c", MARK, "{instance}"], tmp_path, SOON)
    assert not change.done
    assert not (tmp_path / "ended").exists()


def test_the_command_ends_the_instance_and_its_silence_is_seen(tmp_path: Path) -> None:
    serve = "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.BaseHTTPRequestHandler); "
    serve += "print(s.server_port, flush=True); s.serve_forever()"
    with subprocess.Popen([sys.executable, "-c", serve], stdout=subprocess.PIPE, text=True) as machine:
        assert machine.stdout is not None
        instance = LegacyInstance(name="vm-2", url=f"http://127.0.0.1:{machine.stdout.readline().strip()}")
        change = retire(instance, ["/bin/sh", "-c", f"kill {machine.pid}; echo ended $0", "{instance}"], tmp_path, SOON)
    assert (change.done, change.before.answering, change.after.answering) == (True, True, False)
    assert change.note == "ended vm-2"


def test_an_instance_that_goes_on_answering_is_a_failed_change(listening: LegacyInstance, tmp_path: Path) -> None:
    with pytest.raises(ChangeFailed, match=r"vm-1 still answers .*nothing else was retired"):
        retire(listening, [sys.executable, "-c", MARK, "{instance}"], tmp_path, timedelta(seconds=1))
    assert (tmp_path / "ended").read_text() == "vm-1"


@pytest.mark.parametrize(
    ("command", "error", "says"),
    [
        (["true"], BadParameters, r"no \{instance\} in the command"),
        (["./absent", "{instance}"], BadParameters, "cannot be run"),
        ([sys.executable, "-c", "import sys; sys.exit('no such host')", "{instance}"], ChangeFailed, "no such host"),
        ([sys.executable, "-c", "import time; time.sleep(60)", "{instance}"], ChangeFailed, "did not end"),
    ],
)
def test_a_command_that_fails_says_what_it_said(
    listening: LegacyInstance, tmp_path: Path, command: list[str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        retire(listening, command, tmp_path, timedelta(seconds=1))
