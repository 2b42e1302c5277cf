"""Does the new side answer as it should, and do sessions live on both sides?"""

from dataclasses import replace

import pytest

from runbook_lib.judge import verification
from runbook_lib.model import Outcome
from runbook_lib.observe.sessions import Crossing
from runbook_lib.observe.smoke import Answer

ANSWER = Answer("web-a", "healthy", 200, 200, True, 0.1, 2.0)
CROSSING = Crossing("vm-1", "web-a", 200, 201, 401, 200)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (replace(ANSWER, status=None, error="ConnectionError"), "no answer (ConnectionError)"),
        (replace(ANSWER, status=500), "status 500 instead of 200"),
        (replace(ANSWER, body_as_expected=False), "the body lacks"),
        (replace(ANSWER, wrong=("a is not 1",)), "a is not 1"),
        (replace(ANSWER, seconds=2.5), "2.50 s > 2 s"),
    ],
)
def test_a_smoke_case_fails_by_status_body_or_time(answer: Answer, says: str) -> None:
    verdict = verification.smoke([ANSWER, answer])
    assert verdict.outcome is Outcome.FAIL
    assert says in verdict.message
    assert "1 of 2 answers" in verdict.message


def test_no_smoke_case_is_not_a_passed_smoke_test() -> None:
    assert verification.smoke([ANSWER]).outcome is Outcome.PASS
    assert verification.smoke([]).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("crossing", "outcome"),
    [
        (CROSSING, 0),
        (replace(CROSSING, status=401), 2),
        (replace(CROSSING, status=302), 2),
        (replace(CROSSING, status=None), 2),
        (replace(CROSSING, login=500), 2),
        (replace(CROSSING, forged=200), 1),  # the check says yes to everybody: it shows nothing
        (replace(CROSSING, again=401), 2),  # the other side wrote the session in a form that this one cannot read
        (replace(CROSSING, again=None), 2),
        (replace(CROSSING, login=None, status=None, unasked="no way there"), 1),
    ],
)
def test_a_session_lives_on_only_if_the_check_refuses_strangers(crossing: Crossing, outcome: int) -> None:
    assert verification.sessions([crossing]).outcome == outcome


def test_unchecked_sessions_are_not_known() -> None:
    assert verification.sessions([]).outcome is Outcome.INCONCLUSIVE


def test_the_worst_session_is_told_wherever_it_stands() -> None:
    lost = replace(CROSSING, used_on="web-b", status=401)
    verdict = verification.sessions([replace(CROSSING, forged=200), CROSSING, lost])
    assert (verdict.outcome, "web-b" in verdict.message) == (Outcome.FAIL, True)


def test_a_case_that_was_not_sent_is_not_known_and_a_fault_outweighs_it() -> None:
    unsent = replace(ANSWER, status=None, unasked="kubernetes.smoke_writes is not set")
    assert verification.smoke([ANSWER, unsent]).outcome is Outcome.INCONCLUSIVE
    assert "smoke_writes" in verification.smoke([ANSWER, unsent]).message
    assert verification.smoke([replace(ANSWER, status=500), unsent]).outcome is Outcome.FAIL
    assert verification.smoke([unsent]).outcome is Outcome.INCONCLUSIVE


def test_a_token_that_the_service_cannot_be_sent_is_enough_at_the_pods_but_not_the_other_way_round() -> None:
    service = replace(ANSWER, target="Service/web", status=None, unasked="the API server keeps it")
    assert verification.smoke([ANSWER, service]).outcome is Outcome.PASS
    assert verification.smoke([replace(ANSWER, case="other"), service]).outcome is Outcome.INCONCLUSIVE
    pod = replace(service, target="web-b")
    assert verification.smoke([ANSWER, pod]).outcome is Outcome.INCONCLUSIVE


def test_the_way_that_was_used_is_named() -> None:
    through = replace(ANSWER, target="web-b", way="API server")
    message = verification.smoke([ANSWER, through, through]).message
    assert message == "3 of 3 answers as expected on 2 targets (1 by way of API server, 1 by way of direct)"
