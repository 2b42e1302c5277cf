"""All verdicts of a stage from its observations and limits alone: gaps, somebody else's hand, thresholds by weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.observation import Observation, Pods, from_line, to_line
from runbook_lib.judge.rates import Interval, RateLimits
from runbook_lib.judge.stage import StageLimits, judge_stage, kills_between, not_seen, restart_limit, restarts_between
from runbook_lib.model import Outcome, Verdict, worst

START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
RATE = RateLimits(1.25, 0.01, 0.01, 0.005)
LIMITS = StageLimits(30, RATE, RATE, 3, 15, 3, 300, "5min", None, 120, "anna (phone)")
NEW, OLD = 450.0, 1050.0  # requests in 15 s at 30 %


def tick(second: float, bad: float = 0, seconds: float = 15, share: float = 0.3, **more: Any) -> Observation:
    total = (NEW + OLD) * seconds / 15
    counts = Interval(seconds, total * (1 - share), 0, total * share, bad * total * share)
    slow = replace(counts, kubernetes_bad=0)
    seen: dict[str, Any] = {
        "errors": counts,
        "slow": slow,
        "pods": Pods(2, 2),
        "alerts": (),
        "weight": 30,
        "bound": 0.5,
    }
    return Observation(START + timedelta(seconds=second), **{**seen, "seconds": seconds, **more})


def stage(*later: Observation) -> list[Observation]:
    """A stage that began well: the first look, and ten good ticks."""
    return [tick(0, errors=None, slow=None), *(tick(15 * n) for n in range(1, 11)), *later]


def named(observations: Sequence[Observation], name: str, limits: StageLimits = LIMITS, **more: Any) -> Verdict:
    return next(v for v in judge_stage(observations, limits, **more) if v.name == name)


def test_a_good_stage_passes_in_every_criterion() -> None:
    verdicts = judge_stage(stage(), LIMITS)
    assert {v.outcome for v in verdicts} == {Outcome.PASS}
    assert [v.name for v in verdicts] == [
        "failed requests",
        "requests over 0.5 s",
        "traffic split",
        "traffic weight",
        "Pod restarts",
        "OOM kills",
        "ready Pods",
        "alerts",
    ]


def test_the_first_look_alone_decides_nothing() -> None:
    verdicts = judge_stage(stage()[:1], LIMITS)
    assert worst(verdicts) is Outcome.INCONCLUSIVE
    assert not any(v.trigger for v in verdicts)


UNKNOWN = {"errors": None, "slow": None, "pods": None, "alerts": None, "weight": None}


@pytest.mark.parametrize("missing", ["pods", "alerts", "weight"])
def test_what_nobody_could_tell_holds_the_stage(missing: str) -> None:
    verdicts = judge_stage(stage(tick(165, **{missing: None})), LIMITS)
    assert worst(verdicts) is Outcome.INCONCLUSIVE
    assert not any(v.trigger for v in verdicts)


def test_cannot_measure_is_a_state_of_its_own_never_a_pass_and_never_a_trigger() -> None:
    blind = [tick(150 + 15 * n, **UNKNOWN, problem="Prometheus does not answer") for n in range(1, 10)]
    said = [named(stage(*blind[:n]), "measurement") for n in (1, 9)]
    assert [v.outcome for v in said] == [Outcome.INCONCLUSIVE] * 2
    assert said[0].message == "no measurement for 15 s: Prometheus does not answer"
    assert said[1].message.endswith(
        "no measurement for 135 s: Prometheus does not answer; the weight is held, call anna (phone)"
    )
    assert not any(v.trigger or v.outcome is Outcome.FAIL for v in judge_stage(stage(*blind), LIMITS))


# -- gaps --------------------------------------------------------------------------------------------------------------

GAP = tick(150 + 3300, seconds=3300, gap=True)


def test_a_gap_is_named_with_its_times_and_is_not_observed_time() -> None:
    seen = stage(GAP, tick(3465))
    assert named(seen, "measurement").message == "no measurement from 02:02 to 02:57 UTC; not counted as observed"
    assert named(seen, "measurement").outcome is Outcome.PASS
    assert not_seen(seen) == timedelta(seconds=3300)


def test_a_gap_of_another_day_says_which() -> None:
    seen = stage(GAP, tick(150 + 86400))
    assert "from 20 Nov 02:02 to 20 Nov 02:57 UTC" in named(seen, "measurement").message


def test_what_grew_over_a_gap_is_no_sample_to_pass_on() -> None:
    few = [tick(0, errors=None, slow=None), tick(15, seconds=3), tick(3315, seconds=3300, gap=True)]
    verdict = named(few, "failed requests")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.numbers["kubernetes_requests"] == 90


def test_what_grew_over_a_gap_speaks_against_the_new_side() -> None:
    verdict = named(stage(replace(GAP, errors=tick(0, 0.3, 3300).errors)), "failed requests")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.trigger


def test_a_gap_without_counts_is_a_gap_all_the_same() -> None:
    seen = stage(replace(GAP, errors=None, slow=None), tick(3465))
    assert "02:02 to 02:57" in named(seen, "measurement").message
    assert worst(judge_stage(seen, LIMITS)) is Outcome.PASS


# -- the stages before -------------------------------------------------------------------------------------------------


def test_what_earlier_stages_saw_speaks_against_the_new_side_and_never_for_it() -> None:
    few = [tick(0, errors=None, slow=None), tick(15, seconds=1)]
    good, bad = [tick(-9000, seconds=600)], [tick(-9000, 0.02, seconds=600)]
    assert named(few, "failed requests", earlier=good).outcome is Outcome.INCONCLUSIVE
    assert named(few, "failed requests", earlier=[]).outcome is Outcome.INCONCLUSIVE
    worse = tick(15, 0.02, seconds=15)
    alone = named([few[0], worse], "failed requests").numbers["evidence_against"]
    assert named([few[0], worse], "failed requests", earlier=bad).numbers["evidence_against"] > alone


# -- the knob ----------------------------------------------------------------------------------------------------------


def test_a_weight_that_somebody_else_set_holds_the_stage_and_says_who_must_decide() -> None:
    moved = stage(*(tick(150 + 15 * n, share=0.5, weight=50) for n in range(1, 5)))
    verdict = named(moved, "traffic weight")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.message == (
        "somebody else moved the users from 30 % to 50 %; nothing is changed, "
        "whoever did it must decide: back to 30 %, or `runbook rollback`"
    )
    assert not any(v.trigger or v.outcome is Outcome.FAIL for v in judge_stage(moved, LIMITS))
    assert judge_stage(moved, LIMITS)[0] == verdict  # the first thing that is said


def test_users_that_somebody_else_brought_back_end_the_stage() -> None:
    verdict = named(stage(tick(165, share=0.0, weight=0)), "traffic weight")
    assert (verdict.outcome, verdict.trigger) == (Outcome.FAIL, True)
    assert verdict.message.endswith("from 30 % to 0 %: the stage was rolled back by somebody else")


def test_a_knob_that_makes_no_exact_share_is_held_against_the_one_that_it_made() -> None:
    nearest = [tick(15 * n, share=0.25, weight=25) for n in range(12)]
    assert named(nearest, "traffic weight").message == "25 % stands, the nearest to 30 % that the knob can make"
    assert worst(judge_stage(nearest, LIMITS)) is Outcome.PASS
    assert named([*nearest, tick(180, share=0.3, weight=30)], "traffic weight").outcome is Outcome.INCONCLUSIVE


def test_users_that_are_back_before_the_first_look_are_seen_to_be_back() -> None:
    assert named([tick(15 * n, share=0.0, weight=0) for n in range(3)], "traffic weight").trigger


def test_after_the_weight_stands_again_the_split_is_judged_from_then_on() -> None:
    moved = [tick(150 + 15 * n, share=0.5, weight=50) for n in range(1, 5)]
    back = [tick(210 + 15 * n) for n in range(1, 6)]
    seen = stage(*moved, *back)
    assert worst(judge_stage(seen, LIMITS)) is Outcome.PASS
    assert named(seen, "traffic split").numbers["kubernetes_requests"] == 3 * NEW  # the first two were still settling
    wrong = [tick(210 + 15 * n, share=0.5) for n in range(1, 9)]
    assert named(stage(*moved, *wrong), "traffic split").trigger


def test_a_split_that_is_wrong_while_the_knob_cannot_be_asked_is_no_trigger() -> None:
    wrong = [tick(15 * n, share=0.5) for n in range(1, 12)]
    assert named([tick(0, errors=None), *wrong], "traffic split").trigger
    held = named([tick(0, errors=None), *wrong, tick(180, share=0.5, weight=None)], "traffic split")
    assert (held.outcome, held.trigger) == (Outcome.INCONCLUSIVE, False)


# -- Pods, alerts, thresholds by weight --------------------------------------------------------------------------------


@pytest.mark.parametrize(("weight", "limit"), [(1, 1), (5, 1), (6, 3), (50, 3), (100, 3)])
def test_up_to_5_percent_a_single_restart_is_reason_enough(weight: int, limit: int) -> None:
    assert restart_limit(weight, 3) == limit


@pytest.mark.parametrize(
    ("restarts", "trigger"), [([0, 1, 1, 1], False), ([0, 1, 2, 3], True), ([1, 1, 1, 1], None), ([2, 0, 0, 0], None)]
)
def test_restarts_are_counted_from_look_to_look(restarts: list[int], trigger: bool | None) -> None:
    looks = [tick(15 * n, pods=Pods(2, 2, {"a/app": r} if r else {})) for n, r in enumerate(restarts)]
    verdict = named(looks, "Pod restarts")
    assert verdict.outcome is (Outcome.PASS if trigger is None else Outcome.FAIL)
    assert verdict.trigger == bool(trigger)


@pytest.mark.parametrize(
    ("before", "after", "restarts"),
    [
        ({}, {}, 0),
        ({"a": 1}, {"a": 1}, 0),
        ({"a": 1}, {"a": 3}, 2),
        ({"a": 5}, {"b": 1}, 1),  # a new Pod counts from zero, an old one that left takes nothing back
        ({"a": 5}, {"a": 0}, 0),
        ({"a": 1, "b": 1}, {"a": 2, "b": 3}, 3),
    ],
)
def test_restarts_are_counted_between_two_looks(before: dict[str, int], after: dict[str, int], restarts: int) -> None:
    assert restarts_between(Pods(1, 1, before), Pods(1, 1, after)) == restarts


@pytest.mark.parametrize(
    ("before", "after", "kills"),
    [
        ({}, {}, 0),
        ({"a": "12:00"}, {"a": "12:00"}, 0),  # from before the stage
        ({"a": "12:00"}, {"a": "12:05"}, 1),
        ({"a": "12:00"}, {}, 0),
        ({}, {"a": "12:00", "b": "12:00"}, 2),
    ],
)
def test_only_new_kills_count(before: dict[str, str], after: dict[str, str], kills: int) -> None:
    assert kills_between(Pods(1, 1, {}, before), Pods(1, 1, {}, after)) == kills


def test_restarts_between_two_slices_count() -> None:
    seen = stage(tick(4000, pods=Pods(2, 2, {"a/app": 3})))
    assert named(seen, "Pod restarts").numbers["restarts"] == 3


def test_an_alert_that_fired_and_is_over_is_told() -> None:
    seen = stage(tick(165, alerts=("Slow",)), tick(180))
    assert named(seen[:-1], "alerts").outcome is Outcome.FAIL
    assert named(seen, "alerts").message == "none is firing, before: Slow"


@pytest.mark.parametrize(("share", "outcome"), [(None, Outcome.INCONCLUSIVE), (0.2, Outcome.PASS), (0.3, Outcome.FAIL)])
def test_throttling_is_evaluated_and_is_no_trigger(share: float | None, outcome: Outcome) -> None:
    verdict = named(stage(tick(165, throttled=share)), "CPU throttling", replace(LIMITS, throttled=0.25))
    assert (verdict.outcome, verdict.trigger) == (outcome, False)


# -- anything at all ---------------------------------------------------------------------------------------------------

TICKS = st.builds(
    lambda bad, share, **more: (bad, share, more),
    st.sampled_from([0.0, 0.01, 0.3]),
    st.sampled_from([0.0, 0.3, 0.5]),
    pods=st.sampled_from([None, Pods(2, 2), Pods(2, 0), Pods(2, 1, {"a": 2}), Pods(0, 0, {}, {"a": "12:00"})]),
    alerts=st.sampled_from([None, (), ("Slow",)]),
    weight=st.sampled_from([None, 0, 30, 50]),
    gap=st.booleans(),
    problem=st.sampled_from(["", "down"]),
)


@given(st.lists(TICKS, min_size=1, max_size=8))
def test_whatever_was_observed_the_same_comes_out_of_the_lines_and_no_data_never_pass(ticks: list[Any]) -> None:
    seen = []
    for number, (bad, share, more) in enumerate(ticks):
        counts = {"errors": None, "slow": None} if more["problem"] else {}
        seen.append(tick(15 * number, bad, share=share, **{**more, **counts}))
    verdicts = judge_stage(seen, LIMITS)
    assert judge_stage([from_line(to_line(o)) for o in seen], LIMITS) == verdicts
    if not any(o.errors and not o.gap for o in seen) or seen[-1].problem:
        assert worst(verdicts) is not Outcome.PASS
    if not any(o.errors for o in seen):
        assert not any(v.trigger for v in verdicts if "requests" in v.name or "split" in v.name)
