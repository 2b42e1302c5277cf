"""The process: it ends when it is told to, reads its parameters anew when it is told to, and says when they changed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from runbook_lib.errors import BadParameters
from runbook_lib.guard import duty
from tests.guard.world import World

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def process(world: World) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`runbook guard` as a process, and the lines that it says."""
    Path("mine.yaml").write_text(yaml.safe_dump(world.values))
    command = [sys.executable, "-m", "runbook_lib.cli", "guard", "mine.yaml"]
    begun = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said: list[str] = []
    threading.Thread(target=lambda: said.extend(iter(begun.stderr.readline, "")), daemon=True).start()  # type: ignore[union-attr]
    yield begun, said
    begun.kill()
    begun.wait()


def test_it_reads_anew_on_sighup_keeps_what_is_good_and_gives_the_lease_back(
    world: World, process: tuple[subprocess.Popen[str], list[str]], until: Until
) -> None:
    begun, said = process
    until(lambda: "this guard holds the Lease" in "".join(said))
    Path("mine.yaml").write_text("spoilt: [")
    until(lambda: "was changed" in "".join(said))
    begun.send_signal(signal.SIGHUP)
    until(lambda: "goes on by what it has read before" in "".join(said))
    Path("mine.yaml").write_text(yaml.safe_dump({**world.values, "dry_run": True}))
    begun.send_signal(signal.SIGHUP)
    until(lambda: "is read anew" in "".join(said))
    begun.send_signal(signal.SIGTERM)
    assert begun.wait(60) == 0
    assert world.lease("next").keep().mine


def test_an_application_is_guarded_once(world: World) -> None:
    for name in ("one.yaml", "two.yaml"):
        Path(name).write_text(yaml.safe_dump(world.values))
    with pytest.raises(BadParameters, match="order-service is the application of two"):
        duty.guard([Path("one.yaml"), Path("two.yaml")], print)
