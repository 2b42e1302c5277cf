"""Do both sides do the same business, per request."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.business import judge_figure
from runbook_lib.model import SIDES, Measurement, Outcome, Verdict, now

PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL
Pair = tuple[float | None, float | None]


def judged(figure: Pair, requests: Pair = (100_000, 100_000), orders: Pair = (20_000, 20_000)) -> Verdict:
    """The verdict on (legacy, kubernetes), tolerance 5 %."""
    pair = [Measurement("amount", value, "EUR", side, now(), "") for side, value in zip(SIDES, figure, strict=True)]
    counts: list[dict[str, float]] = [
        {str(side): n for side, n in zip(SIDES, two, strict=True) if n is not None} for two in (requests, orders)
    ]
    return judge_figure(pair, counts[0], counts[1], 0.05)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (judged((50_000, 50_000)), PASS),
        (judged((50_000, 52_000)), PASS),
        (judged((50_000, 45_000)), FAIL),  # amounts written 10 % too low
        (judged((50_000, 55_500)), FAIL),  # and too high is just as wrong
        (judged((50_000, 0)), FAIL),
        (judged((50_000, 5_000), requests=(100_000, 10_000), orders=(20_000, 2_000)), PASS),
        (judged((50_000, 4_500), requests=(100_000, 10_000), orders=(20_000, 150)), INCONCLUSIVE),
        (judged((None, 50_000)), INCONCLUSIVE),
        (judged((50_000, None)), INCONCLUSIVE),
        (judged((50_000, 50_000), requests=(100_000, 0)), INCONCLUSIVE),
        (judged((50_000, 50_000), requests=(100_000, None)), INCONCLUSIVE),
        (judged((50_000, 50_000), orders=(20_000, 29)), INCONCLUSIVE),
        (judged((50_000, 50_000), orders=(20_000, None)), INCONCLUSIVE),
        (judged((0, 50_000)), INCONCLUSIVE),
        (judged((0, 0), orders=(0, 0)), INCONCLUSIVE),
        (judged((math.nan, 50_000)), INCONCLUSIVE),
        (judged((50_000, math.nan)), INCONCLUSIVE),
        (judged((50_000, 50_000), requests=(math.nan, 100_000)), INCONCLUSIVE),
    ],
)
def test_a_figure_is_the_same_different_or_not_known(verdict: Verdict, outcome: Outcome) -> None:
    assert verdict.outcome is outcome


def test_the_sentence_holds_both_figures_the_unit_and_the_tolerance() -> None:
    assert judged((50_000, 45_000)).message == "0.45 EUR a request, old side 0.5: -10.0%, tolerated 5%"


COUNT = st.one_of(st.none(), st.floats(0, 1e9))


@given(st.tuples(COUNT, COUNT), st.tuples(COUNT, COUNT), st.tuples(COUNT, COUNT))
def test_any_figures_are_judged(figure: Pair, requests: Pair, orders: Pair) -> None:
    verdict = judged(figure, requests, orders)
    if verdict.outcome is not INCONCLUSIVE:
        assert all(requests)
        assert min(o or 0 for o in orders) >= 30


def test_sides_that_do_the_same_are_practically_never_told_apart() -> None:
    random = np.random.default_rng(1)
    orders = [(random.poisson(2000), random.poisson(500)) for _ in range(500)]
    failed = [o for o in orders if judged(o, (40_000, 10_000), o).outcome is FAIL]
    assert len(failed) <= 5
