"""The acceptance report as a page, and the list of what is left as files to hand over."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.judge.acceptance import Figure, Known, acceptance
from runbook_lib.model import Change, Outcome, Verdict
from runbook_lib.observe.old_side.leftovers import Leftover
from runbook_lib.pages.acceptance import Report, as_csv, as_markdown, change, course, render, value, weights_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LEFT = (
    Leftover("firewall rules", "ask for 10.0.0.11", "all instances", False, "network team"),
    Leftover("grant by address", "=cmd|' /C calc'!A0", "vm-1", True),
)
FIGURES = acceptance(
    {"cores_paid": Known(6.0, "host facts"), "p99": Known(0.2, "Prometheus over 14 d")},
    {"cores_paid": Known(3.0, "requests of 6 Pods"), "p99": Known(0.3, "Prometheus over 28 d")},
)
REPORT = Report(
    application="order-service",
    owner="shop <orders>",
    run="20261120t120000z-decommission",
    at=NOW,
    began=NOW - 42 * DAY,
    since=NOW - 28 * DAY,
    gone=tuple(Change(f"retire vm-{n}", None, None, True, NOW, "stopped") for n in (1, 2)),
    machines=2,
    verdicts=(Verdict("silence", Outcome.PASS, "0 requests in 28 d"),),
    approved="anna, ben (kept for four weeks)",
    figures=tuple(FIGURES),
    worth=(),
    leftovers=LEFT,
    weights=((NOW - 40 * DAY, 1.0), (NOW - 28 * DAY, 100.0)),
    drills=(NOW - 21 * DAY,),
    rollbacks=0,
)


def test_the_page_says_first_what_became_of_it_and_loads_nothing() -> None:
    page = render(REPORT)
    assert "2 of 2 virtual machines are gone." in page
    assert "1 are better than before, 1 worse (99 of 100 requests within)" in " ".join(page.split())
    assert "6 cores → <b>3 cores</b>" in page
    assert "not known" in page  # what nobody measured
    assert "shop &lt;orders&gt;" in page
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert 'href="http' not in page


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (6.0, 3.0, "-50 %"),
        (17.0, 30.0, "+76 %"),
        (2.0, 18.0, "9.0 x"),
        (14.0, 0.03, "467 x less"),
        (1.0, 0.0, "-100 %"),
    ],
)
def test_a_change_is_told_as_people_would(before: float, after: float, told: str) -> None:
    assert change(Figure("cores", "", "machines", Known(before), Known(after))) == told


def test_while_a_machine_is_left_the_page_claims_no_end() -> None:
    kept = replace(REPORT.gone[1], done=False, note="dry run: nothing was changed")
    page = render(replace(REPORT, gone=(REPORT.gone[0], kept)))
    assert "runs on Kubernetes alone" not in page
    assert "1 of 2 virtual machines are gone" in page


def test_the_list_goes_to_a_spreadsheet_which_runs_nothing_of_it() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(LEFT))))
    assert [row["owner"] for row in rows] == ["network team", ""]
    assert [row["known"] for row in rows] == ["look", "found"]
    assert rows[1]["where"].startswith("'=cmd")
    assert {"done on", "done by"} <= set(rows[0])


def test_each_owner_gets_a_list_to_tick_off_and_nobodys_comes_last() -> None:
    text = as_markdown(LEFT, "order-service", NOW)
    assert text.index("## network team") < text.index("## Nobody is named yet")
    assert "- [ ] firewall rules: ask for 10.0.0.11, all instances (look: no runbook can read it)" in text


def test_the_course_begins_at_nought_and_is_empty_where_nobody_knows_the_beginning() -> None:
    drawn = course(REPORT)
    assert str(drawn["path"]).startswith("M0,120 L36.2,120.0 L36.2,118.9")
    assert drawn["since"] == 253.3
    assert course(replace(REPORT, began=None)) == {}
    changes = [
        {"what": "traffic weight", "done": True, "after": 5, "at": "2026-11-02T00:00:00Z"},
        {"what": "traffic weight", "done": True, "after": 1, "at": "2026-11-01T00:00:00Z"},
        {"what": "retire vm-1", "done": True, "after": 1, "at": "2026-11-03T00:00:00Z"},
    ]
    assert [weight for _, weight in weights_of(changes)] == [1.0, 5.0]


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [(None, "min", "not known"), (14.0, "min", "14 min"), (0.0318, "min", "1.91 s"), (0.0, "min", "0 min"),
     (0.0318, "cores", "0.0318 cores"), (12345.0, "EUR", "12,345 EUR")],
)  # fmt: skip
def test_a_figure_is_written_as_a_person_reads_it(number: float | None, unit: str, shown: str) -> None:
    assert value(number, unit) == shown
