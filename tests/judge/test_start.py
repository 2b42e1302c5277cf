"""May a stage begin?"""

from __future__ import annotations

import pytest

from runbook_lib.judge.start import judge_capacity, judge_old_side, judge_predecessor
from runbook_lib.model import Outcome

PLANNED = [1, 5, 30, 100]


@pytest.mark.parametrize(
    ("weight", "standing", "outcome"),
    [
        (1, 0, Outcome.PASS),
        (1, 1, Outcome.PASS),  # a run that goes on
        (1, 5, Outcome.FAIL),
        (5, 1, Outcome.PASS),
        (5, 0, Outcome.FAIL),  # a stage was left out, or somebody brought the users back
        (30, 5, Outcome.PASS),
        (30, 7, Outcome.FAIL),
        (100, 30, Outcome.PASS),
        (100, 100, Outcome.PASS),
        (100, 0, Outcome.FAIL),
    ],
)
def test_a_stage_begins_where_the_one_before_it_stands(weight: int, standing: int, outcome: Outcome) -> None:
    verdict = judge_predecessor(weight, standing, PLANNED)
    assert verdict.outcome is outcome
    assert verdict.message.startswith(f"{standing} % of the users")


@pytest.mark.parametrize(
    ("alive", "outcome", "says"),
    [
        ({}, Outcome.INCONCLUSIVE, "no instance"),
        ({"vm-1": True}, Outcome.PASS, "1 of 1 answer"),
        ({"vm-2": False, "vm-1": True, "vm-3": False}, Outcome.FAIL, "1 of 3 answer; silent: vm-2, vm-3"),
        ({"vm-1": False}, Outcome.FAIL, "0 of 1 answer; silent: vm-1"),
    ],
)
def test_the_old_side_must_be_able_to_take_everybody_back(alive: dict[str, bool], outcome: Outcome, says: str) -> None:
    verdict = judge_old_side(alive)
    assert verdict.outcome is outcome
    assert says in verdict.message


@pytest.mark.parametrize(
    ("needed", "known", "outcome", "says"),
    [
        (300, {"vm-1": 150.0, "vm-2": 160.0}, Outcome.PASS, "300.0 requests/s now, both sides together; 2 instances"),
        (300, {"vm-1": 150.0, "vm-2": 140.0}, Outcome.PASS, "carry 290.0"),  # within what measuring blurs
        (300, {"vm-1": 150.0, "vm-2": 100.0}, Outcome.INCONCLUSIVE, "carry 250.0 (its busiest)"),
        (
            300,
            {"vm-1": 900.0, "vm-2": None},
            Outcome.INCONCLUSIVE,
            "not known of vm-2; give legacy.requests_per_second",
        ),
        (300, {}, Outcome.INCONCLUSIVE, "no instance of the old side answers"),
        (0, {"vm-1": 0.0}, Outcome.PASS, "0.0 requests/s"),
    ],
)
def test_the_old_side_must_be_known_to_carry_everybody(
    needed: float, known: dict[str, float | None], outcome: Outcome, says: str
) -> None:
    verdict = judge_capacity(needed, 0.0, known, "its busiest")
    assert verdict.outcome is outcome
    assert says in verdict.message


@pytest.mark.parametrize(
    ("carried", "known", "outcome"),
    [
        (300, {"vm-1": None}, Outcome.PASS),  # nobody was moved yet: it carries everybody now
        (290, {"vm-1": 1.0}, Outcome.PASS),
        (200, {"vm-1": 1.0}, Outcome.INCONCLUSIVE),
        (300, {}, Outcome.INCONCLUSIVE),  # whoever answers, it is no instance that is named
    ],
)
def test_what_the_old_side_carries_at_this_moment_is_proof(
    carried: float, known: dict[str, float | None], outcome: Outcome
) -> None:
    assert judge_capacity(300, carried, known, "its busiest").outcome is outcome
