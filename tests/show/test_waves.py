"""The picture of a plan stays readable however large the fleet is, and its tables name what people have to decide."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from runbook_lib.judge.waves import plan_waves
from runbook_lib.show.waves import ROWS, Line, cycle_table, folded, outside_table, shared_table, wave_picture
from tests.judge.waves.fleets import app, drawn, rules

HOLIDAYS = ((date(2027, 2, 5), date(2027, 2, 14), "Spring Festival"), (date(2031, 1, 1), date(2031, 1, 2), "far away"))


@pytest.mark.parametrize(("count", "size"), [(3, 20), (60, 5), (3000, 20), (3000, 1)])
def test_a_plan_of_any_size_has_no_more_lines_than_a_page(count: int, size: int) -> None:
    plan = plan_waves(drawn(count, count, 1), rules(size=size, every=timedelta(weeks=1)))
    picture = wave_picture(plan).data
    assert picture is not None and picture.count("<tr>") <= ROWS + 1
    assert all(plan.waves[n].name in picture for n in (0, -1))


def test_every_wave_is_on_one_line_and_no_line_is_of_two_phases() -> None:
    plan = plan_waves(drawn(500, 500, 2), rules(size=4))
    lines = folded(plan.waves)
    assert [wave for line in lines for wave in line.waves] == list(plan.waves)
    assert all(len({wave.phase for wave in line.waves}) == 1 for line in lines)
    assert Line(plan.waves[1:3]).name == "wave-2 to 3"


def test_few_members_are_named_and_many_are_counted_by_level() -> None:
    few = wave_picture(plan_waves([app("订单", risk="high"), app("stock")], rules())).data
    many = wave_picture(plan_waves([app(f"application-{n:04}", risk="high") for n in range(20)], rules())).data
    assert few and many
    assert ">stock</td>" in few and "订单 <span" in few and "1 of high risk" in few
    assert "<b>20</b>: 20 Good" in many and ">application-0001" not in many


def test_closed_days_are_shaded_where_they_are_within_the_plan() -> None:
    plan = plan_waves([app(f"a{n}", risk="high") for n in range(6)], rules(size=1, blackouts=HOLIDAYS))
    picture = wave_picture(plan).data
    assert picture and "Spring Festival" in picture and "far away" not in picture and "linear-gradient" in picture
    stops = [float(stop) for stop in re.findall(r"([\d.]+)%", picture.split("linear-gradient(")[1].split(")")[0])]
    assert stops == sorted(stops) and stops[-1] == 100


def test_bars_lie_within_the_picture() -> None:
    picture = wave_picture(plan_waves(drawn(200, 300, 3), rules(size=3, blackouts=HOLIDAYS))).data
    bars = re.findall(r"left:([\d.]+)%;width:([\d.]+)%", picture or "")
    assert len(bars) > 20
    assert all(float(left) >= 0 and float(left) + float(width) <= 100.01 and float(width) > 0 for left, width in bars)


def test_names_are_text_and_no_markup() -> None:
    plan = plan_waves(
        [app("<b>x</b>", "<i>y</i>", "<b>x</b>", databases=("<u>",)), app("z", databases=("<u>",))], rules()
    )
    tables = (cycle_table(plan), shared_table(plan), outside_table(plan))
    shown = (wave_picture(plan).data or "") + "".join(table.to_html() for table in tables)
    assert "<b>x" not in shown and "<i>y" not in shown and "<u>" not in shown and "&lt;b&gt;x" in shown


def test_no_wave_at_all_is_one_sentence() -> None:
    assert "Left out, each with its reason: 1" in (
        wave_picture(plan_waves([app("a", level="Not yet")], rules())).data or ""
    )


def test_a_ring_shows_its_edge_why_and_what_to_do_and_a_long_one_is_shortened() -> None:
    ring = [app(f"a{n:02}", f"a{(n + 1) % 12:02}", risk="high") for n in range(12)]
    html = cycle_table(plan_waves(ring, rules(size=3))).to_html()
    assert "7 more" in html and "ExternalName" in html and "costs 2 of 7" in html


def test_what_is_left_out_unknown_or_stays_is_in_one_table() -> None:
    plan = plan_waves([app("a", "ghost", "b"), app("b", level="Not yet")], rules())
    html = outside_table(plan).to_html()
    assert "no source knows it" in html and "the old side has to be reached" in html and "left out" in html


def test_long_tables_say_how_much_they_leave_out() -> None:
    plan = plan_waves(drawn(200, 900, 4), rules())
    assert f"30 of {len(plan.cycles)} rings" in cycle_table(plan).to_html()
    assert f"30 of {len(plan.shared)} databases" in shared_table(plan).to_html()
    assert "30 of" in outside_table(plan).to_html()
