"""After a machine went the same is judged over the same time, whether it went now, before a crash, or a week ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.decommission import departure, let_go
from runbook_lib.errors import CriterionFailed
from runbook_lib.judge.rates import Interval
from runbook_lib.model import Change, Measurement, Outcome, Verdict
from runbook_lib.parameters import Parameters, check, load
from tests.observe.test_silence import REPOSITORY

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WATCH = 10 * MINUTE


class World:
    """A clock that moves when somebody sleeps, a new side that serves, and a note of what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, went: datetime | None, p: Parameters) -> None:
        self.at, self.went, self.parameters = NOON, went, p
        self.counted, self.written = list[tuple[datetime, datetime]](), list[tuple[datetime, datetime]]()
        self.bad: dict[datetime, float] = {}
        self.attempt = self.run_id = "attempt-1"
        self.journal: list[Any] = []
        for name, fake in {
            "now": lambda: self.at,
            "between": self._between,
            "read_figures": self._figures,
            "smoke": lambda *given: [],
            "judge_smoke": lambda answers: Verdict("smoke", Outcome.PASS, "4 of 4"),
            "look": lambda instance: SimpleNamespace(answering=False),
        }.items():
            monkeypatch.setattr(departure, name, fake)
        monkeypatch.setattr(departure.time, "sleep", self._sleep)
        monkeypatch.setattr(departure.journal, "read", lambda attempt: self.journal)

    def _sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def _between(self, prometheus: object, metrics: object, since: datetime, until: datetime) -> Any:
        self.counted.append((since, until))
        bad = sum(count for at, count in self.bad.items() if since < at <= until)
        seconds = (until - since).total_seconds()
        return SimpleNamespace(errors=Interval(seconds, 0, 0, 10 * seconds, bad))

    def _figures(self, database: object, figures: Any, since: datetime, until: datetime) -> list[Measurement]:
        self.written.append((since, until))
        seconds = (until - since).total_seconds()
        return [Measurement(f.name, seconds, f.unit, "kubernetes", until, f.query) for f in figures]

    def change(self, what: str, act: object) -> Change:
        return Change(what, None, None, done=self.went is None, at=self.at)

    def verdict(self, *verdicts: Verdict) -> tuple[Verdict, ...]:
        return verdicts

    def progress(self, *said: object) -> None:
        pass


@pytest.fixture
def p() -> Parameters:
    values = load(REPOSITORY / "parameters" / "demo.yaml").model_dump(mode="json")
    values["retention"] |= {"watch": "10min", "quiet": "7d"}
    values["traffic"]["settle"] = "30s"
    return check(values, "the parameters")


def gone(world: World) -> tuple[Change, tuple[Verdict, ...]]:
    retired = {} if world.went is None else {"vm-1": world.went}
    clients: Any = SimpleNamespace(prometheus=None, http=None, secret=None, database=None)
    return let_go(world, clients, world.parameters.legacy.instances[0], retired)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ago", "waited"),
    [
        (None, WATCH),
        (timedelta(seconds=10), WATCH - timedelta(seconds=10)),
        (4 * MINUTE, 6 * MINUTE),
        (timedelta(days=7), timedelta(0)),
    ],
    ids=["now", "right before a crash", "minutes ago", "a week ago"],
)
def test_the_same_criteria_are_judged_over_the_same_time(
    monkeypatch: pytest.MonkeyPatch, p: Parameters, ago: timedelta | None, waited: timedelta
) -> None:
    world = World(monkeypatch, None if ago is None else NOON - ago, p)
    _, seen = gone(world)
    assert [v.name for v in seen] == ["retired vm-1", "entrance after vm-1", "orders afterwards"]
    assert (world.at - NOON, {v.outcome for v in seen}) == (waited, {Outcome.PASS})
    assert "600 in 600 s on the new side, 600 expected" in seen[2].message
    assert "0.00% (0/6000) failed, within limit 1.00%; 0.00% (0/6048000) before" in seen[0].message


def test_what_was_before_is_asked_once(monkeypatch: pytest.MonkeyPatch, p: Parameters) -> None:
    world = World(monkeypatch, None, p)
    gone(world)
    quiet = (NOON - p.retention.quiet, NOON)
    assert (world.counted.count(quiet), world.written.count(quiet)) == (1, 1)
    assert len(world.counted) == len(world.written) == 1 + 20


def test_a_machine_that_this_attempt_ended_itself_went_then(monkeypatch: pytest.MonkeyPatch, p: Parameters) -> None:
    world = World(monkeypatch, None, p)
    change = {"what": "retire vm-1", "done": True, "at": (NOON - 9 * MINUTE).isoformat()}
    world.journal = [SimpleNamespace(kind="result", data={"change": change})]
    monkeypatch.setattr(world, "change", lambda what, act: Change(what, None, None, done=False, at=NOON))
    gone(world)
    assert world.at - NOON == MINUTE


def test_failures_stop_it_at_once_and_a_single_one_does_not(monkeypatch: pytest.MonkeyPatch, p: Parameters) -> None:
    world = World(monkeypatch, None, p)
    world.bad = {NOON + MINUTE: 1}
    gone(world)
    world = World(monkeypatch, None, p)
    world.bad = {NOON + MINUTE: 300}
    with pytest.raises(CriterionFailed, match=r"stopped after vm-1.*50\.00% \(300/600\) failed, > limit 1\.00%"):
        gone(world)
    assert world.at - NOON == MINUTE
