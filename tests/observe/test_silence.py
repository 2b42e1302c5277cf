"""The old side's counters over the whole time: from Prometheus by steps, from records, finely where one began anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.judge.silence import Course, Period, Point, Span, counted, gauged, stretches
from runbook_lib.model import plain
from runbook_lib.observe.old_side.silence import (
    connections_over,
    kept_points,
    period_of,
    requests_asked,
    requests_over,
    samples,
    step_of,
)
from runbook_lib.parameters import check, load
from runbook_lib.sections import LegacyInstance, Metrics, Selectors

REPOSITORY = Path(__file__).parents[2]
ZERO = datetime(2026, 11, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MACHINES = [LegacyInstance(name=f"vm-{n}", url=f"http://10.0.0.1{n}:8080") for n in (1, 2)]
SIDES = Selectors(legacy='side="legacy"', kubernetes='side="kubernetes"')
METRICS = Metrics(selectors=SIDES, cpu=SIDES, memory=SIDES)
TEXT = 'sum by (instance) (http_requests_total{side="legacy",path!~"/healthz"})'
WITHOUT = 'path!~"/healthz"'


@dataclass
class Remembering:
    """Prometheus, as far as it is asked for one expression: a value by instance and time, None where it has none."""

    value: Callable[[str, datetime], float | None]
    asked: list[tuple[str, float]] = field(default_factory=list)
    url: str = "http://prometheus"
    names: tuple[str, ...] = ("vm-1", "10.0.0.12:8080")

    def custom_query(self, text: str, params: dict[str, str]) -> list[dict[str, Any]]:
        at = datetime.fromtimestamp(float(params["time"]), UTC)
        found = {name: self.value(name, at) for name in self.names}
        return [{"metric": {"instance": n}, "value": [0, str(v)]} for n, v in found.items() if v is not None]

    def custom_query_range(
        self, text: str, since: datetime, until: datetime, step: str, **asked: Any
    ) -> list[dict[str, Any]]:
        seconds = float(step.removesuffix("s"))
        self.asked.append((text, seconds))
        moments = [
            since + timedelta(seconds=n * seconds) for n in range(int((until - since).total_seconds() / seconds) + 1)
        ]
        series = []
        for name in self.names:
            values = [(at.timestamp(), self.value(name, at)) for at in moments]
            series.append({"metric": {"instance": name}, "values": [[at, str(v)] for at, v in values if v is not None]})
        return series


def over(prometheus: Remembering, period: Period, **recorded: list[Point]) -> dict[str, Course]:
    found = requests_over(prometheus, TEXT, METRICS.scrape, MACHINES, period, recorded)  # type: ignore[arg-type]
    return {course.instance: course for course in found}


def test_machines_are_known_by_name_or_address_and_drills_begin_and_end_to_the_second() -> None:
    begin, end = ZERO + 7 * DAY + 7 * MINUTE, ZERO + 7 * DAY + 9 * MINUTE
    period = Period(ZERO, ZERO + 28 * DAY, (Span(begin, end, "drills"),))
    courses = over(Remembering(lambda name, at: 500.0 if at < begin else 900.0), period)
    assert set(courses) == {"vm-1", "vm-2"}
    assert {begin, end} <= {point.at for point in courses["vm-2"].points}
    # a user at the moment of the drill's begin is the drill's
    assert [s for s in counted(courses["vm-1"], period) if s.amount is not None and s.since >= end] == []


def test_where_a_counter_began_anew_it_is_looked_at_finely() -> None:
    anew = ZERO + 3 * DAY + 5 * MINUTE
    prometheus = Remembering(lambda name, at: 0.0 if name == "vm-1" and at >= anew else 500.0)
    period = Period(ZERO, ZERO + 28 * DAY)
    (gap,) = counted(over(prometheus, period)["vm-1"], period)
    assert gap.amount is None
    assert gap.until - gap.since <= METRICS.scrape
    assert prometheus.asked[-1][1] == METRICS.scrape.total_seconds()


def test_what_prometheus_forgot_is_known_from_records() -> None:
    period = Period(ZERO, ZERO + 28 * DAY)
    forgetful = Remembering(lambda name, at: 500.0 if at > ZERO + 14 * DAY else None)
    assert [s.until - s.since > 13 * DAY for s in counted(over(forgetful, period)["vm-1"], period)] == [True]
    kept = [Point(ZERO, 500.0), Point(ZERO + 7 * DAY, 500.0)]
    assert counted(over(forgetful, period, **{"vm-1": kept})["vm-1"], period) == []


def test_connections_of_a_machine_that_stand_in_several_series_are_added_up() -> None:
    """The last of them may be silent while another is busy."""
    period = Period(ZERO, ZERO + 15 * DAY)
    prometheus = Remembering(lambda name, at: 0.0 if name == "vm-1" else 3.0, names=("10.0.0.11:8080", "vm-1"))
    found = connections_over(prometheus, METRICS, MACHINES, "open_connections", period)  # type: ignore[arg-type]
    assert {course.instance: {p.value for p in course.points} for course in found} == {"vm-1": {3.0}, "vm-2": set()}
    assert "max_over_time((sum by (instance) (open_connections))[864000ms:15000ms])" in prometheus.asked[0][0]


@dataclass
class Windows(Remembering):
    """Notes over which stretch each maximum is asked; whole seconds in a range, as the client rounds its ends."""

    over: list[tuple[datetime, datetime]] = field(default_factory=list)

    def custom_query(self, text: str, params: dict[str, str]) -> list[dict[str, Any]]:
        self._note(text, datetime.fromtimestamp(float(params["time"]), UTC))
        return super().custom_query(text, params)

    def custom_query_range(
        self, text: str, since: datetime, until: datetime, step: str, **asked: Any
    ) -> list[dict[str, Any]]:
        begin, end = (datetime.fromtimestamp(round(at.timestamp()), UTC) for at in (since, until))
        seconds = timedelta(seconds=float(step.removesuffix("s")))
        for number in range((end - begin) // seconds + 1):
            self._note(text, begin + number * seconds)
        return super().custom_query_range(text, begin, end, step)

    def _note(self, text: str, at: datetime) -> None:
        length = int(text.rpartition("[")[2].partition("ms:")[0])
        self.over.append((at - timedelta(milliseconds=length), at))


@pytest.mark.parametrize("scrape", [1, 15])
@pytest.mark.parametrize("seconds", [0.4, 1.7, 4, 30, 31, 59.2, 3601, 28 * 86400 + 17, 80 * 86400])
@pytest.mark.parametrize("left_out", [(), ((0.31, 0.317), (0.7, 0.71))], ids=["no drill", "two drills"])
def test_connections_are_asked_for_over_the_whole_period_and_no_moment_beyond_it(
    scrape: int, seconds: float, left_out: tuple[tuple[float, float], ...]
) -> None:
    """Also where no step divides it: users of the time before, and of a drill, are no users of the period."""
    begin, length = ZERO + timedelta(seconds=0.3), timedelta(seconds=seconds)
    spans = tuple(Span(begin + since * length, begin + until * length, "drills") for since, until in left_out)
    period = Period(begin, begin + length, spans)
    metrics = METRICS.model_copy(update={"scrape": timedelta(seconds=scrape)})
    prometheus = Windows(lambda name, at: 3.0)
    courses = connections_over(prometheus, metrics, MACHINES, "open_connections", period)  # type: ignore[arg-type]
    rounded, step = timedelta(milliseconds=1), step_of(period, metrics.scrape)
    for since, until in prometheus.over:
        assert any(s - rounded <= since and until <= u for s, u in stretches(period)), (since, until)
    for course in courses:
        assert gauged(course, period, step, always=3) == []
        busy = [(s.since, s.until) for s in gauged(course, period, step, always=2)]
        assert sum((u - s for s, u in busy), timedelta(0)) == sum((u - s for s, u in stretches(period)), timedelta(0))
    assert len(prometheus.asked) <= len(spans) + 1


@dataclass(frozen=True)
class Filed:
    """An attempt as the archive gives it."""

    step: tuple[str, int | None, str | None]
    folder: Path = Path("absent")
    outcome: str = "passed"
    run_id: str = "run"
    facts: dict[str, Any] = field(default_factory=dict)


def test_drills_and_what_is_explained_are_left_out_and_the_rest_begins_when_connections_had_drained() -> None:
    values = load(REPOSITORY / "parameters" / "demo.yaml").model_dump(mode="json")
    explained = {"since": "2026-11-05T08:00+08:00", "until": "2026-11-05T09:00+08:00", "reason": "scan"}
    values["retention"] |= {"explained": [explained], "drained": "20s"}
    p = check(values, "the parameters")
    times = {"started": plain(ZERO + 2 * DAY), "ended": plain(ZERO + 2 * DAY + MINUTE)}
    drill = Filed(("rollback", None, "drill"), facts=times, outcome="failed")
    rehearsed = Filed(("rollback", None, "drill"), facts={**times, "dry_run": True})
    period = period_of(p, [drill, rehearsed], ZERO, ZERO + 14 * DAY)
    drain = timedelta(seconds=20)
    assert period.since == ZERO + drain
    assert [(span.since, span.until, span.why) for span in period.left_out] == [
        (ZERO + 2 * DAY, ZERO + 2 * DAY + MINUTE + drain, "drills"),
        (ZERO + 4 * DAY, ZERO + 4 * DAY + 60 * MINUTE, "explained: scan"),
    ]


def test_earlier_attempts_keep_what_they_counted_and_a_spoilt_file_gives_nothing(tmp_path: Path) -> None:
    past = []
    kept = {"queries": [TEXT], "requests": [{"instance": "vm-1", "points": [{"at": plain(ZERO), "value": 5.0}]}]}
    counts = {"connections": [{"value": 0.0, "at": plain(ZERO)}, {"value": 2.0, "at": plain(ZERO)}]}
    for number, text in enumerate((json.dumps(kept), "no JSON")):
        evidence = tmp_path / str(number) / "evidence"
        evidence.mkdir(parents=True)
        (evidence / "period.json").write_text(text)
        (evidence / "silence.json").write_text(json.dumps(counts))
        past.append(Filed(("decommission", None, None), evidence.parent, facts={"ended": plain(ZERO)}))
    past.append(Filed(("decommission", None, None), past[0].folder))  # it is not over: the one that asks
    assert kept_points(past[:2], TEXT) == {"vm-1": [Point(ZERO, 5.0)]}
    assert samples(past) == [(ZERO, 2.0), (ZERO, 2.0)]


def test_what_was_counted_under_another_question_is_not_of_the_same_counter(tmp_path: Path) -> None:
    """Health checks that were counted first and left out since would be millions of requests, or hide some."""
    text = requests_asked(METRICS, WITHOUT)
    for number, asked in enumerate((requests_asked(METRICS, ""), text)):
        points = [{"at": plain(ZERO + number * DAY), "value": 9e6}]
        (tmp_path / str(number) / "evidence").mkdir(parents=True)
        kept = {"queries": [asked, "open"], "requests": [{"instance": "vm-1", "points": points}]}
        (tmp_path / str(number) / "evidence" / "period.json").write_text(json.dumps(kept))
    past = [Filed(("decommission", None, None), tmp_path / str(number)) for number in range(2)]
    assert text == TEXT
    assert kept_points(past, text) == {"vm-1": [Point(ZERO + DAY, 9e6)]}
