"""The notebooks run by plain papermill against a practice range with users on it, as an operator would run them."""

from __future__ import annotations

import copy
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
import pytest
import yaml

from runbook_lib.act.release import apply
from runbook_lib.act.traffic.knob import shift
from runbook_lib.clients import connect
from runbook_lib.errors import ChangeFailed, Unreachable
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.counters import recent
from runbook_lib.observe.old_side.legacy import busiest
from runbook_lib.observe.release import bundle
from runbook_lib.observe.workload.wait import wait
from runbook_lib.parameters import Parameters, check
from runbook_lib.record.archive import Attempt, attempts
from sandbox import faults
from sandbox.control import Wish, range_for
from sandbox.plan import Plan

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class World:
    """A range with load, its Deployment running, and a way to set where the users are."""

    plan: Plan
    values: dict[str, Any]

    @property
    def parameters(self) -> Parameters:
        return check(self.values, "the range's parameters")

    def users_at(self, weight: int) -> None:
        shift(connect(self.parameters), weight)

    def fault(self, *words: str) -> None:
        faults.switch(self.plan.faults, list(words))


@dataclass(frozen=True)
class Played:
    """What became of a notebook: its attempt in the archive, and the name and message of what stopped it."""

    attempt: Attempt
    error: str
    message: str

    @property
    def outcome(self) -> str:
        return self.attempt.outcome


Play = Callable[..., Played]
LOAD = 300  # requests a second


@pytest.fixture(scope="session")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A range under 300 requests a second whose Kubernetes side is deployed and gets nobody yet."""
    root = tmp_path_factory.mktemp("users")
    with range_for(Wish(f"users-{os.getpid()}", root, load=LOAD, owner=os.getpid())) as plan:
        world = World(plan, yaml.safe_load(plan.parameters.read_text()))
        p = world.parameters
        cluster = Cluster(connect(p).kubernetes, p.kubernetes.namespace)
        apply(cluster, bundle.read(plan.manifests, p.kubernetes.namespace))
        wait(cluster, p.kubernetes.deployment, p.kubernetes.rollout_timeout)
        _await_all_on_the_old_side(p)
        yield world


@pytest.fixture
def world(users: World, tmp_path: Path) -> Iterator[World]:
    """The shared range with records of its own and no gate; faults and users are put back afterwards."""
    values = copy.deepcopy(users.values)
    values["records"] = str(tmp_path / "records")
    values["gates"]["ask"] = []
    # the range's own alert goes on for a while after a fault of the test before
    values["metrics"]["alerts"] = 'ALERTS{alertstate="firing",alertname="NoneOfTheRange"}'
    _await_history(users.parameters)
    yield World(users.plan, values)
    users.fault("off")
    deadline = time.monotonic() + 60
    while True:
        try:
            users.users_at(0)
            return
        except ChangeFailed:  # the range takes a moment to let nginx reload again
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _await_all_on_the_old_side(p: Parameters) -> None:
    """A stage begins only where the old side is known to carry everybody: it must have done so once."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        known = busiest(connect(p).prometheus, p.metrics, p.legacy.instances)
        if sum(rate or 0.0 for rate in known.values()) >= 0.98 * LOAD:
            return
        time.sleep(0.5)
    raise AssertionError(f"the old side never carried {LOAD} requests a second")


def _await_history(p: Parameters) -> None:
    """A stage plans from the last ten scrapes: wait until a new range, or one whose Prometheus was down, has them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if recent(connect(p).prometheus, p.metrics, 10 * p.metrics.scrape).errors.legacy_requests:
                return
        except Unreachable:
            pass  # it is being started again
        time.sleep(0.5)
    raise AssertionError("Prometheus has no history of the old side")


@pytest.fixture
def play(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Run one notebook to its end; ``changed`` are sections that differ, ``given`` the notebook's own parameters."""
    monkeypatch.chdir(REPOSITORY / "notebooks")

    def run(
        name: str, changed: dict[str, Any] | None = None, past: Callable[[Path], None] | None = None, **given: Any
    ) -> Played:
        values = {**world.values, **(changed or {}), **given}
        shutil.rmtree(tmp_path / "records" / "order-service", ignore_errors=True)
        if past is not None:  # what the archive knows already
            past(tmp_path / "records" / "order-service")
        error, message = "", ""
        try:
            papermill.execute_notebook(
                str(REPOSITORY / "notebooks" / name),
                str(tmp_path / name),
                parameters=values,
                progress_bar=False,
                log_output=False,
            )
        except papermill.PapermillExecutionError as stopped:
            error, message = stopped.ename, stopped.evalue
        return Played(attempts(tmp_path / "records")[-1], error, message)

    return run
