"""Pods and machines one by one: joined by their label, with nothing made up where Prometheus has nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.judge.exposure import Exposure
from runbook_lib.judge.resources import Use
from runbook_lib.judge.throttling import PodPeriods
from runbook_lib.observe.instances import Figures, figures
from runbook_lib.sections import Instances, Metrics, Selectors
from tests.fake_prometheus import FakePrometheus, serving

SIDES = Selectors(legacy='side="legacy"', kubernetes='side="kubernetes"')
METRICS = Metrics(selectors=SIDES, cpu=SIDES, memory=SIDES)
KEPT = Instances(
    cpu=Selectors(legacy="vm_cpu", kubernetes="pod_cpu"),
    memory=Selectors(legacy="vm_memory", kubernetes="pod_memory"),
    memory_limit="pod_limit",
    throttled="pod_throttled",
    periods="pod_periods",
    restarts=Selectors(legacy="vm_started", kubernetes="pod_restarts"),
)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def vector(label: str, values: dict[str, float]) -> list[dict[str, object]]:
    return [{"metric": {label: name}, "value": [1.0, str(value)]} for name, value in values.items()]


def one(value: float) -> list[dict[str, object]]:
    return [{"metric": {}, "value": [1.0, str(value)]}]


ANSWERS = {
    'sum by (instance) (increase(http_requests_total{side="legacy"}[1h]))': vector("instance", {"vm-1": 7000}),
    'sum by (pod) (increase(http_requests_total{side="kubernetes"}[1h]))': vector("pod", {"a": 300, "b": 200}),
    "sum by (instance) (increase(vm_cpu[1h]))": vector("instance", {"vm-1": 70}),
    "sum by (pod) (increase(pod_cpu[1h]))": vector("pod", {"b": 2, "a": 3, "idle": 0.1}),
    "sum by (instance) (avg_over_time(vm_memory[1h]))": vector("instance", {"vm-1": 10}),
    "sum by (pod) (avg_over_time(pod_memory[1h]))": vector("pod", {"a": 1}),
    "sum by (pod) (max_over_time(pod_memory[1h]))": vector("pod", {"a": 2}),
    "sum by (pod) (max_over_time(pod_limit[1h]))": vector("pod", {"a": 4}),
    "sum by (pod) (increase(pod_periods[1h]))": vector("pod", {"a": 36000, "b": 36000}),
    "sum by (pod) (increase(pod_throttled[1h]))": vector("pod", {"a": 18}),
    "sum(increase(pod_restarts[1h]))": one(1.02),
    "sum_over_time(count(count by (pod) (pod_restarts))[1h:15000ms])": one(480),
    "sum(changes(vm_started[1h]))": one(0),
    "sum_over_time(count(count by (instance) (vm_started))[1h:15000ms])": one(240),
}


def asked(fake: FakePrometheus, kept: Instances = KEPT) -> Figures:
    return figures(fake.connect(), METRICS, kept, "1h", NOON)


def test_each_instance_has_its_own_requests_and_restarts_come_with_their_hours() -> None:
    with serving() as fake:
        fake.answers = dict(ANSWERS)
        seen = asked(fake)
    assert {question["query"] for question in fake.asked} == set(ANSWERS)
    assert {question["time"] for question in fake.asked} == {str(NOON.timestamp())}
    assert seen.cpu == {
        "legacy": [Use("vm-1", 70, 7000)],
        "kubernetes": [Use("a", 3, 300), Use("b", 2, 200), Use("idle", 0.1, 0)],
    }
    assert seen.memory["kubernetes"] == [Use("a", 3600, 300)]
    assert (seen.memory_peaks, seen.memory_limits) == ({"a": 2}, {"a": 4})
    assert seen.periods == [PodPeriods("a", 18, 36000), PodPeriods("b", 0, 36000)]
    assert seen.restarts == {"kubernetes": Exposure(1, 2), "legacy": Exposure(0, 1)}


def test_what_prometheus_does_not_have_is_none_and_what_is_not_asked_for_is_not_queried() -> None:
    with serving() as fake:
        fake.answers = {question: [] for question in ANSWERS}
        seen = asked(fake)
        assert seen.restarts == {"kubernetes": None, "legacy": None}
        assert (seen.periods, seen.memory_limits, seen.cpu) == ([], {}, {"legacy": [], "kubernetes": []})
        fake.asked.clear()
        bare = asked(fake, Instances(cpu=KEPT.cpu, memory=KEPT.memory))
        assert (bare.restarts, bare.periods, bare.memory_limits) == (None, None, None)
        assert len(fake.asked) == 7


def test_a_prometheus_that_is_away_and_a_window_that_is_none_are_told_apart() -> None:
    with serving() as fake:
        fake.reply = (503, "starting")
        with pytest.raises(Unreachable):
            asked(fake)
        with pytest.raises(BadParameters, match="window"):
            figures(fake.connect(), METRICS, KEPT, "an hour", NOON)


def test_throttled_periods_are_nothing_without_all_periods() -> None:
    with pytest.raises(ValueError, match="together or not at all"):
        Instances(cpu=KEPT.cpu, memory=KEPT.memory, throttled="pod_throttled")
