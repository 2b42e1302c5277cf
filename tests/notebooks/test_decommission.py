"""07: the old side goes one by one when it may, and not at all when anything speaks against it."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clients import connect
from runbook_lib.judge.silence import Period, counted
from runbook_lib.model import now, plain
from runbook_lib.observe.old_side.legacy import look_at_all
from runbook_lib.observe.old_side.silence import requests_asked, requests_over
from sandbox import control
from tests.notebooks.conftest import Play, Played, World

NOTEBOOK = "07_decommission.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(480)]


@pytest.fixture
def machines(world: World) -> Iterator[World]:
    """The range, whose virtual machines run again afterwards."""
    yield world
    names = [i.name for i in world.parameters.legacy.instances]
    control.set_stopped(world.plan.folder, world.plan.name, names, stop=False)


def passage(moved: datetime, *later: dict[str, Any]) -> Callable[[Path], None]:
    """An archive in which all users moved at that time, after a drill; ``later`` are attempts after that."""
    drill = {"phase": "pilot_deploy", "weight": None, "at": moved - timedelta(minutes=1)}
    stage = {"phase": "gray_stage", "weight": 100, "at": moved}

    def write(records: Path) -> None:
        for number, given in enumerate([drill, stage, *later]):
            folder = records / f"run-{number}" / "attempt-1"
            folder.mkdir(parents=True)
            at = plain(given["at"])
            facts = {"mode": None, "dry_run": False, "outcome": "passed", "weight": None, **given}
            predicate = {**facts, "started": at, "ended": at, "application": "order-service", "seconds": 1.0}
            del predicate["at"]
            (folder / "record.json").write_text(json.dumps({"predicate": predicate}), encoding="utf-8")

    return write


def moved_and_silent(world: World) -> datetime:
    """All users are on the new side for long enough; when they had moved."""
    p, deadline = world.parameters, time.monotonic() + 60
    world.users_at(100)
    asked, prometheus = requests_asked(p.metrics, ""), connect(p).prometheus
    while True:
        period = Period(now() - timedelta(seconds=4), now())
        courses = requests_over(prometheus, asked, p.metrics.scrape, p.legacy.instances, period, {})
        if not any(counted(course, period) for course in courses):
            break
        assert time.monotonic() < deadline, "users still come to the old side"
        time.sleep(0.5)
    moved = now()
    time.sleep((p.retention.quiet + (p.retention.drained or timedelta(0))).total_seconds())
    return moved


def alive(world: World) -> list[str]:
    return [state.name for state in look_at_all(world.parameters.legacy.instances) if state.answering]


def evidence(played: Played, name: str) -> Any:
    return json.loads((played.attempt.folder / "evidence" / f"{name}.json").read_text(encoding="utf-8"))


def changed(played: Played) -> dict[str, bool]:
    """The machines in the order in which they were ended, and whether that had anything to do."""
    found = [one for one in played.attempt.facts["changes"] if one["what"].startswith("retire")]
    return {one["what"].removeprefix("retire "): one["done"] for one in found}


def test_silent_machines_are_retired_and_the_report_is_written(machines: World, play: Play) -> None:
    owners = {"firewall rules": "network team", "scrape target": "monitoring"}
    open_always = {
        "connections": machines.values["metrics"]["instances"]["restarts"]["legacy"] + " * 0 + 2",
        "always": 2,
    }
    changed_values = {
        "retention": {**machines.values["retention"], "owners": owners},
        "legacy": {**machines.values["legacy"], "silence": open_always},
    }
    moved = moved_and_silent(machines)
    played = play(NOTEBOOK, changed_values, past=passage(moved))
    assert (played.error, played.message, played.outcome) == ("", "", "passed")
    assert alive(machines) == []
    assert changed(played) == {"vm-1": True, "vm-2": True, "vm-3": True}
    verdicts = {one["name"]: one["message"] for one in played.attempt.facts["verdicts"]}
    assert verdicts["silence"].startswith("0 requests in ")
    assert verdicts["quiet"] == "0 requests in 4 s on 3 machines"
    assert verdicts["connections over time"].startswith("0 connections in ")
    assert "not seen" not in verdicts["connections over time"]
    figures = {figure["name"]: figure for figure in evidence(played, "acceptance")}
    assert figures["cores paid for"]["before"]["value"] == 6
    assert figures["requests that failed"]["after"]["origin"].startswith("Prometheus over")
    page = (played.attempt.folder / "evidence" / "acceptance.html").read_text(encoding="utf-8")
    assert "order-service runs on Kubernetes alone" in page
    rows = list(csv.DictReader((played.attempt.folder / "evidence" / "leftovers.csv").open(encoding="utf-8")))
    assert {row["owner"] for row in rows if row["what"] == "firewall rules"} == {"network team"}
    assert {row["concerns"] for row in rows if row["what"] == "upstream entry"} == {"vm-1", "vm-2", "vm-3"}


@pytest.mark.heavy
def test_after_a_kill_between_two_machines_the_first_is_left_alone_and_the_others_follow(
    machines: World, play: Play
) -> None:
    moved = moved_and_silent(machines)
    control.set_stopped(machines.plan.folder, machines.plan.name, ["vm-1"], stop=True)
    went = {"what": "retire vm-1", "done": True, "at": plain(now()), "before": None, "after": None, "note": ""}
    killed = {"phase": "decommission", "outcome": "crashed", "at": now(), "changes": [went]}
    played = play(NOTEBOOK, past=passage(moved, killed))
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert changed(played) == {"vm-1": False, "vm-2": True, "vm-3": True}
    assert alive(machines) == []


@pytest.mark.heavy
def test_a_machine_that_came_back_is_said_by_a_later_look_and_nothing_goes_on(machines: World, play: Play) -> None:
    moved = moved_and_silent(machines)
    went = {"what": "retire vm-2", "done": True, "at": plain(moved), "before": None, "after": None, "note": ""}
    before = {"phase": "decommission", "outcome": "passed", "at": now(), "changes": [went]}
    played = play(NOTEBOOK, past=passage(moved, before))
    assert played.error == "CriterionFailed"
    assert "vm-2 (retired" in played.message
    assert "answers again" in played.message
    assert alive(machines) == ["vm-1", "vm-2", "vm-3"]


@pytest.mark.heavy
def test_requests_that_came_before_the_quiet_window_are_no_silence(machines: World, play: Play) -> None:
    moved = now()
    moved_and_silent(machines)
    played = play(NOTEBOOK, past=passage(moved - timedelta(seconds=20)))
    assert played.error == "CriterionFailed"
    assert "silence: " in played.message
    assert "requests in" in played.message
    assert alive(machines) == ["vm-1", "vm-2", "vm-3"]


def test_users_on_the_old_side_keep_it(machines: World, play: Play) -> None:
    machines.users_at(50)
    time.sleep(3)
    played = play(NOTEBOOK, past=passage(now() - timedelta(minutes=1)))
    assert played.error == "CriterionFailed"
    assert "weight 50 % < 100 %" in played.message
    assert alive(machines) == ["vm-1", "vm-2", "vm-3"]


@pytest.mark.heavy
def test_a_retention_that_is_not_over_keeps_it(machines: World, play: Play) -> None:
    moved = moved_and_silent(machines)
    retention = {**machines.values["retention"], "minimum": "2w", "recommended": "4w", "maximum": "90d"}
    played = play(NOTEBOOK, {"retention": retention}, past=passage(moved))
    assert played.error == "Held"
    assert "at 100 % < minimum 14 d" in played.message
    assert alive(machines) == ["vm-1", "vm-2", "vm-3"]
