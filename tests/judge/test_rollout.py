"""Did the release arrive whole, and was going back possible."""

from dataclasses import replace

import pytest

from runbook_lib.judge import rollout
from runbook_lib.model import Outcome
from runbook_lib.observe.pods import PodState
from runbook_lib.observe.rollout import Progress
from runbook_lib.observe.smoke import Answer, Crossing

DONE = Progress("web", 2, 3, 3, 3, 3, 3, True, False, "", "7")
POD = PodState("web-a", "10.0.0.1", 8080, True, 0, False, "node", ("image:1",), "", False)
ANSWER = Answer("web-a", "healthy", 200, 200, True, 0.1, 2.0)
CROSSING = Crossing("vm-1", "web-a", 200, 201, 401)


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


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (replace(ANSWER, status=None, error="ConnectionError"), "no answer (ConnectionError)"),
        (replace(ANSWER, status=500), "status 500 instead of 200"),
        (replace(ANSWER, body_as_expected=False), "the body lacks"),
        (replace(ANSWER, seconds=2.5), "2.50 s > 2 s"),
    ],
)
def test_a_smoke_case_fails_by_status_body_or_time(answer: Answer, says: str) -> None:
    verdict = rollout.smoke([ANSWER, answer])
    assert verdict.outcome is Outcome.FAIL
    assert says in verdict.message
    assert "1 of 2 answers" in verdict.message


def test_no_smoke_case_is_not_a_passed_smoke_test() -> None:
    assert rollout.smoke([ANSWER]).outcome is Outcome.PASS
    assert rollout.smoke([]).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("crossing", "outcome"),
    [
        (CROSSING, 0),
        (replace(CROSSING, status=401), 2),
        (replace(CROSSING, status=302), 2),
        (replace(CROSSING, status=None), 2),
        (replace(CROSSING, login=500), 2),
        (replace(CROSSING, forged=200), 1),  # the check says yes to everybody: it shows nothing
    ],
)
def test_a_session_lives_on_only_if_the_check_refuses_strangers(crossing: Crossing, outcome: int) -> None:
    assert rollout.sessions([crossing]).outcome == outcome


def test_unchecked_sessions_are_not_known() -> None:
    assert rollout.sessions([]).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("before", "changed", "after", "seconds", "outcome"),
    [("a", "b", "a", 4, 0), ("a", "b", "b", 4, 2), ("a", "b", "a", 61, 2), ("a", "a", "a", 4, 1)],
)
def test_a_drill_changes_the_template_and_brings_it_back_in_time(
    before: str, changed: str, after: str, seconds: float, outcome: int
) -> None:
    assert rollout.drill(before, changed, after, seconds, 60).outcome == outcome
