"""Both sides next to each other, with the gaps shown as gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import matplotlib as mpl
import numpy as np
import pytest

from runbook_lib.judge.resources import Use
from runbook_lib.model import SIDES, Measurement
from runbook_lib.show.comparison import comparison_figure, comparison_table, instance_table

mpl.use("agg")
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def pair(name: str, old: float | None, new: float | None, unit: str = "s") -> list[Measurement]:
    return [Measurement(name, value, unit, side, AT, "") for side, value in zip(SIDES, (old, new), strict=True)]


def test_a_row_holds_both_sides_their_ratio_and_the_unit() -> None:
    table = comparison_table([*pair("P99", 0.25, 0.5), *pair("requests", 123456, 1234, "1/s")])
    frame = table.data  # type: ignore[attr-defined]
    assert list(frame.columns) == ["figure", "legacy", "kubernetes", "ratio", "unit"]
    assert list(frame["ratio"]) == pytest.approx([2, 1234 / 123456])
    html = table.to_html()
    for shown in ("0.25", "2.00", "123,456", "1,234", "1/s"):
        assert shown in html


@pytest.mark.parametrize(
    ("old", "new", "gaps"), [(None, 1.0, 2), (1.0, None, 2), (None, None, 3), (0.0, 1.0, 1), (0.0, 0.0, 1)]
)
def test_what_is_not_known_is_no_data_and_never_a_number(old: float | None, new: float | None, gaps: int) -> None:
    html = comparison_table(pair("errors", old, new)).to_html()
    assert html.count("no data") == gaps
    assert "nan" not in html
    assert "inf" not in html


def test_names_are_text_and_not_html() -> None:
    assert "<i>" not in comparison_table(pair("<i>", 1, 1)).to_html()


@pytest.mark.parametrize("panels", [1, 2, 3, 8])
def test_every_figure_gets_a_panel_with_both_sides(panels: int) -> None:
    course = [(AT + timedelta(minutes=n), float(n)) for n in range(3)]
    figure = comparison_figure({f"figure {n}": {"legacy": course, "kubernetes": []} for n in range(panels)})
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == [f"figure {n}" for n in range(panels)]
    assert all(len(axes.lines) == 2 for axes in shown)
    assert np.asarray(shown[0].lines[0].get_ydata()).tolist() == [0, 1, 2]


def test_each_instance_shows_what_a_request_costs_and_an_idle_one_has_no_data() -> None:
    cpu = {"legacy": [Use("vm-1", 2, 1000)], "kubernetes": [Use("pod-a", 0.1, 0)]}
    html = instance_table(cpu, {"legacy": [Use("vm-1", 2**20 * 500, 1000)], "kubernetes": []}).to_html()
    for shown in ("vm-1", "1,000", ">2<", ">0.5<", "pod-a", "no data"):
        assert shown in html
