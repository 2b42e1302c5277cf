"""The counts that a real Prometheus gives: whole over restarts of whatever restarts, and blind when it is blind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.judge.observation import Observation
from runbook_lib.watch.counting import Counting
from tests.conftest import Until
from tests.watch.real import PATIENCE, Real, scraping

pytestmark = pytest.mark.range


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """One that no test stops, because starting it takes seconds."""
    with scraping(tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield prometheus


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    with scraping(tmp_path) as prometheus:
        yield prometheus


def counted(seen: list[Observation]) -> tuple[float, float, float, float]:
    """Requests and failures, old side first; and that the slow ones are of as many."""
    errors = [o.errors for o in seen if o.errors]
    assert [o.slow.legacy_requests for o in seen if o.slow] == [i.legacy_requests for i in errors]
    return (
        sum(i.legacy_requests for i in errors),
        sum(i.legacy_bad for i in errors),
        sum(i.kubernetes_requests for i in errors),
        sum(i.kubernetes_bad for i in errors),
    )


def count(counting: Counting) -> list[Observation]:
    """A count that measures: on a machine that is loaded a scrape may come late, and a count says so."""
    deadline, seen = time.monotonic() + PATIENCE, counting.count()
    while seen[-1].problem:
        assert time.monotonic() < deadline, seen[-1].problem
        time.sleep(0.1)
        seen = [o for o in seen if not o.problem] + counting.count()
    return seen


def test_a_pod_that_is_not_scraped_when_counting_begins_does_not_bring_its_whole_life(lasting: Real) -> None:
    real, service = lasting, lasting.service
    service.serve("kubernetes", "pod-old", 9000, 900)
    real.caught_up()
    service.silent.add("pod-old")
    real.caught_up()
    counting = Counting(real.clients())
    seen = count(counting)
    service.silent.clear()
    service.serve("kubernetes", "pod-old", 5, 1)
    real.caught_up()
    seen += count(counting)
    assert counted(seen)[2:] == (6, 1)


def test_resets_new_pods_and_vanished_ones_cost_no_request(lasting: Real) -> None:
    real = lasting
    counting, service = Counting(real.clients(blind=PATIENCE)), real.service
    seen = count(counting)
    for instance in ("vm-1", "vm-2"):
        service.serve("legacy", instance, 700, 7)
    service.serve("kubernetes", "pod-a", 300, 3, 30)
    service.serve("kubernetes", "pod-b", 50, 5)  # a new Pod counts from its first request
    real.caught_up()
    seen += count(counting)
    service.restart("kubernetes", "pod-a")
    service.serve("kubernetes", "pod-a", 20, 2)
    service.restart("legacy", "vm-1")
    service.serve("legacy", "vm-1", 10, 0)
    service.silent.add("pod-b")
    real.caught_up()
    seen += count(counting)
    service.silent.clear()
    service.serve("kubernetes", "pod-b", 5, 0)
    real.caught_up()
    seen += count(counting)
    assert counted(seen) == (1414 + 10, 14, 303 + 55 + 22 + 5, 3 + 5 + 2)
    assert sum(o.slow.kubernetes_bad for o in seen if o.slow) == 30
    assert all(o.measured and not o.gap for o in seen)
    assert [o.missed for o in seen] == [False, False, True, False]


@pytest.mark.heavy
@pytest.mark.parametrize("lose", [False, True])
def test_a_prometheus_that_is_restarted_in_the_middle_costs_no_request_and_is_a_gap(real: Real, lose: bool) -> None:
    counting, service = Counting(real.clients(blind=5)), real.service
    seen = count(counting)
    service.serve("legacy", "vm-1", 700, 7)
    real.caught_up()
    seen += count(counting)
    real.stop(lose)
    service.serve("legacy", "vm-1", 70, 1)
    service.serve("kubernetes", "pod-a", 30, 1)
    blind = counting.count()
    assert "does not answer (no connection)" in blind[0].problem
    time.sleep(5.5)  # longer than it may be blind
    real.start()
    real.caught_up()
    seen += count(counting)
    assert counted(seen) == (707 + 71, 8, 31, 1)
    assert [o.gap for o in seen if o.errors].count(True) == 1


def test_what_lies_between_two_kernels_is_read_from_its_past(lasting: Real, until: Until) -> None:
    real = lasting
    clients, service = real.clients(), real.service
    until(lambda: real.saw_all(1))
    first = Counting(clients)
    seen = count(first)
    assert first.last is not None
    began = time.monotonic()
    for _ in range(10):  # nobody watches, Prometheus does
        service.serve("legacy", "vm-2", 70, 1)
        service.serve("kubernetes", "pod-a", 30, 1)
        time.sleep(0.2)
    real.caught_up()
    with_reading = count(Counting(clients, first.bound, first.last))
    without = count(Counting(clients, first.bound, None, seen[-1].at))
    for found in (with_reading, without):
        assert counted(found) == (710, 10, 310, 10)
        assert len(found) > 5
        if real.saw_all(time.monotonic() - began):  # what it did not see either is a gap
            assert not any(o.gap for o in found)


@pytest.mark.heavy
def test_counters_that_it_only_repeats_are_no_measurement(real: Real, until: Until) -> None:
    """A Prometheus that begins anew and can scrape nothing repeats for five minutes what it knew before."""
    counting, service = Counting(real.clients()), real.service
    count(counting)
    real.stop()
    service.silent |= {"vm-1", "vm-2", "pod-a"}
    time.sleep(1.5)
    real.start()
    until(lambda: "does not answer" not in counting.count()[-1].problem)
    blind = counting.count()[-1]
    assert blind.problem
    assert blind.errors is None
    service.silent.clear()
    until(lambda: counting.count()[-1].measured)
