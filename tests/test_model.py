"""What flows between the steps is ordered, frozen and has one written form."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model import Change, Measurement, Outcome, Verdict, canonical, digest, now, plain, worst

PASS, INCONCLUSIVE, FAIL = (Verdict("x", outcome, "") for outcome in Outcome)


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([], Outcome.INCONCLUSIVE),
        ([PASS], Outcome.PASS),
        ([PASS, INCONCLUSIVE, PASS], Outcome.INCONCLUSIVE),
        ([INCONCLUSIVE, FAIL, PASS], Outcome.FAIL),
    ],
)
def test_the_worst_wins_and_nothing_is_inconclusive(verdicts: list[Verdict], outcome: Outcome) -> None:
    assert worst(iter(verdicts)) is outcome


def test_what_was_judged_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PASS.outcome = Outcome.FAIL  # type: ignore[misc]


def test_the_plain_form_is_json_with_names_and_utc() -> None:
    east = datetime(2026, 11, 20, 13, 30, tzinfo=timezone(timedelta(hours=1)))
    measured = Measurement("errors", None, "%", "legacy", east, "up")
    change = Change("weight", {1: measured}, [Outcome.PASS, {"a"}, (1,)], True, east)
    found = json.loads(canonical(change))
    assert found["before"]["1"]["at"] == "2026-11-20T12:30:00.000Z"
    assert found["before"]["1"]["value"] is None
    assert found["after"] == ["PASS", ["a"], [1]]


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=6))
def test_the_digest_depends_on_what_is_said_and_not_on_its_order(value: dict[str, object]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))
    assert digest(value) != digest({**value, "one more": 1})
    assert digest(canonical(value)) == digest(value)


def test_a_changed_verdict_has_another_digest() -> None:
    verdict = Verdict("errors", Outcome.PASS, "0.1 % <= 1 %", {"rate": 0.001})
    changed = dataclasses.replace(verdict, numbers={"rate": 0.002})
    assert digest([verdict]) != digest([changed])
    assert plain(verdict)["trigger"] is False


def test_now_is_utc_to_the_millisecond() -> None:
    assert now().tzinfo is UTC
    assert now().microsecond % 1000 == 0
