"""07: the old side goes one by one when it may, and not at all when anything speaks against it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.model import now, plain
from runbook_lib.observe.legacy import look_at_all
from sandbox import control
from tests.notebooks.conftest import Play, World

NOTEBOOK = "07_decommission.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(240)]


@pytest.fixture
def machines(world: World) -> Iterator[World]:
    """The range, whose virtual machines run again afterwards."""
    yield world
    names = [i.name for i in world.parameters.legacy.instances]
    control.set_stopped(world.plan.folder, world.plan.name, names, stop=False)


def passage(records: Path) -> None:
    """An archive in which all users are on the new side for a minute, after a drill."""
    for number, (phase, weight) in enumerate([("pilot_deploy", None), ("gray_stage", 100)]):
        folder = records / f"run-{number}" / "attempt-1"
        folder.mkdir(parents=True)
        at = plain(now() - timedelta(minutes=2 - number))
        facts = {"phase": phase, "weight": weight, "mode": None, "dry_run": False, "outcome": "passed"}
        predicate = facts | {"started": at, "ended": at, "application": "order-service", "seconds": 1.0}
        (folder / "record.json").write_text(json.dumps({"predicate": predicate}), encoding="utf-8")


def alive(world: World) -> list[str]:
    return [state.name for state in look_at_all(world.parameters.legacy.instances) if state.answering]


def test_silent_machines_are_retired_and_the_report_is_written(machines: World, play: Play) -> None:
    machines.users_at(100)
    time.sleep(machines.parameters.retention.quiet.total_seconds() + 3)
    played = play(NOTEBOOK, past=passage)
    assert (played.error, played.outcome) == ("", "passed")
    assert alive(machines) == []
    changed = [change["what"] for change in played.attempt.facts["changes"] if change["what"].startswith("retire")]
    assert changed == ["retire vm-1", "retire vm-2", "retire vm-3"]
    report = json.loads((played.attempt.folder / "evidence" / "acceptance.json").read_text(encoding="utf-8"))
    assert {figure["name"] for figure in report} >= {"rollout of a release", "cores paid for"}


def test_users_on_the_old_side_keep_it(machines: World, play: Play) -> None:
    machines.users_at(50)
    time.sleep(3)
    played = play(NOTEBOOK, past=passage)
    assert played.error == "CriterionFailed"
    assert "weight 50 % < 100 %" in played.message
    assert alive(machines) == ["vm-1", "vm-2", "vm-3"]


def test_a_retention_that_is_not_over_keeps_it(machines: World, play: Play) -> None:
    machines.users_at(100)
    time.sleep(machines.parameters.retention.quiet.total_seconds() + 3)
    retention = {**machines.values["retention"], "minimum": "2w", "recommended": "4w", "maximum": "90d"}
    played = play(NOTEBOOK, {"retention": retention}, past=passage)
    assert played.error == "Held"
    assert "at 100 % < minimum 14 d" in played.message
    assert alive(machines) == ["vm-1", "vm-2", "vm-3"]
