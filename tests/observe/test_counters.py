"""Counts of both sides over disjoint intervals: resets, vanished and new Pods, and answers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fake_prometheus import FakePrometheus, serving
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.judge.rates import Interval
from runbook_lib.observe.counters import Delta, Reading, boundary, completed, delta, read, recent, remembering
from runbook_lib.sections import Metrics, Selectors

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
NONE = Selectors(legacy="", kubernetes="")
METRICS = Metrics(selectors=Selectors(legacy='side="legacy"', kubernetes='side="kubernetes"'), cpu=NONE, memory=NONE)


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    with serving() as fake:
        fake.serve("legacy", "vm-1", 1000, 10, 20)
        fake.serve("kubernetes", "pod-a", 100, 1, 2)
        yield fake


def look(prometheus: FakePrometheus, second: float = 0) -> Reading:
    return read(prometheus.connect(), METRICS, 0.5, START + timedelta(seconds=second))


def between(prometheus: FakePrometheus, before: Reading, second: float = 15) -> Delta:
    return delta(before, look(prometheus, second), METRICS)


def test_growth_is_counted_by_side_with_failed_and_slow_ones(prometheus: FakePrometheus) -> None:
    before = look(prometheus)
    prometheus.serve("legacy", "vm-1", 1500, 15, 30)
    prometheus.serve("kubernetes", "pod-a", 130, 4, 9)
    found = between(prometheus, before)
    assert found.errors == Interval(15, 500, 5, 30, 3)
    assert found.slow == Interval(15, 500, 10, 30, 7)
    assert found.notes == ()


def test_nothing_new_is_an_interval_of_zeros(prometheus: FakePrometheus) -> None:
    assert between(prometheus, look(prometheus)).errors == Interval(15, 0, 0, 0, 0)


def test_a_counter_that_fell_was_reset_and_counts_from_zero(prometheus: FakePrometheus) -> None:
    before = look(prometheus)
    prometheus.serve("kubernetes", "pod-a", 40, 0, 0)
    found = between(prometheus, before)
    assert (found.errors.kubernetes_requests, found.errors.kubernetes_bad) == (40, 0)
    assert found.notes == ("kubernetes pod-a: counter was reset",)


def test_a_pod_that_vanished_takes_nothing_back(prometheus: FakePrometheus) -> None:
    prometheus.serve("kubernetes", "pod-b", 50, 5)
    before = look(prometheus)
    prometheus.vanish("pod-b")
    prometheus.serve("kubernetes", "pod-a", 110, 1)
    found = between(prometheus, before)
    assert (found.errors.kubernetes_requests, found.errors.kubernetes_bad) == (10, 0)
    assert found.notes == ("kubernetes pod-b: gone",)


def test_a_new_pod_counts_from_its_first_request(prometheus: FakePrometheus) -> None:
    before = look(prometheus)
    prometheus.serve("kubernetes", "pod-b", 25, 5)
    found = between(prometheus, before)
    assert (found.errors.kubernetes_requests, found.errors.kubernetes_bad) == (25, 5)


@pytest.mark.parametrize(("side", "instance"), [("legacy", "vm-2"), ("kubernetes", "pod-b")])
def test_a_target_that_missed_a_scrape_is_not_counted_anew(
    prometheus: FakePrometheus, side: str, instance: str
) -> None:
    prometheus.serve(side, instance, 900_000, 900)
    first = look(prometheus)
    prometheus.vanish(instance)
    gap = remembering(first, look(prometheus, 15))
    longer = remembering(gap, look(prometheus, 30))
    prometheus.serve(side, instance, 900_030, 902)
    found = between(prometheus, longer, 45)
    assert (getattr(found.errors, f"{side}_requests"), getattr(found.errors, f"{side}_bad")) == (30, 2)
    assert found.notes == ()
    assert between(prometheus, look(prometheus, 45), 60).errors == Interval(15, 0, 0, 0, 0)


def test_a_gap_is_noted_once(prometheus: FakePrometheus) -> None:
    first = look(prometheus)
    prometheus.vanish("pod-a")
    gap = look(prometheus, 15)
    assert delta(first, gap, METRICS).notes == ("kubernetes pod-a: gone",)
    assert delta(remembering(first, gap), look(prometheus, 30), METRICS).notes == ()


def test_the_life_of_an_old_instance_that_shows_up_late_is_not_of_this_interval(prometheus: FakePrometheus) -> None:
    before = look(prometheus)
    prometheus.serve("legacy", "vm-2", 900_000, 900)
    found = between(prometheus, before)
    assert found.errors == Interval(15, 0, 0, 0, 0)
    assert found.notes == ("legacy vm-2: seen for the first time, counted from now on",)


def test_a_pod_that_was_only_not_scraped_counts_from_what_was_last_known_of_it_and_a_new_one_from_zero(
    prometheus: FakePrometheus,
) -> None:
    since, until = START, START + timedelta(seconds=15)
    before = look(prometheus)
    prometheus.serve("kubernetes", "pod-late", 900_000, 90)
    prometheus.before = {name: list(series) for name, series in prometheus.samples.items()}
    prometheus.serve("kubernetes", "pod-late", 900_007, 91)
    prometheus.serve("kubernetes", "pod-new", 30, 3)
    after = read(prometheus.connect(), METRICS, 0.5, until)
    found = delta(completed(prometheus.connect(), METRICS, 0.5, before, after), after, METRICS)
    assert found.errors == Interval(15, 0, 0, 7 + 30, 1 + 3)
    assert {float(asked["time"]) for asked in prometheus.asked if "last_over_time" in asked["query"]} == {
        since.timestamp()
    }


def test_nothing_more_is_asked_while_no_pod_shows_up(prometheus: FakePrometheus) -> None:
    before = look(prometheus)
    asked = len(prometheus.asked)
    assert completed(prometheus.connect(), METRICS, 0.5, before, before) is before
    assert len(prometheus.asked) == asked


def test_the_first_failure_of_a_known_instance_counts(prometheus: FakePrometheus) -> None:
    series = prometheus.samples["http_requests_total"]
    prometheus.samples["http_requests_total"] = [s for s in series if s[0]["status"] == "200"]
    before = look(prometheus)
    prometheus.samples["http_requests_total"] = series
    assert between(prometheus, before).errors == Interval(15, 10, 10, 1, 1)


@pytest.mark.parametrize("nothing", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_not_counted(prometheus: FakePrometheus, nothing: str) -> None:
    before = look(prometheus)
    for name, series in prometheus.samples.items():
        prometheus.samples[name] = [(labels, nothing) for labels, _ in series]
    assert between(prometheus, before).errors == Interval(15, 0, 0, 0, 0)


def test_an_empty_prometheus_counts_nothing(prometheus: FakePrometheus) -> None:
    prometheus.samples = {}
    assert between(prometheus, look(prometheus)).errors == Interval(15, 0, 0, 0, 0)


def test_the_queries_do_not_grow_with_the_replicas_and_are_of_one_moment(prometheus: FakePrometheus) -> None:
    for number in range(50):
        prometheus.serve("kubernetes", f"pod-{number}", 10)
    reading = look(prometheus)
    assert [asked["query"] for asked in prometheus.asked] == list(reading.queries)
    assert len(reading.queries) == 3
    assert {asked["time"] for asked in prometheus.asked} == {str(START.timestamp())}
    assert 'side="legacy"' in reading.queries[0]
    assert 'side="kubernetes"' in reading.queries[0]


def test_the_recent_past_is_two_readings(prometheus: FakePrometheus) -> None:
    found = recent(prometheus.connect(), METRICS, timedelta(minutes=1))
    assert found.errors == Interval(60, 0, 0, 0, 0)
    times = sorted({float(asked["time"]) for asked in prometheus.asked})
    assert times[1] - times[0] == pytest.approx(60)


@pytest.mark.parametrize(("slow", "bound"), [(0.1, 0.25), (0.25, 0.25), (0.3, 0.5), (0.6, 10)])
def test_slow_is_measured_at_the_next_bucket_boundary(prometheus: FakePrometheus, slow: float, bound: float) -> None:
    prometheus.samples["http_request_duration_seconds_bucket"] = [
        ({"le": le, "instance": "vm-1"}, 1) for le in ("+Inf", "10.0", "0.25", "0.5")
    ]
    assert boundary(prometheus.connect(), METRICS, slow) == bound


def test_a_limit_above_every_bucket_is_refused_by_name(prometheus: FakePrometheus) -> None:
    with pytest.raises(BadParameters, match=r"thresholds\.latency: no bucket .* at or above 2 s; there are \[0\.5\]"):
        boundary(prometheus.connect(), METRICS, 2)
    prometheus.samples = {}
    with pytest.raises(BadParameters, match="there are none"):
        boundary(prometheus.connect(), METRICS, 2)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, "overloaded"),
        (400, '{"status":"error","error":"no\\nway"}'),
        (200, "<html>"),
        (200, "{}"),
        (200, "[]"),
    ],
)
def test_a_prometheus_that_refuses_is_unreachable_in_one_sentence(
    prometheus: FakePrometheus, status: int, body: str
) -> None:
    prometheus.reply = (status, body)
    with pytest.raises(Unreachable) as refused:
        look(prometheus)
    assert prometheus.url in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_prometheus_at_all_is_unreachable(prometheus: FakePrometheus) -> None:
    gone = FakePrometheus("http://127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"Prometheus at http://127\.0\.0\.1:1 does not answer \(no connection\)"):
        look(gone)


COUNTS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.tuples(st.integers(0, 1000), st.integers(0, 10)), max_size=3
)


def _reading(second: int, counts: dict[str, tuple[int, int]]) -> Reading:
    def series(status: str, index: int) -> dict[tuple[tuple[str, str], ...], float]:
        return {(("pod", pod), ("status", status)): float(both[index]) for pod, both in counts.items()}

    requests = series("200", 0) | series("500", 1)
    total = {(("pod", pod),): float(good + bad) for pod, (good, bad) in counts.items()}
    kinds = {"requests": requests, "fast": total, "timed": total}
    counters = {
        (kind, side): found if side == "kubernetes" else {}
        for kind, found in kinds.items()
        for side in ("legacy", "kubernetes")
    }
    return Reading(START + timedelta(seconds=second), counters)  # type: ignore[arg-type]


@given(st.lists(COUNTS, min_size=2, max_size=6))
def test_whatever_two_scrapes_hold_counts_are_never_negative_and_never_more_than_was_served(
    scrapes: list[dict[str, tuple[int, int]]],
) -> None:
    last = _reading(0, scrapes[0])
    for second, counts in enumerate(scrapes[1:], 1):
        reading = _reading(second, counts)
        found = delta(last, reading, METRICS)
        assert 0 <= found.errors.kubernetes_bad <= found.errors.kubernetes_requests
        assert found.errors.kubernetes_requests <= sum(map(sum, counts.values()))
        assert found.slow.kubernetes_bad == 0
        last = remembering(last, reading)
