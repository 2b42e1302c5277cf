"""The live picture of a stage: drawn in place, never before a rollback, left as it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from runbook_lib.judge.observation import Observation, from_line, to_line
from runbook_lib.judge.rates import Interval
from runbook_lib.model import Outcome, Verdict
from runbook_lib.show import gray
from runbook_lib.show.gray import LiveFigure, coarser, counts_frame, stage_figure
from runbook_lib.watch import Look

mpl.use("agg")
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = Verdict("failed requests", Outcome.PASS, "0.1 %")
BAD = Verdict("failed requests", Outcome.FAIL, "30 % (3/10)", trigger=True)


def look(second: float, verdict: Verdict = GOOD, new: float = 10) -> Look:
    seen = tuple(
        Observation(START + timedelta(seconds=n), Interval(2, 90, 1, new, 2), Interval(2, 90, 3, new, 4))
        for n in range(int(second))
    )
    return Look(START, second, 10 - second, seen, (verdict,), True)


class Screen:
    """Stands in for the notebook: what was displayed, and how often it was replaced."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def display(self, figure: Any, display_id: bool) -> Screen:
        assert display_id
        self.shown.append(figure)
        return self

    def update(self, figure: Any) -> None:
        self.shown.append(figure)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(gray, "display", screen.display)
    return screen


def test_the_counts_have_a_row_for_each_interval() -> None:
    frame = counts_frame(look(2))
    assert list(frame["kubernetes failed"]) == [2, 2]
    assert list(frame["legacy slow"]) == [3, 3]
    assert list(frame["seconds"]) == [2, 2]


def test_the_picture_shows_rates_and_shares_of_both_sides() -> None:
    figure = stage_figure(look(3), 5)
    top, bottom = figure.axes
    assert top.get_title(loc="left") == "5 % on Kubernetes, PASS"
    assert [line.get_label() for line in top.lines] == ["legacy", "kubernetes"]
    assert np.asarray(top.lines[1].get_ydata()).tolist() == [5, 5, 5]
    assert np.asarray(bottom.lines[1].get_ydata()).tolist() == pytest.approx([0.6] * 3)
    plt.close(figure)


@pytest.mark.parametrize("state", [look(0), look(2, new=0)])
def test_a_stage_without_requests_has_a_picture_too(state: Look) -> None:
    plt.close(stage_figure(state, 1))


def long_look(ticks: int, gap: int = -1) -> Look:
    """A tick every 15 s; one of them is the end of an hour that nobody saw."""
    seen, at = [Observation(START)], START
    for n in range(ticks):
        length = 3600.0 if n == gap else 15.0
        at += timedelta(seconds=length)
        counts = Interval(length, 900, 1, 100, 2)
        seen.append(Observation(at, counts, counts, gap=n == gap, seconds=length))
    return Look(at, (at - START).total_seconds(), 0, tuple(seen), (GOOD,), True)


def test_a_gap_is_grey_and_no_line_leads_across_it() -> None:
    figure = stage_figure(long_look(10, gap=4), 5)
    top, bottom = figure.axes
    assert [len(axes.patches) for axes in (top, bottom)] == [1, 1]
    rates = np.asarray(top.lines[0].get_ydata())
    assert np.isnan(rates).tolist() == [n == 4 for n in range(10)]
    assert "minutes" in bottom.get_xlabel()
    plt.close(figure)


@pytest.mark.parametrize(("ticks", "unit"), [(10, "seconds"), (40, "minutes"), (5760, "hours"), (40_000, "days")])
def test_a_stage_of_days_is_drawn_from_as_few_points_as_one_of_minutes(ticks: int, unit: str) -> None:
    state = long_look(ticks)
    frame = coarser(counts_frame(state))
    assert len(frame) <= 240
    assert frame["kubernetes requests"].sum() == 100 * ticks
    figure = stage_figure(state, 5)
    assert figure.axes[1].get_xlabel() == f"{unit} in this stage"
    plt.close(figure)


def test_what_an_earlier_slice_wrote_down_is_drawn_with_what_is_seen_now() -> None:
    state = look(3)
    read = tuple(from_line(to_line(o)) for o in state.observations[:2])
    figure = stage_figure(replace(state, observations=(*read, *state.observations[2:])), 5)
    assert len(np.asarray(figure.axes[0].lines[0].get_ydata())) == 3
    plt.close(figure)


def test_a_slice_that_is_over_says_that_the_stage_is_going_on() -> None:
    figure = stage_figure(replace(look(3), goes_on=True), 5)
    assert figure.axes[0].get_title(loc="left") == "5 % on Kubernetes, going on"
    plt.close(figure)


def test_the_cause_of_a_rollback_stands_above_the_picture() -> None:
    figure = stage_figure(look(2, BAD), 5)
    assert figure.axes[0].get_title(loc="left") == "5 % on Kubernetes, FAIL: failed requests, 30 % (3/10)"
    plt.close(figure)


def test_it_is_drawn_in_place_and_not_at_every_look(screen: Screen) -> None:
    with LiveFigure(5, every=2) as live:
        for second in range(1, 8):
            live.see(look(second))
        assert len(screen.shown) == 4
    assert len(screen.shown) == 5  # the last state stays
    assert plt.get_fignums() == []


def test_nobody_waits_for_a_picture_before_going_back(screen: Screen) -> None:
    with LiveFigure(5) as live:
        live.see(look(9, BAD))
        assert screen.shown == []
    assert len(screen.shown) == 1


def test_a_stage_that_breaks_off_leaves_its_last_picture(screen: Screen) -> None:
    with pytest.raises(KeyboardInterrupt), LiveFigure(5) as live:
        live.see(look(1))
        raise KeyboardInterrupt
    assert len(screen.shown) == 2


def test_a_stage_without_a_look_leaves_none(screen: Screen) -> None:
    with LiveFigure(5):
        pass
    assert screen.shown == []
