"""The supervisor over parts that are a few lines of Python: what it does with them when they fall."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.errors import Busy, Unreachable
from sandbox import control, processes, state
from sandbox.plan import Plan, folder_of
from sandbox.state import RangeState
from sandbox.supervisor import end_leftovers, only_one

Until = Callable[[Callable[[], bool]], None]

SERVER = textwrap.dedent("""
    import socket, sys, time
    host, port = sys.argv[1], int(sys.argv[2])
    print("serving", flush=True)
    with socket.create_server((host, port)) as server:
        while True:
            server.accept()[0].close()
""")
FALLS = "import sys; print('a reason to fall'); sys.exit(3)"

# What the supervisor's process runs: the plan's folder, then the parts as JSON.
RUN = textwrap.dedent("""
    import json, sys
    from pathlib import Path
    from sandbox import supervisor
    from sandbox.parts import Part, listens
    from sandbox.plan import Address, Plan, save
    supervisor.READY_WITHIN, supervisor.STOP_WITHIN = 10.0, 0.5
    plan = Plan("test", Path(sys.argv[1]), int(sys.argv[2]))
    plan.logs.mkdir(parents=True)
    save(plan)
    (plan.part("nginx") / "conf.d").mkdir(parents=True)
    parts = []
    for name, code, port, restarted in json.loads(sys.argv[3]):
        address = Address(plan.host(0, 2), port)
        argv = (sys.executable, "-c", code, address.host, str(port))
        parts.append(Part(name, argv, (address,), listens(address), restarted=restarted))
    with supervisor.only_one(plan.folder):
        sys.exit(supervisor.Supervisor(plan, parts).run())
""")

OCTET = 219


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((f"127.{OCTET}.0.2", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Supervised:
    """A supervisor under test."""

    plan: Plan
    process: subprocess.Popen[bytes]
    until: Until

    @property
    def folder(self) -> Path:
        return self.plan.folder

    def now(self) -> RangeState | None:
        return state.read(self.folder)

    def part(self, name: str) -> state.PartState:
        now = self.now()
        assert now is not None
        return now.parts[name]

    def until_phase(self, phase: str) -> None:
        self.until(lambda: (now := self.now()) is not None and now.phase == phase)


Begin = Callable[..., Supervised]


@pytest.fixture
def begin(tmp_path: Path, until: Until) -> Iterator[Begin]:
    begun: list[Supervised] = []

    def start(*parts: tuple[str, str, bool]) -> Supervised:
        plan = Plan("test", folder_of("test", tmp_path), OCTET)
        described = json.dumps([(name, code, free_port(), restarted) for name, code, restarted in parts])
        argv = [sys.executable, "-c", RUN, str(plan.folder), str(OCTET), described]
        root = str(Path(__file__).parents[2])
        process = subprocess.Popen(argv, env=os.environ | {"PYTHONPATH": root}, start_new_session=True)
        begun.append(Supervised(plan, process, until))
        return begun[-1]

    yield start
    for one in begun:
        one.process.terminate()
        one.process.wait()
        end_leftovers(one.folder)


def test_it_is_up_when_every_part_answers(begin: Begin) -> None:
    world = begin(("one", SERVER, True), ("two", SERVER, True))
    world.until_phase("up")
    assert [world.part(name).state for name in ("one", "two")] == ["running", "running"]


def test_a_part_that_does_not_come_up_is_named_with_the_end_of_its_log(begin: Begin) -> None:
    world = begin(("sound", SERVER, True), ("broken", FALLS, True))
    assert world.process.wait() == 1
    now = world.now()
    assert now is not None
    assert now.phase == "failed"
    assert now.message.startswith(f"broken did not come up at 127.{OCTET}.0.2:")
    assert "ended with exit code 3" in now.message
    assert "a reason to fall" in now.message
    assert all(not part.process or not processes.alive(part.process) for part in now.parts.values())


def test_a_part_that_falls_is_started_again_and_counted(begin: Begin) -> None:
    world = begin(("one", SERVER, True))
    world.until_phase("up")
    first = world.part("one").process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    world.until(lambda: world.part("one").restarts == 1 and world.part("one").process is not None)
    assert world.part("one").process != first
    assert world.part("one").ended == "ended by SIGKILL"


def test_a_part_that_holds_state_is_named_and_not_started_again(begin: Begin) -> None:
    world = begin(("state", SERVER, False), ("other", SERVER, True))
    world.until_phase("up")
    first = world.part("state").process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    world.until(lambda: world.part("state").state == "ended")
    assert world.part("state").restarts == 0
    assert world.part("other").state == "running"


def test_a_part_stopped_on_purpose_stays_stopped_until_it_is_wanted_again(begin: Begin) -> None:
    world = begin(("one", SERVER, True), ("two", SERVER, True))
    world.until_phase("up")
    control.set_stopped(world.folder, "test", ["one"], stop=True)
    assert (world.part("one").state, world.part("one").restarts) == ("stopped", 0)
    assert world.part("two").state == "running"
    control.set_stopped(world.folder, "test", ["one"], stop=False)
    assert world.part("one").state == "running"


STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER


def test_a_part_that_does_not_want_to_stop_is_made_to(begin: Begin) -> None:
    world = begin(("stubborn", STUBBORN, True))
    world.until_phase("up")
    control.set_stopped(world.folder, "test", ["stubborn"], stop=True)
    assert world.part("stubborn").ended == "ended by SIGKILL"


def test_a_part_that_is_not_there_cannot_be_stopped(begin: Begin) -> None:
    world = begin(("one", SERVER, True))
    world.until_phase("up")
    with pytest.raises(Unreachable, match="There is no part vm-9: there are one"):
        control.set_stopped(world.folder, "test", ["vm-9"], stop=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_everything_and_leaves_no_state(begin: Begin, number: signal.Signals) -> None:
    world = begin(("one", SERVER, True), ("two", SERVER, True))
    world.until_phase("up")
    now = world.now()
    assert now is not None
    world.process.send_signal(number)
    assert world.process.wait() == 0
    assert not any(part.process and processes.alive(part.process) for part in now.parts.values())
    assert world.now() is None


def test_asked_to_end_while_starting_it_ends_everything(begin: Begin) -> None:
    world = begin(("never", "import time; time.sleep(60)", True))
    world.until(lambda: (now := world.now()) is not None and "never (" in now.message)
    world.process.terminate()
    assert world.process.wait() == 0


def test_down_ends_a_range_and_down_again_does_nothing(begin: Begin) -> None:
    world = begin(("one", SERVER, True))
    world.until_phase("up")
    assert control.down(world.folder)
    assert world.process.wait() == 0
    assert not control.down(world.folder)


def test_a_killed_supervisor_is_told_from_one_that_runs(begin: Begin) -> None:
    world = begin(("one", SERVER, True))
    world.until_phase("up")
    left = world.part("one").process
    world.process.kill()
    world.process.wait()
    assert state.running(world.folder) is None
    with pytest.raises(Unreachable, match="is gone"):
        control.running_state(world.folder, "test")
    control.down(world.folder)
    assert left is not None
    assert not processes.alive(left)


def test_a_range_has_one_supervisor(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(Busy, match="is up or coming up already"), only_one(tmp_path):
        pytest.fail("two supervisors own one folder")
    with only_one(tmp_path):
        pass


def test_faults_of_the_range_are_acted_on_and_undone(begin: Begin) -> None:
    world = begin(("prometheus", SERVER, True))
    world.until_phase("up")
    broken = world.plan.part("nginx") / "conf.d" / "refused.conf"
    world.plan.faults.write_text('{"range": {"prometheus_down": true, "reload_refused": true}}')
    world.until(lambda: world.part("prometheus").state == "stopped" and broken.exists())
    world.plan.faults.write_text('{"range": {}}')
    world.until(lambda: world.part("prometheus").state == "running" and not broken.exists())
