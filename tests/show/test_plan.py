"""What a stage could see, as a table that is read at the gate."""

from __future__ import annotations

import pytest

from runbook_lib.judge.alpha import share_alpha
from runbook_lib.judge.plan import Sight, sights
from runbook_lib.show.plan import alpha_table, sights_table


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (30, ["30 s", "sees it"]),
        (119, ["119 s", "sees it"]),
        (600, ["10 min", "sees it"]),
        (601, ["10 min", "is too short"]),
        (5 * 3600, ["5.0 h", "is too short"]),
        (3 * 86400, ["3.0 days", "is too short"]),
        (float("inf"), ["for ever", "is too short"]),
    ],
)
def test_a_regression_is_shown_with_the_time_that_it_takes_to_show(seconds: float, says: list[str]) -> None:
    html = sights_table([Sight(5, 0.001, 0.005, 2107, seconds, 1000)], 600).to_html()
    for words in ("0.10% → 0.50% (5 x)", "2,107", *says):
        assert words in html


def test_a_rate_above_all_requests_is_no_regression() -> None:
    html = sights_table(sights(1, 100, 0.3, 0.01), 600).to_html()
    assert "60.00%" in html
    assert "150.00%" not in html


def test_nothing_to_compare_with_is_an_empty_table() -> None:
    assert "<td" not in sights_table(sights(1, 100, 0.0, 0.01), 600).to_html()


def test_the_chance_of_a_false_alarm_is_shown_divided() -> None:
    html = alpha_table(share_alpha(("failed requests", "slow requests"), 0.01)).to_html()
    assert html.count("0.50%") == 2
