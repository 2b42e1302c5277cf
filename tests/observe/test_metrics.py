"""Questions to Prometheus: a number, no number, or one sentence why nothing is known."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_prometheus import FakePrometheus, serving

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.observe import metrics
from runbook_lib.sections import Metrics, Selectors

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHOLE = {"partial_response": "false", "deny_partial_response": "1"}
BOTH = Selectors(legacy="old", kubernetes="new")
SIDES = Metrics(selectors=Selectors(legacy='side="legacy"', kubernetes='side="kubernetes"'), cpu=BOTH, memory=BOTH)


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    with serving() as fake:
        yield fake


def series(*values: str) -> list[dict[str, Any]]:
    return [{"metric": {"n": str(n)}, "value": [1.0, value]} for n, value in enumerate(values)]


def test_a_query_gives_series_and_values_of_the_moment_asked(prometheus: FakePrometheus) -> None:
    prometheus.answers["up"] = series("1", "0.5")
    assert metrics.query(prometheus.connect(), "up", AT) == [({"n": "0"}, 1.0), ({"n": "1"}, 0.5)]
    assert prometheus.asked == [{"query": "up", "time": str(AT.timestamp()), **WHOLE}]


def test_without_a_moment_prometheus_is_asked_about_its_own_now(prometheus: FakePrometheus) -> None:
    assert metrics.query(prometheus.connect(), "nothing") == []
    assert prometheus.asked == [{"query": "nothing", **WHOLE}]


@pytest.mark.parametrize(
    ("answer", "old"),
    [
        (series("2.5"), 2.5),
        (series("0"), 0.0),
        (series(), None),
        (series("NaN"), None),
        (series("+Inf"), None),
        (series("1", "2"), None),  # which of them is meant is not known
        (series("NaN", "2"), 2.0),
    ],
)
def test_a_side_has_one_number_or_none(prometheus: FakePrometheus, answer: Any, old: float | None) -> None:
    prometheus.answers["old"] = answer
    found = metrics.measure(prometheus.connect(), "CPU", "cores", BOTH, AT)
    assert [(m.side, m.value, m.unit, m.at, m.query) for m in found] == [
        ("legacy", old, "cores", AT, "old"),
        ("kubernetes", None, "cores", AT, "new"),
    ]


@pytest.mark.parametrize("answer", [[1.0, "2"], [{"metric": {}, "values": [[1.0, "2"]]}]], ids=["scalar", "range"])
def test_an_expression_that_gives_no_series_is_refused_by_name(prometheus: FakePrometheus, answer: Any) -> None:
    prometheus.answers["scalar(up)"] = answer
    with pytest.raises(BadParameters, match=r"'scalar\(up\)' gives no instant series"):
        metrics.query(prometheus.connect(), "scalar(up)")


def _history(prometheus: FakePrometheus) -> object:
    return metrics.history(prometheus.connect(), "up", AT, AT + timedelta(hours=1))


def _query(prometheus: FakePrometheus) -> object:
    return metrics.query(prometheus.connect(), "up")


@pytest.mark.parametrize("ask", [_query, _history])
@pytest.mark.parametrize("reply", [(500, "boom"), (422, '{"error": "bad\nquery"}'), (200, "<html>hello</html>")])
def test_a_refusal_is_one_sentence(prometheus: FakePrometheus, ask: Any, reply: tuple[int, str]) -> None:
    prometheus.reply = reply
    with pytest.raises(Unreachable) as refused:
        ask(prometheus)
    assert "\n" not in str(refused.value)
    assert prometheus.url in str(refused.value)


@pytest.mark.parametrize("ask", [_query, _history])
def test_nobody_there_is_one_sentence(ask: Any) -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        ask(FakePrometheus("http://127.0.0.1:1"))


def test_a_prometheus_that_hangs_is_given_up_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hanging = FakePrometheus(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(Unreachable, match="no answer in time"):
            metrics.query(hanging.connect(timeout=0.1), "up")


def test_a_history_is_points_in_utc_without_gaps_of_nan(prometheus: FakePrometheus) -> None:
    prometheus.answers["up"] = [{"metric": {}, "values": [[0, "1"], [60, "NaN"], [120, "3"]]}]
    assert metrics.history(prometheus.connect(), "up", AT, AT + timedelta(hours=1), points=60) == [
        (datetime(1970, 1, 1, tzinfo=UTC), 1.0),
        (datetime(1970, 1, 1, 0, 2, tzinfo=UTC), 3.0),
    ]
    assert prometheus.asked[0]["step"] == "60s"


def test_no_history_is_empty(prometheus: FakePrometheus) -> None:
    assert metrics.history(prometheus.connect(), "gone", AT, AT + timedelta(seconds=5)) == []
    assert prometheus.asked[0]["step"] == "1s"


def test_alerts_are_named_once_each(prometheus: FakePrometheus) -> None:
    names = ["Slow", "Down", "Slow"]
    prometheus.answers[SIDES.alerts] = [{"metric": {"alertname": name}, "value": [1, "1"]} for name in names]
    assert metrics.firing_alerts(prometheus.connect(), SIDES) == ["Down", "Slow"]


@pytest.mark.parametrize(
    ("texts", "part"),
    [
        (metrics.request_rates(SIDES, "1m"), 'sum(rate(http_requests_total{side="kubernetes"}[1m]))'),
        (metrics.error_rates(SIDES, "1m"), '{side="kubernetes",status=~"5.."}[1m])) or vector(0))'),
        (metrics.quantiles(SIDES, 0.99, "5m"), "histogram_quantile(0.99, sum by (le) (rate("),
    ],
)
def test_expressions_are_the_same_for_both_sides_but_for_the_selector(texts: Selectors, part: str) -> None:
    assert part in texts.kubernetes
    assert texts.legacy == texts.kubernetes.replace('side="kubernetes"', 'side="legacy"')
    assert texts.legacy.count("(") == texts.legacy.count(")")


def test_a_course_over_time_is_not_made_from_a_part_of_the_data(prometheus: FakePrometheus) -> None:
    """A store that does not answer would make a sum of machines smaller, and silence of users."""
    prometheus.answers["up"] = []
    metrics.series_over(prometheus.connect(), "up", AT, AT + timedelta(hours=1), timedelta(minutes=1))
    assert [{key: asked[key] for key in WHOLE} for asked in prometheus.asked] == [WHOLE]
