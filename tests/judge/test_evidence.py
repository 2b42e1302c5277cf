"""E-processes: the fast form is the plain one, and what they promise holds by seeded simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from runbook_lib.judge import evidence
from runbook_lib.judge.evidence import Counts
from runbook_lib.judge.rates import Interval, RateLimits, counts_of, judge_rate
from runbook_lib.judge.two_by_two import log_factor
from runbook_lib.model import Outcome

ALPHA = 0.01
FEW = st.integers(0, 60)


@st.composite
def interval(draw: st.DrawFn) -> Interval:
    """Few and common bad requests, also none, so that both forms and their seam are met."""
    old, new = draw(FEW), draw(FEW)
    return Interval(15, old, draw(st.integers(0, old)), new, draw(st.integers(0, new)))


def plain(intervals: list[Interval], margin: float, stage_begins: int) -> float:
    """The e-process as it is written down: one interval, one alternative, one beginning after the other."""
    ratios, nulls, shares = evidence.alternatives(margin)
    parts = [[-math.inf] for _ in ratios]  # of each alternative, the logarithm of each process that has begun
    seen = np.zeros(4)
    highest, number, begun_in_stage = 0.0, 0, None
    for at, i in enumerate(intervals):
        values = np.array([i.kubernetes_requests, i.kubernetes_bad, i.legacy_requests, i.legacy_bad])
        both = values[0] > 0 and values[2] > 0
        is_common = both and seen[1] + seen[3] > evidence.COMMON * (seen[0] + seen[2])
        if both and (is_common or values[1] + values[3] > 0):
            share = 0.85 if number == 0 else 0.0875 / evidence._HARMONIC / (number + 1)
            if at >= stage_begins and number > 0 and begun_in_stage in (None, number):
                share, begun_in_stage = 1 / 256, number
            base = min(max((seen[3] + 0.5) / (seen[2] + 1), 1e-9), 0.9)
            for row, (ratio, null) in enumerate(zip(ratios, nulls, strict=True)):
                new, new_bad, old, old_bad = values
                if is_common:
                    n, x, n_old, x_old, b = (np.array([float(v)]) for v in (new, new_bad, old, old_bad, base))
                    step = float(log_factor(n, x, n_old, x_old, b, ratio, null)[0])
                else:
                    theta, theta_null = ratio * new / (ratio * new + old), null * new / (null * new + old)
                    step = new_bad * math.log(theta / theta_null) + old_bad * math.log((1 - theta) / (1 - theta_null))
                parts[row] = [p + step for p in [*parts[row], math.log(share)]]
            tops = [max(p) + math.log(s) for p, s in zip(parts, shares, strict=True)]
            highest = max(highest, float(logsumexp(tops)))
            number += 1
        seen = seen + np.where(both, values, [values[0], 0, values[2], 0])
    return math.exp(min(highest, 700))


@settings(max_examples=40)
@given(st.lists(interval(), max_size=8), st.integers(0, 12), st.sampled_from([1.0, 1.25, 3.0]))
def test_one_pass_over_arrays_is_the_process_as_it_is_written_down(
    intervals: list[Interval], begins: int, margin: float
) -> None:
    begins = min(begins, len(intervals))
    fast = evidence.worse(counts_of(intervals), margin, begins)
    assert math.log(fast) == pytest.approx(math.log(plain(intervals, margin, begins)), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("margin", [0.5, 1.0, 1.25, 2.0, 10.0])
def test_every_alternative_is_worse_than_what_it_is_held_against_and_that_is_never_above_the_margin(
    margin: float,
) -> None:
    ratios, nulls, shares = evidence.alternatives(margin)
    assert (ratios > nulls).all()
    assert (nulls <= margin).all()
    assert (nulls >= min(margin, 1.0)).all()
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("stage_begins", [0, 1, 700, 1500])
def test_no_more_than_all_of_the_evidence_is_given_to_beginnings(stage_begins: int) -> None:
    counted = np.ones(2000, dtype=bool)
    shares = np.exp(evidence._beginnings(counted, stage_begins))
    assert shares.sum() + 15 / 256 <= 1  # fifteen more stages may come
    assert shares[stage_begins] >= 1 / 256


def test_evidence_of_many_beginnings_ends() -> None:
    counted = np.ones(evidence._BEGINNINGS + 50, dtype=bool)
    assert np.exp(evidence._beginnings(counted, 0)[-40:]).sum() == 0


# -- by seeded simulation: what the statistics promise -----------------------------------------------------------------


def passages(
    count: int,
    old_rate: float,
    new_rate: float,
    weight: float,
    per_minute: float = 6000,
    bursts: float = 1,
    looks: int = 30,
) -> Counts:
    """So many passages at once, a look a minute."""
    random = np.random.default_rng(7)
    shape = (count, looks)
    swing = np.where(random.random(shape) < 0.2, bursts, 1.0)
    new, old = random.poisson(per_minute * weight, shape), random.poisson(per_minute * (1 - weight), shape)
    new_bad = random.binomial(new, np.minimum(new_rate * swing, 1))
    old_bad = random.binomial(old, np.minimum(old_rate * swing, 1))
    return Counts(np.full(shape, 60.0), *(c.astype(float) for c in (old, old_bad, new, new_bad)))


def fired(counts: Counts, margin: float = 1.25, common_above: float = evidence.COMMON) -> np.ndarray:
    """The look at which each passage fails; a large number where none does."""
    paths = evidence.worse_paths(counts, margin, 0, common_above)
    over = logsumexp(paths, axis=0) - math.log(len(paths)) >= math.log(1 / ALPHA)
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1, 10**6)


def share(first: np.ndarray) -> float:
    return float((first < 10**6).mean())


@pytest.mark.parametrize("bursts", [1, 20])
@pytest.mark.parametrize("weight", [0.01, 0.3])
@pytest.mark.parametrize("margin", [1.0, 1.25])
def test_identical_sides_are_wrongly_failed_in_no_more_passages_than_alpha(
    bursts: float, weight: float, margin: float
) -> None:
    assert share(fired(passages(1000, 0.001, 0.001, weight, bursts=bursts), margin)) <= ALPHA


@pytest.mark.parametrize("rate", [0.06, 0.2, 0.5])
@pytest.mark.parametrize("bursts", [1, 1.8])
def test_identical_sides_with_common_failures_are_wrongly_failed_no_more_often(rate: float, bursts: float) -> None:
    assert share(fired(passages(1000, rate, rate, 0.1, per_minute=600, bursts=bursts), margin=1.0)) <= ALPHA


def test_where_failures_are_common_the_form_for_proportions_finds_more() -> None:
    counts = passages(500, 0.5, 0.75, 0.2, per_minute=60)
    proportions, poisson = fired(counts), fired(counts, common_above=2.0)
    assert share(proportions) > 0.9
    assert share(poisson) < 0.1


def test_the_mean_of_the_factor_for_proportions_is_at_most_one_wherever_the_null_is_true() -> None:
    new, old = 3, 5
    old_bad, new_bad = np.meshgrid(np.arange(old + 1.0), np.arange(new + 1.0))
    for null, ratio in ((1.25, 4.0), (1.0, 2.0), (10.0, 2.0), (2.0, 0.5)):
        for base in (0.05, 0.3, 0.8):
            sizes = (np.full_like(old_bad, v) for v in (new, old))
            new_n, old_n = sizes
            factor = np.exp(log_factor(new_n, new_bad, old_n, old_bad, np.full_like(old_bad, base), ratio, null))
            for old_rate in np.linspace(0.01, 0.99, 25):
                worst = null * old_rate if ratio > null else max(null * old_rate, 0)
                rates = np.linspace(0, min(worst, 1), 7) if ratio > null else np.linspace(min(worst, 1), 1, 7)
                for new_rate in rates if worst <= 1 or ratio > null else []:
                    chance = _binomial(new, new_bad, new_rate) * _binomial(old, old_bad, old_rate)
                    assert (factor * chance).sum() <= 1 + 1e-9


def _binomial(count: int, bad: np.ndarray, rate: float) -> np.ndarray:
    ways = np.vectorize(lambda x: math.comb(count, int(x)))(bad)
    return np.asarray(ways * rate**bad * (1 - rate) ** (count - bad))


def test_ten_times_the_failures_at_1_percent_are_found_in_seven_minutes() -> None:
    first = fired(passages(1000, 0.001, 0.01, 0.01))
    assert share(first) >= 0.99
    assert np.median(first) <= 7


def test_many_passages_at_once_are_judged_as_each_alone() -> None:
    counts = passages(30, 0.001, 0.005, 0.01)
    limits = RateLimits(margin=1.25, rule_out=0.01, absolute=0.01, alpha=ALPHA, breaker_requests=10**9)
    for row, first in enumerate(fired(counts)):
        rows = zip(*(column[row].tolist() for column in vars(counts).values()), strict=True)
        verdict = judge_rate("failed requests", [Interval(*i) for i in rows], limits)
        assert (verdict.outcome is Outcome.FAIL) == (first < 10**6)
