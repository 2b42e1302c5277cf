"""Every planted line of sixty source trees is found, and none that only looks like one."""

from __future__ import annotations

from collections import defaultdict

from fleet.plan import LANGUAGES
from fleet.score import lacking, scored, told
from fleet.sources import features
from fleet.truth import Place, Truth

from runbook_lib.judge.assessment import Assessment

Found = tuple[str, Place]


def _found(assessments: dict[str, Assessment]) -> dict[Found, str]:
    """What was found, and by which rule."""
    return {
        (one.name, Place(finding.file, finding.line, finding.object)): finding.check
        for one in assessments.values()
        for finding in one.findings
    }


def _true(truth: Truth) -> set[Found]:
    return {(one.name, place) for one in truth.applications.values() for place in one.planted}


def test_every_topic_is_found_where_it_is_planted_and_nowhere_else(
    truth: Truth, assessments: dict[str, Assessment]
) -> None:
    scores = scored(_found(assessments), _true(truth), lambda item: item[1].topic)
    told("source, by topic", scores)
    assert lacking(scores) == []
    assert sum(len(score.right) for score in scores.values()) >= 300


def test_every_topic_is_found_in_every_language(truth: Truth, assessments: dict[str, Assessment]) -> None:
    def kind(item: Found) -> str:
        return f"{truth.applications[item[0]].language} {item[1].topic}"

    scores = scored(_found(assessments), _true(truth), kind)
    told("source, by language and topic", scores)
    assert lacking(scores) == []
    assert {f"{language} {topic}" for language in LANGUAGES for topic in features(language)} <= set(scores)


def test_every_rule_that_finds_something_is_right(truth: Truth, assessments: dict[str, Assessment]) -> None:
    found, true = _found(assessments), _true(truth)
    by_rule: dict[str, set[Found]] = defaultdict(set)
    for item, rule in found.items():
        by_rule[rule].add(item)
    scores = {}
    for rule, items in sorted(by_rule.items()):
        scores |= scored(items, items & true, lambda _, rule=rule: rule)  # type: ignore[misc]
    told("source, by rule", scores)
    assert lacking(scores) == []
    assert len(scores) >= 40


def test_nothing_that_only_looks_alike_is_reported(truth: Truth, assessments: dict[str, Assessment]) -> None:
    alike = {(one.name, place) for one in truth.applications.values() for place in one.alike}
    found = set(_found(assessments))
    print(f"\nlook-alikes: {len(alike)} planted, {len(alike & found)} reported")
    assert alike & found == set()
    assert len(alike) >= 300
