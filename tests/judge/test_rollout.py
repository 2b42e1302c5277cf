"""Did the release arrive whole, and was going back possible."""

from dataclasses import replace

import pytest

from runbook_lib.judge import rollout
from runbook_lib.observe.workload.pods import PodState
from runbook_lib.observe.workload.rollout import Progress

DONE = Progress("web", 2, 3, 3, 3, 3, 3, True, False, "", "7")
POD = PodState("web-a", "10.0.0.1", 8080, True, 0, False, "node", ("image:1",), False)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (DONE, 0),
        (replace(DONE, total=4), 2),
        (replace(DONE, updated=2), 2),
        (replace(DONE, available=2), 2),
        (replace(DONE, observed=False), 2),
        (replace(DONE, wanted=0, total=0, updated=0, available=0), 1),
    ],
)
def test_a_rollout_is_complete_when_every_pod_is_new_and_available(state: Progress, outcome: int) -> None:
    assert rollout.complete(state).outcome == outcome


@pytest.mark.parametrize(
    ("pod", "endpoints", "outcome"),
    [
        (POD, {"10.0.0.1": True}, 0),
        (replace(POD, ready=False), {"10.0.0.1": True}, 2),
        (replace(POD, restarts=1), {"10.0.0.1": True}, 2),
        (replace(POD, oom=True), {"10.0.0.1": True}, 2),
        (POD, {"10.0.0.1": False}, 2),
        (POD, {}, 2),
        (replace(POD, terminating=True), {"10.0.0.1": True}, 1),
    ],
)
def test_a_pod_is_healthy_when_it_is_ready_unharmed_and_in_the_service(
    pod: PodState, endpoints: dict[str, bool], outcome: int
) -> None:
    assert rollout.healthy([pod], endpoints).outcome == outcome


@pytest.mark.parametrize(("ignored", "outcome"), [(0, 2), (1, 2), (2, 0)])
def test_pods_that_the_rollout_left_for_later_are_named_and_no_more_of_them_than_it_left(
    ignored: int, outcome: int
) -> None:
    pods = [POD, replace(POD, name="web-b", ready=False), replace(POD, name="web-c", ready=False)]
    verdict = rollout.healthy(pods, {"10.0.0.1": True}, ignored)
    assert verdict.outcome == outcome
    assert ("1 of 3 Pods ready" in verdict.message and "web-b, web-c" in verdict.message) == (outcome == 0)


@pytest.mark.parametrize(
    ("before", "changed", "after", "seconds", "outcome"),
    [("a", "b", "a", 4, 0), ("a", "b", "b", 4, 2), ("a", "b", "a", 61, 2), ("a", "a", "a", 4, 1)],
)
def test_a_drill_changes_the_template_and_brings_it_back_in_time(
    before: str, changed: str, after: str, seconds: float, outcome: int
) -> None:
    assert rollout.drill(before, changed, after, seconds, 60).outcome == outcome
