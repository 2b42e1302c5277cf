"""Counting against a Prometheus that answers badly: cannot measure is a state of its own, and it is no verdict."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from fake_prometheus import FakePrometheus, serving

from runbook_lib.clients import Clients
from runbook_lib.errors import Unreachable
from runbook_lib.model import Outcome
from runbook_lib.parameters import check
from runbook_lib.watch import Look, Watcher, watcher
from tests.watch.world import DEMO, STAGE

HALF = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"runb'


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    with serving() as fake:
        fake.serve("legacy", "vm-1", 1000, 10, 20)
        fake.serve("kubernetes", "pod-a", 100, 1, 2)
        yield fake


@pytest.fixture
def clients(prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch) -> Clients:
    def nobody(*_: object) -> None:
        raise Unreachable("no cluster")

    monkeypatch.setattr(watcher, "read_stability", nobody)
    monkeypatch.setattr(watcher, "read_weight", lambda _: 30)
    values = yaml.safe_load(DEMO.read_text())
    values["prometheus"] = {"url": prometheus.url, "timeout": "300ms"}
    return Clients(check(values, "a test"))


def growing(prometheus: FakePrometheus, times: int) -> None:
    prometheus.serve("legacy", "vm-1", 1000 + 700 * times, 10, 20)
    prometheus.serve("kubernetes", "pod-a", 100 + 300 * times, 1, 2)


def looked(watching: Watcher, second: float) -> Look:
    return watching.look(second, 10 - second)


def test_what_grew_since_the_last_look_is_counted(prometheus: FakePrometheus, clients: Clients) -> None:
    watching = Watcher(clients, STAGE)
    growing(prometheus, 1)
    look = looked(watching, 1)
    assert look.measured
    errors = look.counted[-1].errors
    assert errors is not None
    assert (errors.legacy_requests, errors.kubernetes_requests) == (700, 300)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, "overloaded"),
        (200, "<html>log in</html>"),
        (200, HALF),
        (200, "{}"),
        (200, "[]"),
        (200, "null"),
        (200, '{"data":{"result":{}}}'),
        (200, '{"data":{"result":[{"metric":{},"value":[1,"many"]}]}}'),
        (200, '{"data":{"result":[{"metric":{},"value":[1]}]}}'),
        (200, '{"data":{"result":[{"value":[1,"1"]}]}}'),
        (200, '{"data":{"result":[{"metric":null,"value":[1,"1"]}]}}'),
        (200, '{"data":{"result":[{"metric":{},"values":[[1,"1"]]}]}}'),
        (200, '{"data":{"result":[]}}'),
        (200, '{"status":"error","errorType":"timeout","error":"query timed out"}'),
    ],
)
def test_an_answer_that_is_none_holds_the_stage_and_costs_no_count(
    prometheus: FakePrometheus, clients: Clients, status: int, body: str
) -> None:
    watching = Watcher(clients, STAGE)
    growing(prometheus, 1)
    prometheus.reply = (status, body)
    blind = looked(watching, 1)
    assert not blind.measured
    assert blind.outcome is Outcome.INCONCLUSIVE
    assert blind.cause is None
    prometheus.reply = None
    growing(prometheus, 2)
    errors = looked(watching, 2).counted[-1].errors
    assert errors is not None
    assert (errors.legacy_requests, errors.kubernetes_requests) == (1400, 600)


@pytest.mark.parametrize("bad", ["NaN", "+Inf", "-Inf"])
def test_counters_that_are_no_numbers_are_no_measurement(
    prometheus: FakePrometheus, clients: Clients, bad: str
) -> None:
    watching = Watcher(clients, STAGE)
    for name, series in prometheus.samples.items():
        prometheus.samples[name] = [(labels, bad) for labels, _ in series]
    blind = looked(watching, 1)
    assert (blind.measured, blind.outcome) == (False, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize("side", ["legacy", "kubernetes"])
def test_a_side_that_is_no_longer_scraped_is_said(prometheus: FakePrometheus, clients: Clients, side: str) -> None:
    watching = Watcher(clients, STAGE)
    prometheus.vanish("vm-1" if side == "legacy" else "pod-a")
    blind = looked(watching, 1)
    said = next(v for v in blind.verdicts if v.name == "measurement").message
    assert said.endswith(f"no request counter of the {'old' if side == 'legacy' else 'new'} side")


def test_counts_that_stand_still_because_nothing_is_scraped_are_no_measurement(
    prometheus: FakePrometheus, clients: Clients
) -> None:
    watching = Watcher(clients, STAGE)
    prometheus.age = 11  # watch.blind is 10 s
    blind = looked(watching, 1)
    assert not blind.measured
    assert "the last scrape of the old side is 11 s old" in blind.headline or blind.outcome is Outcome.INCONCLUSIVE
    prometheus.age = 9
    assert looked(watching, 2).measured


def test_a_prometheus_that_is_too_slow_is_asked_once_a_tick_and_not_for_each_question(
    prometheus: FakePrometheus, clients: Clients
) -> None:
    watching = Watcher(clients, STAGE)
    prometheus.takes = 0.6
    asked = len(prometheus.asked)
    blind = looked(watching, 1)
    assert "no answer in time" in next(v for v in blind.verdicts if v.name == "measurement").message
    assert len(prometheus.asked) == asked + 1
    prometheus.takes = 0
    assert looked(watching, 2).measured


@pytest.mark.parametrize("replicas", [1, 100])
def test_the_number_of_questions_a_tick_does_not_grow_with_the_replicas(
    prometheus: FakePrometheus, clients: Clients, replicas: int
) -> None:
    for number in range(replicas):
        prometheus.serve("kubernetes", f"pod-{number}", 10)
    watching = Watcher(clients, STAGE)
    asked = len(prometheus.asked)
    looked(watching, 1)
    assert len(prometheus.asked) - asked == 6  # requests, fast, timed, when they were scraped, alerts, throttling


def test_an_answer_from_a_part_of_the_data_is_asked_not_to_be_given(
    prometheus: FakePrometheus, clients: Clients
) -> None:
    Watcher(clients, STAGE)
    assert all(asked["partial_response"] == "false" for asked in prometheus.asked)
    assert all(asked["deny_partial_response"] == "1" for asked in prometheus.asked)


def test_a_knob_that_hangs_keeps_nobody_from_seeing_the_counts(
    prometheus: FakePrometheus, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    answer, asked = threading.Event(), []

    def hang(_: object) -> int:
        asked.append(1)
        answer.wait(60)
        return 30

    monkeypatch.setattr(watcher, "read_weight", hang)
    monkeypatch.setattr(watcher, "_KNOB_PATIENCE", 0.05)
    watching = Watcher(clients, STAGE)
    growing(prometheus, 1)
    look = looked(watching, 1)
    assert look.measured
    assert look.observations[-1].weight is None
    assert len(asked) == 1  # it is not asked again and again
    answer.set()
    monkeypatch.setattr(watcher, "_KNOB_PATIENCE", 30)
    assert looked(watching, 2).observations[-1].weight == 30
