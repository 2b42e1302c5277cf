"""The page of a fleet and its table, for people and for spreadsheets."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runbook_lib.judge.fleet import Fleet
from runbook_lib.judge.waves import WaveRules, plan_waves
from runbook_lib.pages.fleet import as_csv, render
from tests.judge.test_fleet import judged
from tests.judge.waves.fleets import app, rules


def planned(names: dict[str, tuple[str, ...]], rules: WaveRules) -> Fleet:
    """A fleet of simple applications that need each other."""
    plan = plan_waves([app(name, *needs) for name, needs in names.items()], rules)
    return replace(judged(dict.fromkeys(names, ""), dict.fromkeys(names, 4)), plan=plan)


def page(fleet: Fleet) -> str:
    return render(fleet, "shop", "team", datetime(2026, 11, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("needs", "ring", "said"),
    [
        ({"a": ("b",), "b": ("a",)}, "b → a → b", "1 ring of applications that need each other is broken"),
        ({"a": ("a",), "b": ()}, "a → a", ""),
    ],
)
def test_a_ring_ends_where_it_begins_and_who_calls_itself_is_none(
    needs: dict[str, tuple[str, ...]], ring: str, said: str
) -> None:
    shown = page(planned(needs, rules()))
    assert f"<td>{ring}</td>" in shown
    assert ("need each other" in shown) is bool(said) and said in shown


def test_a_large_ring_is_shortened() -> None:
    names = [f"app-{number:03}" for number in range(300)]
    shown = page(planned(dict(zip(names, [(name,) for name in [*names[1:], names[0]]], strict=True)), rules()))
    assert "… 295 more …" in shown


def test_a_line_an_application_and_none_that_a_spreadsheet_runs() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(planned({"=1+1": (), "\tx": (), "a": ()}, rules())))))
    assert {line["application"] for line in lines} == {"'=1+1", "'\tx", "a"}
    assert {line["hosts"] for line in lines} == {"1"}
