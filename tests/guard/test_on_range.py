"""On a range with real users: a kernel dies at 30 %, the new side breaks, and the guard brings everybody back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.act.release import apply
from runbook_lib.act.traffic.knob import read_weight, shift
from runbook_lib.clients import connect
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.release import bundle
from runbook_lib.observe.workload.wait import wait
from runbook_lib.parameters import Parameters, load
from runbook_lib.proof.verify import verify
from runbook_lib.record import journal
from runbook_lib.record.archive import Attempt, attempts
from runbook_lib.runner import passage
from runbook_lib.trust.identity import signers_of
from sandbox import faults
from sandbox.control import Wish, range_for
from sandbox.plan import Plan

REPOSITORY = Path(__file__).parents[2]
pytestmark = [pytest.mark.range, pytest.mark.heavy, pytest.mark.timeout(900)]
PATIENCE = 240.0  # seconds; several processes start beside a range, on a machine that may be busy
Start = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True)
class Here:
    """A range with users, its parameters with records of their own, and a stage that lasts."""

    plan: Plan
    file: Path

    @property
    def parameters(self) -> Parameters:
        return load(self.file)

    @property
    def weight(self) -> int:
        return read_weight(connect(self.parameters))

    @property
    def attempts(self) -> list[Attempt]:
        return attempts(self.parameters.path(self.parameters.records))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    root = tmp_path_factory.mktemp("guarded")
    with range_for(Wish(f"guarded-{os.getpid()}", root, load=300, owner=os.getpid())) as plan:
        values: dict[str, Any] = yaml.safe_load(plan.parameters.read_text())
        values["records"] = str(root / "records")
        values["gates"]["ask"] = []
        values["metrics"]["alerts"] = 'ALERTS{alertstate="firing",alertname="NoneOfTheRange"}'
        values["stages"] = [
            {"weight": 5, "observe": "1h"},
            {"weight": 30, "observe": "1h"},
            {"weight": 100, "observe": "1h"},
        ]
        file = root / "guarded.yaml"
        file.write_text(yaml.safe_dump(values))
        p = load(file)
        cluster = Cluster(connect(p).kubernetes, p.kubernetes.namespace)
        apply(cluster, bundle.read(plan.manifests, p.kubernetes.namespace))
        wait(cluster, p.kubernetes.deployment, p.kubernetes.rollout_timeout)
        yield Here(plan, file)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the command line in the repository; what still runs at the end is killed."""
    monkeypatch.chdir(REPOSITORY)
    begun: list[subprocess.Popen[str]] = []

    def run(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "runbook_lib.cli", *words]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.wait()


def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def test_a_kernel_is_killed_at_30_and_then_the_new_side_breaks(here: Here, start: Start) -> None:
    file = str(here.file)
    shift(connect(here.parameters), 5)
    time.sleep(12)  # a stage plans from the last ten scrapes
    guard = start("guard", file)
    runner = start("run", file, "--phase", "gray_stage", "--weight", "30")
    until(lambda: here.weight == 30 or runner.poll() is not None)
    assert runner.poll() is None, runner.communicate()
    until(lambda: any(e.kind == "progress" for e in journal.read(here.attempts[-1].folder)))
    kernel = next(e.data["pid"] for e in journal.read(here.attempts[-1].folder) if e.kind == "kernel")
    runner.kill()
    os.kill(kernel, signal.SIGKILL)
    runner.communicate()
    faults.switch(here.plan.faults, ["errors=0.3", "side=kubernetes"])
    until(lambda: here.weight == 0)
    until(lambda: len(here.attempts) == 2 and here.attempts[-1].statement is not None)
    faults.switch(here.plan.faults, ["off"])
    resumed = start("resume", file)
    assert "nothing goes forward by itself now" in resumed.communicate(timeout=100)[0]
    assert (resumed.returncode, here.weight) == (20, 0)
    assert [(a.step[0], a.outcome) for a in here.attempts] == [("gray_stage", "crashed"), ("rollback", "passed")]
    guard.send_signal(signal.SIGTERM)
    told = guard.communicate(timeout=60)[0]
    assert guard.returncode == 0, told
    assert "the guard saw" in told
    report = verify(here.parameters.path(here.parameters.records), signers_of(here.parameters))
    assert report.faults == (), report.faults


def test_of_two_guards_one_is_killed_and_the_other_takes_over(here: Here, start: Start) -> None:
    home = passage.home(here.parameters)
    known = len(here.attempts)
    first, second = start("guard", str(here.file)), start("guard", str(here.file))
    until(lambda: (home / "guard.json").is_file())
    first.kill()
    shift(connect(here.parameters), 30)
    faults.switch(here.plan.faults, ["errors=0.3", "side=kubernetes"])
    until(lambda: here.weight == 0)
    until(lambda: len(here.attempts) == known + 1 and here.attempts[-1].statement is not None)
    faults.switch(here.plan.faults, ["off"])
    second.send_signal(signal.SIGTERM)
    assert "this guard holds the Lease" in second.communicate(timeout=60)[0]
