"""Counts that need no statistics to be too many; what nobody said is never zero."""

from __future__ import annotations

import pytest

from runbook_lib.judge import pods
from runbook_lib.model import Outcome, Verdict

PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL


@pytest.mark.parametrize(
    ("verdict", "outcome", "trigger"),
    [
        (pods.judge_restarts(None, 0, "5min", 3), INCONCLUSIVE, False),
        (pods.judge_restarts(0, 0, "5min", 3), PASS, False),
        (pods.judge_restarts(1, 1, "5min", 3), FAIL, False),
        (pods.judge_restarts(9, 2, "5min", 3), FAIL, False),
        (pods.judge_restarts(3, 3, "5min", 3), FAIL, True),
        (pods.judge_restarts(1, 1, "5min", 1), FAIL, True),
        (pods.judge_out_of_memory(None), INCONCLUSIVE, False),
        (pods.judge_out_of_memory(0), PASS, False),
        (pods.judge_out_of_memory(1), FAIL, True),
        (pods.judge_ready(None, None), INCONCLUSIVE, False),
        (pods.judge_ready(3, None), INCONCLUSIVE, False),
        (pods.judge_ready(0, 0), INCONCLUSIVE, False),
        (pods.judge_ready(3, 3), PASS, False),
        (pods.judge_ready(4, 3), PASS, False),  # a surge
        (pods.judge_ready(2, 3), INCONCLUSIVE, False),
        (pods.judge_ready(0, 3), FAIL, True),
        (pods.judge_throttling(None, 0.25), INCONCLUSIVE, False),
        (pods.judge_throttling(0.0, 0.25), PASS, False),
        (pods.judge_throttling(0.25, 0.25), PASS, False),
        (pods.judge_throttling(0.26, 0.25), FAIL, False),
        (pods.judge_alerts(None), INCONCLUSIVE, False),
        (pods.judge_alerts([]), PASS, False),
        (pods.judge_alerts(["Down"]), FAIL, False),
    ],
)
def test_counts_are_judged(verdict: Verdict, outcome: Outcome, trigger: bool) -> None:
    assert (verdict.outcome, verdict.trigger) == (outcome, trigger)


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (pods.judge_restarts(4, 2, "5min", 3), "4 in this stage, 2 in the last 5min, limit 3"),
        (pods.judge_out_of_memory(2), "2, limit 0"),
        (pods.judge_ready(2, 3), "2 of 3"),
        (pods.judge_throttling(0.4, 0.25), "40% of the CPU periods, limit 25%"),
        (pods.judge_alerts(["Slow", "Down"]), "firing: Down, Slow"),
    ],
)
def test_the_sentence_holds_both_numbers(verdict: Verdict, says: str) -> None:
    assert verdict.message == says
