"""Whoever doubts a verdict judges the stored counts anew: the same comes out, or it is said what does not."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runbook_lib import watch
from runbook_lib.cli import app
from runbook_lib.clients import Clients
from runbook_lib.durable import write_json
from runbook_lib.errors import BadParameters, NotTrusted
from runbook_lib.model import Outcome, Verdict, plain
from runbook_lib.record import journal
from runbook_lib.record.archive import attempts
from runbook_lib.record.evidence import storable
from runbook_lib.sections import Stage
from runbook_lib.watch import ObservationLog, history_of, limits_of
from runbook_lib.watch.replay import replay
from tests.watch.world import World

STAGE = Stage(weight=30, observe=timedelta(seconds=10), rule_out=0.01)
RUN = "20261120t120000z-gray_stage-30"


def recorded(
    world: World, clients: Clients, home: Path, number: int = 1, run: str = RUN, weight: int = 30, ticks: int = 0
) -> list[watch.Look]:
    """An attempt as the notebook leaves it, or as a kernel that was killed after so many ticks does."""
    folder = home / run / f"attempt-{number}"
    (folder / "evidence").mkdir(parents=True)
    with closing(journal.Journal(folder)) as book:
        book.write("started", phase="gray_stage", weight=weight, mode=None, dry_run=False)
        history = history_of(folder)
        looks = []
        stage = STAGE.model_copy(update={"weight": weight})
        world.weight, world.share = weight, weight / 100
        for look in watch.watch_stage(clients, stage, world.sleep, world.clock, ObservationLog(folder), history):
            looks.append(look)
            if len(looks) == ticks:
                return looks
        for verdict in looks[-1].verdicts:
            book.write("verdict", **plain(verdict))
        judged = {"limits": limits_of(clients.parameters, stage), "sources": history.sources}
        write_json(folder / "evidence" / "limits.json", storable(judged))
        book.write("evidence", name="limits", path="evidence/limits.json", sha256="")
    return looks


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "records" / "order-service"


def run_replay(home: Path, run: str = RUN) -> Any:
    return CliRunner().invoke(app, ["replay", run, "--records", str(home.parent)])


@pytest.mark.parametrize("bad", [0.0, 0.002, 0.3])
def test_a_verdict_comes_out_of_the_stored_counts_as_it_was_recorded(
    world: World, clients: Clients, home: Path, bad: float
) -> None:
    world.bad = bad
    looks = recorded(world, clients, home)
    (found,) = [replay(attempt) for attempt in attempts(home.parent)]
    assert (found.differences, found.untold) == ((), "")
    assert found.verdicts == looks[-1].verdicts
    said = run_replay(home)
    assert said.exit_code == 0, said.output
    assert "as recorded" in said.output


def test_a_stage_that_went_on_is_judged_over_all_its_attempts(world: World, clients: Clients, home: Path) -> None:
    recorded(world, clients, home, ticks=4)
    world.pass_time(3)
    last = recorded(world, clients, home, number=2)[-1]
    broken, whole = [replay(attempt) for attempt in attempts(home.parent)]
    assert broken.untold == "it was broken off before it was judged"
    assert (whole.differences, whole.observations) == ((), len(last.observations))
    assert run_replay(home).exit_code == 0


def test_the_stages_before_are_judged_with_it(world: World, clients: Clients, home: Path) -> None:
    world.bad = 0.004
    first = recorded(world, clients, home, run="20261120t110000z-gray_stage-10", weight=10)
    folder = home / "20261120t110000z-gray_stage-10" / "attempt-1"
    facts = {"outcome": "passed", "phase": "gray_stage", "weight": 10, "mode": None, "started": "2026", "ended": "2026"}
    write_json(folder / "record.json", {"predicate": facts})
    last = recorded(world, clients, home)[-1]
    verdict = next(v for v in last.verdicts if v.name == "failed requests")
    counted = sum(o.errors.kubernetes_requests for o in first[-1].observations if o.errors)
    assert verdict.numbers["earlier_requests"] == counted > 0
    assert run_replay(home).exit_code == 0


Tamper = Any


def other_counts(folder: Path) -> None:
    path = folder / "observations.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[5]["errors"]["kubernetes_bad"] += 30
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def other_limits(folder: Path) -> None:
    path = folder / "evidence" / "limits.json"
    value = json.loads(path.read_text())
    value["limits"]["errors"]["rule_out"] = 0.0001
    path.write_text(json.dumps(value))


def other_verdict(folder: Path) -> None:
    path = folder / "journal.jsonl"
    path.write_text(path.read_text().replace('"kubernetes_requests":900', '"kubernetes_requests":9000'))


def no_verdict(folder: Path) -> None:
    path = folder / "journal.jsonl"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "OOM kills" not in line))


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (other_counts, "failed requests: recorded as PASS, found anew as FAIL"),
        (other_limits, "failed requests: recorded as PASS, found anew as"),
        (other_verdict, "failed requests: kubernetes_requests is recorded as 9000"),
        (no_verdict, "OOM kills: PASS found anew, and not recorded"),
    ],
)
def test_what_was_changed_since_is_found_and_named(
    world: World, clients: Clients, home: Path, tamper: Tamper, says: str
) -> None:
    recorded(world, clients, home)
    tamper(home / RUN / "attempt-1")
    said = run_replay(home)
    assert isinstance(said.exception, NotTrusted)
    assert says in said.output
    assert "NOT as recorded" in said.output


def test_a_verdict_that_the_counts_do_not_give_is_named(world: World, clients: Clients, home: Path) -> None:
    recorded(world, clients, home)
    with closing(journal.Journal(home / RUN / "attempt-1")) as book:
        book.write("verdict", **plain(Verdict("invented", Outcome.PASS, "all is well")))
    assert "invented: recorded, and not found anew" in run_replay(home).output


def test_the_verdict_of_the_rollback_is_not_that_of_the_stage(world: World, clients: Clients, home: Path) -> None:
    world.bad = 0.3
    look = recorded(world, clients, home)[-1]
    split = next(v for v in look.verdicts if v.name == "traffic split")
    with closing(journal.Journal(home / RUN / "attempt-1")) as book:
        book.write("verdict", **plain(replace(split, message="observed 0.00% (0/400), asked 0 %", numbers={})))
    assert run_replay(home).exit_code == 0


def spoil(folder: Path) -> None:
    (folder / "observations.jsonl").write_text("nonsense\n")


def spoil_limits(folder: Path) -> None:
    (folder / "evidence" / "limits.json").write_text("{}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "observations.jsonl").unlink(), "attempt-1: it has no observations"),
        (spoil, "line 1: this is no observation"),
        (spoil_limits, "does not say what the stage was judged by"),
    ],
)
def test_an_attempt_that_cannot_be_judged_anew_says_so(
    world: World, clients: Clients, home: Path, change: Tamper, says: str
) -> None:
    recorded(world, clients, home)
    change(home / RUN / "attempt-1")
    said = run_replay(home)
    assert isinstance(said.exception, BadParameters)
    assert says in str(said.exception)


def test_a_run_that_is_not_there_is_refused_by_name(home: Path) -> None:
    said = run_replay(home, "20261120t120000z-gray_stage-5")
    assert isinstance(said.exception, BadParameters)
    assert "there is no run '20261120t120000z-gray_stage-5'" in str(said.exception)
