"""A waiver takes a finding out of the count and out of no list; one that is over, needless or misnamed is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml

from runbook_lib.artefacts import Policy, Waiver
from runbook_lib.judge.fitness import asked
from runbook_lib.judge.house import by_policy
from runbook_lib.judge.workload.judge import order, verdicts
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.policy import KEYS, read_policy

TODAY = date(2026, 11, 20)
OPEN = Finding("liveness", "Alive", Outcome.FAIL, "blocking", "Deployment/shop, container web", "no probe")
WAIVER = Waiver("liveness", "anna", "a batch of one", date(2026, 11, 20), "Deployment/shop", 3)


def held(waiver: Waiver | None, *findings: Finding, **policy: object) -> list[Finding]:
    given = Policy(waivers=(waiver,) if waiver else (), file="policy.yaml")
    return by_policy(findings or (OPEN,), replace(given, **policy), ("liveness", "readiness"), TODAY)  # type: ignore[arg-type]


def blocking(findings: list[Finding]) -> Outcome:
    return next(v.outcome for v in verdicts(findings) if v.name == "blocking checks")


@pytest.mark.parametrize("about", ["Deployment/shop", "Deployment/*", OPEN.object, "*"])
def test_a_waiver_covers_an_object_and_its_containers_on_its_last_day_too(about: str) -> None:
    (found,) = held(replace(WAIVER, object=about))
    assert found.outcome is Outcome.FAIL
    assert found.waived == "anna until 2026-11-20: a batch of one"
    assert blocking([found]) is Outcome.PASS
    assert "1 waived" in verdicts([found])[0].message


def test_no_answer_can_be_answered_for_by_a_person() -> None:
    (found,) = held(WAIVER, replace(OPEN, outcome=Outcome.INCONCLUSIVE))
    assert found.waived and blocking([found]) is Outcome.PASS


@pytest.mark.parametrize("change", [{"object": "Deployment/sho"}, {"check": "readiness"}, {"object": "web"}])
def test_a_waiver_covers_nothing_else_and_is_then_needless(change: dict[str, str]) -> None:
    first, second = held(replace(WAIVER, **change))  # type: ignore[arg-type]
    assert not first.waived and blocking([first, second]) is Outcome.FAIL
    assert (second.check, second.severity, second.line) == ("policy-needless", "info", 3)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("Deployment/shop", "covers nothing: nothing is open there, take it out"),
        ("Deployment/sho", "covers nothing: there is no such object; Deployment/shop is meant?"),
        ("CronJob/nightly", "covers nothing: there is no such object, take it out"),
    ],
)
def test_a_needless_waiver_says_whether_its_object_is_there(about: str, said: str) -> None:
    _, found = held(replace(WAIVER, object=about), replace(OPEN, outcome=Outcome.PASS))
    assert found.message.endswith(said)


def test_an_expired_waiver_counts_again_and_is_named() -> None:
    first, second = held(replace(WAIVER, expires=date(2026, 11, 19)))
    assert not first.waived and blocking([first, second]) is Outcome.FAIL
    assert (second.check, second.severity, second.file, second.line) == ("policy-expired", "warning", "policy.yaml", 3)
    assert "anna" in second.message and "2026-11-19" in second.message


def test_a_check_that_was_switched_off_until_yesterday_is_named() -> None:
    ended = Waiver("liveness", "anna", "once", date(2026, 11, 19), line=7)
    _, found = held(None, switched_off=(ended,))
    assert (found.check, found.line) == ("policy-expired", 7)
    assert "switching off liveness by anna ended" in found.message


def test_a_name_of_no_check_is_told_with_what_was_probably_meant() -> None:
    _, found = held(replace(WAIVER, check="livenes"))
    assert (found.check, found.severity) == ("policy-names", "warning") and "liveness is meant?" in found.message
    *_, found = held(None, severities={"hadolint": "info", "readines": "info"}, severity_lines={"readines": 9})
    assert found.line == 9 and "readines: there is no such check; readiness is meant?" in found.message


def test_nobody_answers_for_what_could_not_be_read() -> None:
    broken = replace(OPEN, check="manifest-readable")
    findings = held(replace(WAIVER, check="manifest-readable"), broken)
    assert not any(finding.waived for finding in findings)
    assert any(f.check == "policy-names" and "not read" in f.message for f in findings)


def test_what_blocks_without_an_answer_stands_before_warnings() -> None:
    asked, warned = replace(OPEN, outcome=Outcome.INCONCLUSIVE), replace(OPEN, severity="warning")
    assert sorted([warned, asked, OPEN], key=order) == [OPEN, asked, warned]


def test_what_is_waived_stands_behind_what_is_open_and_before_what_passed() -> None:
    open_, waived = replace(OPEN, outcome=Outcome.INCONCLUSIVE, severity="info"), replace(OPEN, waived="anna")
    good = replace(OPEN, outcome=Outcome.PASS)
    assert sorted([good, waived, open_], key=order) == [open_, waived, good]


def test_the_example_names_checks_that_there_are_and_every_key() -> None:
    example = Path(__file__).parents[2] / "parameters" / "policy.example.yaml"
    policy = read_policy(example, TODAY)
    said = by_policy([], policy, [one.id for one in asked()], TODAY)
    assert {finding.check for finding in said} == {"policy-needless"}
    assert set(yaml.load(example.read_text(), Loader=yaml.BaseLoader)) == set(KEYS)
