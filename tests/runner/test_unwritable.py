"""A disk that is full stops what is to begin with one sentence, and never a watch or a rollback."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from rich.console import Console
from throwaway import demo, make_project

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.errors import Unwritable
from runbook_lib.model import Change, Outcome, Verdict, now
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run, archive, begin, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.rollback import traffic as rollback
from runbook_lib.runner import cells, engine, passage, roll_back, run
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen
from runbook_lib.sections.traffic import NginxSplit

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Disk:
    """Stands in for ``os`` in the journal: with ``full`` it takes a part of each line, then no more."""

    def __init__(self) -> None:
        self.full = False

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, handle: int, content: bytes) -> int:
        if not self.full:
            return os.write(handle, content)
        if len(content) < 20:
            raise FULL
        return os.write(handle, content[:10])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(journal, "os", disk)
    return disk


@pytest.fixture
def p(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """The parameters of a project whose nginx is a file, with 30 % of the users on the new side."""
    monkeypatch.chdir(make_project(tmp_path / "project"))
    Path("nginx.conf").write_text("split_clients $request_id $order_service_side { 30% kubernetes; * legacy; }\n")
    loaded = demo(tmp_path / "project")
    knob = NginxSplit(
        kind="nginx-split", config="nginx.conf", variable="$order_service_side", test=["true"], reload=["true"]
    )
    return loaded.model_copy(update={"traffic": loaded.traffic.model_copy(update={"knob": knob})})


@pytest.fixture
def opened(p: Parameters) -> Run:
    step = ("gray_stage", 30, None)
    return Run(p, open_attempt(p, step, None, "runner"), step)


def told(opened: Run) -> list[str]:
    return [event.kind for event in journal.read(opened.attempt)]


def done() -> Change:
    return Change("traffic weight", 10, 30, True, now())


def test_an_act_whose_intent_cannot_be_written_is_not_done(opened: Run, disk: Disk) -> None:
    disk.full = True
    with pytest.raises(Unwritable, match=r"journal.jsonl cannot be written \(No space left on device\); make room"):
        opened.change("users: 10 % -> 30 %", lambda: pytest.fail("it was done"))
    disk.full = False
    opened.event("later")
    assert told(opened) == ["started", "unreadable", "later"]


def test_a_result_that_cannot_be_written_is_written_before_anything_else_is(opened: Run, disk: Disk) -> None:
    def fills_the_disk() -> Change:
        disk.full = True
        return done()

    assert opened.change("users: 10 % -> 30 %", fills_the_disk, 10, 30).after == 30
    opened.progress("watched all the same")
    with pytest.raises(Unwritable):
        opened.change("users: 30 % -> 50 %", lambda: pytest.fail("it was done"))
    disk.full = False
    opened.change("users: 30 % -> 50 %", done)
    known = [kind for kind in told(opened) if kind != "unreadable"]
    assert known == ["started", "intent", "result", "intent", "result"]


def test_a_rollback_on_a_full_disk_brings_the_users_back_and_is_told_later(
    opened: Run, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollback, "wait_for_split", lambda *_: Verdict("traffic split", Outcome.PASS, "seen"))
    disk.full = True
    change, _ = rollback.bring_back(opened, connect(opened.parameters), "failed requests 9 %")
    assert (change.before, change.after) == (30, 0)
    assert read_weight(connect(opened.parameters)) == 0
    disk.full = False
    opened.event("verdict")
    known = [kind for kind in told(opened) if kind != "unreadable"]
    assert known == ["started", "detected", "intent", "result", "verified", "verdict"]


def test_cells_go_on_where_the_notebook_cannot_be_saved_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise FULL

    nb = new_notebook(cells=[new_code_cell("1"), new_code_cell("2")])
    monkeypatch.setattr(engine, "write_whole", refuse)
    with pytest.raises(OSError, match="No space left"):
        engine.execute(nb, tmp_path / "out.ipynb", engine.Options())
    assert [cell["status"] for cell in cells.cell_results(nb)] == ["completed", "completed"]


def _screen() -> Screen:
    return Screen(Console(file=StringIO(), width=300), Console(file=StringIO(), width=300))


def test_a_step_whose_attempt_cannot_be_opened_is_refused_in_one_sentence(
    p: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(sys.modules[open_attempt.__module__], "write_json", refuse)
    with pytest.raises(Unwritable, match=r"parameters.json cannot be written \(No space left on device\); make room"):
        run.single(p, Step("gray_stage", 5), _screen())
    assert read_weight(connect(p)) == 30
    shown = _screen()
    assert roll_back.settle(p, shown, roll_back.act(p)) == Unwritable.exit_code
    assert read_weight(connect(p)) == 0
    said = shown.console.file.getvalue()  # type: ignore[attr-defined]
    assert "users: 30 % -> 0 %, but this is not on record" in said


def test_the_command_brings_the_users_back_where_no_file_can_grow(p: Parameters) -> None:
    text = Path("parameters/demo.yaml").read_text()
    for old, new in (
        (".range/default/nginx/nginx.conf", "nginx.conf"),
        ("[.range/default/bin/nginx, -t]", '["true"]'),
        ("[.range/default/bin/nginx, -s, reload]", '["true"]'),
    ):
        assert old in text
        text = text.replace(old, new)
    Path("mine.yaml").write_text(text)
    ended = subprocess.run(  # -B: what Python keeps compiled would be cut, too, and spoil whoever comes next
        [sys.executable, "-B", "-m", "runbook_lib.cli", "rollback", "mine.yaml"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert ended.returncode == Unwritable.exit_code, ended
    assert "users: 30 % -> 0 %, but this is not on record" in ended.stdout and "File too large" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert read_weight(connect(p)) == 0
    assert not [one for one in archive.attempts(passage.home(p).parent) if one.statement is not None]


def test_a_notebook_begins_where_the_journal_of_its_runner_is_full(opened: Run, disk: Disk) -> None:
    values = {**opened.parameters.model_dump(mode="json"), "attempt": str(opened.attempt), "weight": 30}
    disk.full = True
    assert not begin("gray_stage", values).closed
