"""The data go back by a script that was tried, is unchanged since, and is asked before and after."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from throwaway import demo, make_project

from runbook_lib.errors import BadParameters, Busy, ChangeFailed, CriterionFailed
from runbook_lib.model import Outcome
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run
from runbook_lib.record.begin import file_alone, open_attempt
from runbook_lib.rollback import data
from runbook_lib.sections import DataScript, Rollback

STEP = ("rollback", None, "drill")
SCRIPT = """#!/bin/sh
echo "connecting with $DATABASE_URL"
case "$1" in
  --dry-run) exit ${DRY:-0} ;;
  --verify) test -e back && exit 0; exit ${UNKNOWN:-1} ;;
  *) echo run >> runs; test -z "$FAILS" && touch back ;;
esac
"""


@pytest.fixture
def p(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """A project with a data script that is given a password by reference."""
    monkeypatch.chdir(make_project(tmp_path / "project"))
    script = Path("orders.sh")
    script.write_text(SCRIPT)
    script.chmod(0o755)
    monkeypatch.setenv("ORDERS_URL", "postgresql://rollback:hunter2-hunter2@db/orders")
    given = DataScript(script="orders.sh", environment={"DATABASE_URL": "env:ORDERS_URL"})
    loaded = demo(tmp_path / "project")
    kubernetes = loaded.kubernetes.model_copy(update={"rollback": Rollback(data=given)})
    return loaded.model_copy(update={"kubernetes": kubernetes})


def attempt(p: Parameters) -> Run:
    return Run(p, open_attempt(p, STEP, None, "command"), STEP)


def tried(p: Parameters) -> Run:
    """A filed attempt in which the dry run was made."""
    run = attempt(p)
    data.rehearse(run, run.connect())
    run.close()
    file_alone(run.attempt, None, "")
    return run


def test_a_dry_run_that_passed_allows_the_script_and_the_record_says_which(p: Parameters) -> None:
    run = tried(p)
    found = data.tried(attempt(p).connect())
    assert (found.script, found.code, found.place) == ("orders.sh", 0, f"{run.run_id}/attempt-1")
    said = json.loads((run.attempt / "evidence" / "data-script-dry-run.json").read_text())
    assert said["sha256"] == found.sha256 and "connecting with" in said["output"]
    assert not any("hunter2" in one.read_text() for one in run.attempt.rglob("*") if one.is_file())


def test_without_a_dry_run_after_a_change_or_after_one_that_failed_it_is_refused(
    p: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = attempt(p).connect()
    with pytest.raises(CriterionFailed, match=r"no dry run of orders\.sh is on record; have it tried"):
        data.tried(clients)
    tried(p)
    Path("orders.sh").write_text(SCRIPT + "# one line more\n")
    with pytest.raises(CriterionFailed, match="it was changed since"):
        data.tried(clients)
    monkeypatch.setenv("DRY", "3")
    run = attempt(p)
    verdict = data.rehearse(run, run.connect())
    assert verdict is not None and verdict.outcome is Outcome.FAIL
    run.close()
    file_alone(run.attempt, None, "")
    with pytest.raises(CriterionFailed, match="ended with 3"):
        data.tried(clients)


def test_it_is_run_once_and_seen_to_have_worked(p: Parameters) -> None:
    tried(p)
    run = attempt(p)
    wanted = data.tried(run.connect()).sha256
    assert data.bring_back(run, run.connect(), wanted).done
    assert not data.bring_back(run, run.connect(), wanted).done
    assert Path("runs").read_text() == "run\n"
    with pytest.raises(BadParameters, match="was changed just now; nothing was run"):
        data.bring_back(run, run.connect(), "0" * 64)


@pytest.mark.parametrize(
    ("variable", "error", "said"),
    [("FAILS", ChangeFailed, "in part"), ("UNKNOWN=7", CriterionFailed, "it is not known where the data are")],
)
def test_what_it_cannot_tell_or_do_is_never_taken_for_done(
    p: Parameters, monkeypatch: pytest.MonkeyPatch, variable: str, error: type[Exception], said: str
) -> None:
    tried(p)
    name, _, value = variable.partition("=")
    monkeypatch.setenv(name, value or "1")
    run = attempt(p)
    with pytest.raises(error, match=said):
        data.bring_back(run, run.connect(), data.tried(run.connect()).sha256)


def test_a_script_that_an_earlier_process_left_running_is_not_started_a_second_time(p: Parameters) -> None:
    script = Path("orders.sh")
    script.write_text("#!/bin/sh\nsleep 60 &\necho $! > child\nexit 0\n")  # it outlives whoever started it
    run = attempt(p)
    data.rehearse(run, run.connect())
    try:
        with pytest.raises(Busy, match="still runs"):
            data.rehearse(run, run.connect())
    finally:
        os.kill(int(Path("child").read_text()), 9)


def test_without_a_script_there_is_nothing_to_try_and_level_data_is_refused(p: Parameters) -> None:
    bare = p.model_copy(update={"kubernetes": p.kubernetes.model_copy(update={"rollback": Rollback()})})
    run = attempt(bare)
    assert data.rehearse(run, run.connect()) is None
    with pytest.raises(BadParameters, match=r"kubernetes\.rollback\.data names no script"):
        data.tried(run.connect())
