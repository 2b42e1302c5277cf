"""Events per Pod-hour, throttling by Pod, cost of a request, room below the limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.exposure import Exposure, judge_events
from runbook_lib.judge.resources import Use, judge_headroom, judge_per_request
from runbook_lib.judge.throttling import PodPeriods, judge_throttled_pods
from runbook_lib.model import Outcome

PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL


@pytest.mark.parametrize(
    ("new", "old", "allowed", "outcome"),
    [
        (None, None, 0.0, INCONCLUSIVE),
        (Exposure(0, 0), Exposure(3, 72), 0.0, INCONCLUSIVE),
        (Exposure(math.nan, 72), Exposure(3, 72), 0.0, INCONCLUSIVE),
        (Exposure(0, 72), None, 0.0, PASS),
        (Exposure(1, 72), None, 0.0, FAIL),
        (Exposure(0, 72), Exposure(0, 72), 0.0, PASS),
        (Exposure(0, 72), Exposure(9, 72), 0.0, PASS),
        (Exposure(2, 72), Exposure(2, 72), 0.0, INCONCLUSIVE),  # as many, yet too few to tell from twice as many
        (Exposure(40, 72), Exposure(60, 72), 0.0, PASS),
        (Exposure(7, 72), Exposure(0, 72), 0.0, FAIL),  # one in 128
        (Exposure(6, 72), Exposure(0, 72), 0.0, INCONCLUSIVE),  # one in 64
        (Exposure(3, 1), Exposure(3, 720), 0.0, FAIL),  # as many in much less time
        (Exposure(2, 72), None, 0.1, PASS),
        (Exposure(6, 72), None, 0.1, INCONCLUSIVE),
        (Exposure(20, 72), None, 0.1, FAIL),
        (Exposure(20, 72), Exposure(0, 0), 0.1, FAIL),  # the old side has no such counts
    ],
)
def test_events_are_counted_per_pod_hour(
    new: Exposure | None, old: Exposure | None, allowed: float, outcome: Outcome
) -> None:
    verdict = judge_events("restarts", new, old, 0.01, allowed)
    assert (verdict.outcome, verdict.trigger) == (outcome, False)


def test_the_sentence_on_events_holds_both_sides_the_bound_and_the_chance() -> None:
    said = judge_events("restarts", Exposure(7, 72), Exposure(0, 96), 0.01).message
    assert said.startswith(
        "7 in 72 Pod-hours, old side 0 in 96 Pod-hours; at most 0.183 an hour with 95% confidence; p = "
    )


@given(st.integers(0, 50), st.floats(0.1, 1000), st.integers(0, 50), st.floats(0.1, 1000))
def test_more_events_never_help(events: int, hours: float, old: int, old_hours: float) -> None:
    fewer, more = (judge_events("r", Exposure(n, hours), Exposure(old, old_hours), 0.01) for n in (events, events + 1))
    assert more.outcome >= fewer.outcome
    assert more.numbers["p"] <= fewer.numbers["p"]


def test_identical_sides_differ_in_no_more_cases_than_alpha() -> None:
    random = np.random.default_rng(5)
    pairs = random.poisson([5, 20], (2000, 2)).tolist()
    failed = [1 for new, old in pairs if judge_events("r", Exposure(new, 25), Exposure(old, 100), 0.01).outcome is FAIL]
    assert len(failed) <= 20


def pods(*shares: float, periods: float = 1000) -> list[PodPeriods]:
    return [PodPeriods(f"pod-{n}", share * periods, periods) for n, share in enumerate(shares)]


@pytest.mark.parametrize(
    ("seen", "outcome", "says"),
    [
        (None, INCONCLUSIVE, "no CPU periods"),
        ([], INCONCLUSIVE, "no CPU periods"),
        (pods(0.0, periods=99), INCONCLUSIVE, "no CPU periods"),
        (pods(0.0), PASS, "0% of the CPU periods of 1 Pods"),
        (pods(*[0.01] * 50, 0.6), FAIL, "worst pod-50 with 60%"),  # one Pod is throttled badly
        (pods(0.24, 0.25, 0.23, 0.24), PASS, "limit 25%"),
        (pods(0.05, 0.06, 0.05), PASS, "at most 6% with 95% confidence"),
        (pods(0.0, 0.0, 0.24), INCONCLUSIVE, "at most 31%"),  # the next Pod may be throttled worse
        ([*pods(0.05, 0.06, 0.05), PodPeriods("new", math.nan, 1000)], INCONCLUSIVE, "not known: new"),
    ],
)
def test_throttling_is_judged_by_pod(seen: list[PodPeriods] | None, outcome: Outcome, says: str) -> None:
    verdict = judge_throttled_pods(seen, 0.25)
    assert verdict.outcome is outcome
    assert says in verdict.message


def uses(amount: float, spread: float = 0.02, count: int = 4) -> list[Use]:
    return [Use(f"i{n}", amount * 1000 * (1 + spread * (-1) ** n), 1000) for n in range(count)]


@pytest.mark.parametrize(
    ("new", "old", "outcome"),
    [
        (uses(0.01), uses(0.01), PASS),
        (uses(0.011), uses(0.01), PASS),
        (uses(0.02), uses(0.01), FAIL),
        (uses(0.012), uses(0.01), INCONCLUSIVE),
        (uses(0.01, 0.5), uses(0.01), INCONCLUSIVE),
        (uses(0.01, count=1), uses(0.01), INCONCLUSIVE),
        (uses(0.01), [], INCONCLUSIVE),
        (uses(0.0), uses(0.01), INCONCLUSIVE),
        ([Use("a", math.nan, 9), Use("b", 1, 0)], uses(0.01), INCONCLUSIVE),
    ],
)
def test_what_a_request_costs_is_compared_with_a_margin(new: list[Use], old: list[Use], outcome: Outcome) -> None:
    assert judge_per_request("CPU", new, old, 0.2).outcome is outcome


@pytest.mark.parametrize(
    ("peaks", "limits", "outcome", "says"),
    [
        ({"a": 50.0, "b": 80.0}, {"a": 100.0, "b": 100.0}, PASS, "b peaks at 80 MiB, 80% of its limit; 10% stay free"),
        ({"a": 50.0, "b": 91.0}, {"a": 100.0, "b": 100.0}, FAIL, "b peaks at 91 MiB"),
        ({"a": 50.0}, {"a": 100.0, "b": 100.0}, INCONCLUSIVE, "not known: b"),
        ({"a": 50.0, "b": 95.0}, {"b": 100.0}, FAIL, "95% of its limit"),
        ({"a": 50.0}, {"a": 0.0}, INCONCLUSIVE, "no Pod has both"),
        ({"a": math.nan}, {"a": 100.0}, INCONCLUSIVE, "no Pod has both"),
        ({}, {}, INCONCLUSIVE, "no Pod has both"),
    ],
)
def test_room_below_the_limit_is_kept(
    peaks: dict[str, float], limits: dict[str, float], outcome: Outcome, says: str
) -> None:
    verdict = judge_headroom("memory", peaks, limits, 0.1, "MiB")
    assert verdict.outcome is outcome
    assert says in verdict.message
