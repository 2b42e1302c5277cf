"""What one Pod carries, from steps of load: held, gave way, or not known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.autoscaling import Demand, Standing, judge_reach, patch, propose
from runbook_lib.judge.knee import Burn, Cost, Knee, Step, cost, judge_load, knee, slows, standing, suffers
from runbook_lib.judge.rates import Interval
from runbook_lib.model import Outcome

HELD = Step(rate=100, seconds=10, sent=1000, failed=0, slow=0, late=0, throughput=100)
QUIET = Interval(60, 10_000, 0, 0, 0)


@pytest.mark.parametrize(
    ("changed", "how", "why"),
    [
        ({}, "held", ""),
        ({"slow": 40}, "gave way", "40 of 1000 slow"),
        ({"failed": 40}, "gave way", "40 of 1000 failed"),
        ({"throughput": 60}, "gave way", "60 of 100 answered"),
        ({"slow": 12}, "unclear", "too few"),
        ({"sent": 100}, "unclear", "100 requests are too few"),
        ({"sent": 0, "throughput": 0}, "unclear", "0 requests"),
        ({"late": 80, "slow": 900}, "unclear", "the generator is the limit"),
        ({"late": 80}, "held", ""),  # in spite of our delay
    ],
)
def test_a_step_is_held_gives_way_or_cannot_tell(changed: dict[str, float], how: str, why: str) -> None:
    found, said = standing(replace(HELD, **changed), 0.01)  # type: ignore[arg-type]
    assert found == how
    assert why in said


@pytest.mark.parametrize(
    ("steps", "low", "high"),
    [
        ([], None, None),
        ([HELD], 100, None),
        ([HELD, replace(HELD, rate=150, slow=200)], 100, 150),
        ([replace(HELD, rate=50, sent=100), HELD], 100, None),
        ([replace(HELD, slow=200)], None, 100),
        ([replace(HELD, slow=200), replace(HELD, rate=200, throughput=200)], None, 100),  # luck above what gave way
        ([replace(HELD, sent=100)], None, None),
    ],
)
def test_the_capacity_lies_between_the_last_rate_held_and_the_first_that_was_not(
    steps: list[Step], low: float | None, high: float | None
) -> None:
    found = knee(steps, 0.01)
    assert (found.low, found.high) == (low, high)


STEPS = st.builds(
    Step,
    rate=st.integers(1, 500),
    seconds=st.just(10.0),
    sent=st.integers(0, 5000),
    failed=st.integers(0, 20),
    slow=st.integers(0, 200),
    late=st.just(0),
    throughput=st.floats(0, 600),
).map(lambda step: replace(step, failed=min(step.failed, step.sent), slow=min(step.slow, step.sent)))


@given(st.lists(STEPS, max_size=6), st.randoms())
def test_what_was_held_lies_below_what_was_not_in_whatever_order_the_steps_come(
    steps: list[Step], dice: object
) -> None:
    found = knee(steps, 0.01)
    assert found.low is None or found.high is None or found.low < found.high
    assert knee(list(reversed(steps)), 0.01).low == found.low
    assert found.low is None or any(standing(s, 0.01)[0] == "held" for s in steps if s.rate == found.low)


@given(st.floats(1e-5, 0.01), st.floats(0, 0.5), st.lists(st.integers(1, 2000), min_size=3, max_size=8, unique=True))
def test_the_cpu_of_a_request_is_found_beside_what_runs_without_any(
    each: float, idle: float, counts: list[int]
) -> None:
    found = cost([Burn(10.0, count, idle * 10 + each * count) for count in counts])
    assert found is not None
    assert math.isclose(found.request, each, rel_tol=0.02)
    assert math.isclose(found.idle, idle, abs_tol=0.02)


@pytest.mark.parametrize(
    "burns",
    [[], [Burn(1, 10, 0.1)] * 2, [Burn(1, 10, 0.1)] * 5, [Burn(0, 1, 1)] * 3, [Burn(1, n, 0.0) for n in (1, 2, 3)]],
)
def test_samples_that_tell_nothing_of_a_request_give_no_cost(burns: list[Burn]) -> None:
    assert cost(burns) is None


def test_a_cpu_that_falls_with_no_request_is_noise_and_the_request_costs_what_is_left() -> None:
    found = cost([Burn(1, 10, 0.001), Burn(1, 20, 0.02), Burn(1, 30, 0.04)])
    assert found is not None
    assert (found.idle, found.request > 0) == (0.0, True)


@pytest.mark.parametrize(
    ("before", "during", "stops"),
    [
        (QUIET, Interval(10, 3000, 0, 0, 0), False),
        (QUIET, Interval(10, 3000, 200, 0, 0), True),
        (QUIET, Interval(10, 3, 1, 0, 0), False),  # one request proves nothing
        (replace(QUIET, legacy_bad=1500), Interval(10, 3000, 450, 0, 0), False),  # it was so before
        (Interval(0, 0, 0, 0, 0), Interval(10, 3000, 300, 0, 0), True),
        (QUIET, Interval(0, 0, 0, 0, 0), False),
    ],
)
def test_the_old_side_suffers_when_it_surely_fails_or_slows_more_than_before(
    before: Interval, during: Interval, stops: bool
) -> None:
    assert bool(suffers(before, during, 0.01)) is stops
    assert bool(slows(before, during, 1.5)) is stops


@pytest.mark.parametrize(
    ("found", "steps", "stopped", "counted", "outcome", "says"),
    [
        (Knee(100, 150, "slow"), [HELD], "", 990.0, Outcome.PASS, "100 to 150 requests/s (slow)"),
        (Knee(100, None), [HELD], "", None, Outcome.PASS, "at least 100 requests/s"),
        (Knee(100, None), [HELD], "5 % of the users are on the new side", 990.0, Outcome.INCONCLUSIVE, "5 % of the us"),
        (Knee(100, None), [HELD], "", 20.0, Outcome.INCONCLUSIVE, "1000 requests were sent and 20 counted"),
        (Knee(None, 50, "slow"), [HELD], "", None, Outcome.INCONCLUSIVE, "less than 50 requests/s"),
        (Knee(None, None), [], "peak hours", None, Outcome.INCONCLUSIVE, "no step was made: peak hours"),
    ],
)
def test_the_capacity_is_known_or_it_is_said_why_not(
    found: Knee, steps: list[Step], stopped: str, counted: float | None, outcome: Outcome, says: str
) -> None:
    verdict = judge_load(found, steps, stopped, counted)
    assert verdict.outcome is outcome
    assert says in verdict.message


# the autoscaler

NOW = Standing(replicas=3, cores=0.1, autoscaler="web", least=3, most=12, threshold=70)
DEMAND = Demand(peak=450, usual=300, seen="14 days")


def test_the_proposal_holds_a_pod_at_seventy_percent_of_what_it_is_sure_to_carry() -> None:
    found = propose(Knee(100, 150), Cost(0.001, 0.0001, 0.01), DEMAND, NOW, head_room=1.5)
    assert found is not None
    assert (found.target, found.threshold, found.least, found.most) == (70.0, 80, 6, 10)
    assert "1.00 ± 0.20 ms of CPU a request" in found.why


def test_without_the_cpu_only_replicas_are_proposed_and_without_a_capacity_nothing() -> None:
    found = propose(Knee(100, None), None, DEMAND, NOW, 1.5)
    assert found is not None
    assert "metrics" not in patch(found, NOW, "web", "shop")["spec"]
    assert propose(Knee(None, 50), None, DEMAND, NOW, 1.5) is None
    assert propose(Knee(100, None), None, replace(DEMAND, peak=0), NOW, 1.5) is None


def test_of_a_pod_that_never_gave_way_no_threshold_follows() -> None:
    found = propose(Knee(100, None), Cost(0.001, 0.0001, 0.01), DEMAND, NOW, 1.5)
    assert found is not None
    assert (found.threshold, found.most) == (None, 10)
    assert "it never gave way: for a threshold raise load_test.most" in found.why


def test_the_patch_names_the_autoscaler_that_is_there() -> None:
    found = propose(Knee(100, 150), Cost(0.001, 0, 0), DEMAND, NOW, 1.5)
    assert found is not None
    there, fresh = (patch(found, now, "shop-web", "shop") for now in (NOW, Standing(3, 0.1)))
    assert (there["metadata"]["name"], fresh["metadata"]["name"]) == ("web", "shop-web")
    assert there["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == found.threshold


@pytest.mark.parametrize(
    ("found", "demand", "now", "outcome"),
    [
        (Knee(100, 150), DEMAND, NOW, Outcome.PASS),
        (Knee(30, 35), DEMAND, NOW, Outcome.FAIL),
        (Knee(30, 40), DEMAND, NOW, Outcome.INCONCLUSIVE),
        (Knee(30, None), DEMAND, NOW, Outcome.INCONCLUSIVE),
        (Knee(100, None), DEMAND, Standing(3, 0.1), Outcome.INCONCLUSIVE),
        (Knee(None, None), DEMAND, NOW, Outcome.INCONCLUSIVE),
        (Knee(None, 10), DEMAND, NOW, Outcome.FAIL),
        (Knee(100, None), None, NOW, Outcome.INCONCLUSIVE),
    ],
)
def test_as_many_pods_as_there_may_be_must_carry_the_peak(
    found: Knee, demand: Demand | None, now: Standing, outcome: Outcome
) -> None:
    assert judge_reach(found, demand, now).outcome is outcome


@given(st.floats(1, 1e4), st.floats(1, 1e5), st.floats(0, 1), st.floats(1, 3))
def test_the_proposed_replicas_always_carry_what_they_are_for(
    low: float, peak: float, part: float, head_room: float
) -> None:
    found = propose(Knee(low, None), None, Demand(peak, part * peak, "x"), NOW, head_room)
    assert found is not None
    assert found.least < found.most
    assert found.most * found.target >= head_room * peak * 0.999
    assert (found.least - 1) * found.target >= part * peak * 0.999
