"""Tables and plots of the size."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.judge.capacity import NodeShape, Wanted, nodes_for, size
from runbook_lib.show.sizes import nodes_table, size_table, usage_plot
from tests.judge.test_size import machines, usage


def test_the_ways_to_size_stand_side_by_side_with_what_each_predicts() -> None:
    table = size_table(size(usage())).to_html()
    for text in ("default", "seed-burst", "shared", "500m", "140m", "880m", "464 MiB", "Burstable", "100.0%"):
        assert text in table


def test_where_no_size_is_named_the_reason_stands_in_its_place() -> None:
    table = size_table(size(usage(10))).to_html()
    assert "insufficient data" in table
    assert " MiB" not in table


@pytest.mark.parametrize(("count", "names"), [(2, ["vm-0", "vm-1"]), (9, ["(busiest of 9)"])])
def test_of_many_instances_only_the_busiest_has_a_name(count: int, names: list[str]) -> None:
    table = machines(count, 400)
    figure = usage_plot(table, size(table))
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[-2:] == ["request (default)", "request (seed-burst)"]
    assert [one for one, name in zip(said[:-2], names, strict=True) if name in one] == said[:-2]


def test_where_nothing_was_measured_the_reason_stands_in_place_of_the_picture() -> None:
    shown = usage_plot(None, size(usage(0)))
    assert isinstance(shown, Styler)
    assert "insufficient data" in shown.to_html()


def test_use_is_drawn_where_no_size_was_named() -> None:
    figure = usage_plot(usage(10), size(usage(10)))
    assert isinstance(figure, Figure)
    figure.canvas.draw()


def test_nodes_are_told_by_both_ways_of_counting() -> None:
    table = nodes_table({"default": nodes_for([Wanted("a", 5, 100, 4)], NodeShape(10, 10_000))}).to_html()
    assert "3 (CPU)" in table
