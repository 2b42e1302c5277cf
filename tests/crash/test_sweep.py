"""Killed at every write of its journals, by its writer or all at once, a passage is resumed to its end."""

from __future__ import annotations

import copy
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.errors import CriterionFailed, Held
from runbook_lib.parameters import check
from runbook_lib.runner import passage, recover
from sandbox.control import Wish, range_for
from sandbox.load.check import check_orders
from sandbox.load.report import orders_file
from sandbox.plan import Plan
from tests.crash.sweep import KILLED, REPOSITORY, Sweep, assert_explained, assert_found_rightly, sweeping

STAGES = [{"weight": 20, "observe": "3s", "rule_out": 0.1}, {"weight": 100, "observe": "3s", "rule_out": 0.05}]


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    """A range of its own under load: at its end the machines are gone."""
    with range_for(Wish(f"crash-{os.getpid()}", tmp_path / "range", load=120, owner=os.getpid())) as plan:
        yield plan


def shortened(plan: Plan, folder: Path) -> dict[str, Any]:
    """The range's parameters with two stages, nobody who is asked, and records of their own."""
    values = copy.deepcopy(yaml.safe_load(plan.parameters.read_text()))
    values |= {"records": str(folder / "records"), "cadence": "internal", "stages": STAGES}
    values["gates"]["ask"] = []
    values["metrics"]["alerts"] = 'ALERTS{alertstate="firing",alertname="NoneOfTheRange"}'
    return values


@pytest.mark.heavy
@pytest.mark.range
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("what", ["writer", "all"])
def test_a_passage_that_is_killed_at_every_write_arrives_at_its_end(plan: Plan, tmp_path: Path, what: str) -> None:
    values = shortened(plan, tmp_path)
    file = tmp_path / "parameters.yaml"
    file.write_text(yaml.safe_dump(values))
    p, began = check(values, "the sweep"), time.monotonic()
    with sweeping(p, tmp_path / "kills", REPOSITORY, what=what) as sweep:
        _to_the_end(sweep, str(file))
        assert_explained(sweep)
        known = assert_found_rightly(sweep)
    time.sleep(2)  # the load writes one line a second
    orders = check_orders(orders_file(plan), plan.orders_database)
    _report(sweep, what, known, time.monotonic() - began, str(orders))
    assert orders.right, orders
    assert all(state.done for state in passage.standings(p)) and not recover.look(p)
    assert {attempt.outcome for attempt in sweep.attempts} <= {"passed", "crashed", "observing", "failed"}


def _to_the_end(sweep: Sweep, file: str) -> None:
    """`runbook run` once, then `runbook resume` after every kill; what could not be measured is looked at again."""
    code, killed, unmeasured = sweep.command("run", file), 0, 0
    while code != 0:
        now = len(sweep.kills)
        assert_explained(sweep)
        if now > killed:
            killed, unmeasured = now, 0
            code = sweep.command("resume", file)
            continue
        unmeasured += 1  # a busy machine scrapes late: the stage refuses to begin, or is held
        assert code in (Held.exit_code, CriterionFailed.exit_code) and unmeasured < 10, (code, sweep.said[-3000:])
        time.sleep(3)
        code = sweep.command("run", file)


def _report(sweep: Sweep, what: str, known: int, seconds: float, orders: str) -> None:
    kills = sweep.kills
    steps = Counter(kill["step"] for kill in kills)
    kinds = Counter(f"{kill['when']} {kill['kind']}" for kill in kills)
    outcomes = Counter(attempt.outcome for attempt in sweep.attempts)
    endings = Counter("killed" if code == KILLED else f"exit {code}" for code in sweep.codes)
    print(f"\nkilled {what}: {len(kills)} kills at {len({(k['step'], k['ordinal']) for k in kills})} positions")
    print(f"  by step {dict(steps)}\n  by kind {dict(kinds)}")
    print(f"  attempts {dict(outcomes)}, commands {dict(endings)}, {known} open acts told rightly, {seconds:.0f} s")
    print(f"  {orders}")
