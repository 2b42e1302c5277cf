"""What an assessment says of sixty applications, held against what is true of them: drift, class, mode, size, words."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from fleet.score import Score, lacking, scored, told
from fleet.truth import Expected, Span, Truth

from runbook_lib.judge.assessment import Assessment

Assessments = dict[str, Assessment]


def test_every_application_is_assessed_and_no_other(truth: Truth, assessments: Assessments) -> None:
    assert set(assessments) == set(truth.applications)


def test_drift_is_found_where_it_is_and_nowhere_else(truth: Truth, assessments: Assessments) -> None:
    found = [(one.name, row.aspect) for one in assessments.values() for row in one.drifts if row.differs]
    true = [(one.name, aspect) for one in truth.applications.values() for aspect in one.drift]
    scores = scored(found, true, lambda item: item[1])
    told("drift, by aspect", scores)
    assert lacking(scores) == []
    assert len(true) >= 100
    assert len(scores) >= 25


def _by(assessments: Assessments, expected: Iterable[Expected], what: str) -> dict[str, Score]:
    found = [(one.name, getattr(one.migration, what)) for one in assessments.values()]
    true = [(one.name, getattr(one, what)) for one in expected]
    return scored(found, true, lambda item: item[1])


@pytest.mark.parametrize("what", ["state", "mode"])
def test_class_and_mode_are_those_of_the_story(truth: Truth, assessments: Assessments, what: str) -> None:
    scores = _by(assessments, truth.applications.values(), what)
    told(what, scores)
    assert lacking(scores) == []
    assert len(scores) >= 5


def test_a_size_lies_where_the_rules_put_it(truth: Truth, assessments: Assessments) -> None:
    wrong = []
    for name, expected in truth.applications.items():
        sizes = assessments[name].sizing.sizes
        if expected.cpu is None or expected.memory is None:
            wrong += [f"{name}: has a size, and too little was measured"] if sizes else []
        elif not sizes:
            wrong.append(f"{name}: has no size: {assessments[name].sizing.verdict.message}")
        else:
            wrong += _beyond(name, "cores", sizes[0].cpu_request, expected.cpu)
            wrong += _beyond(name, "MiB", sizes[0].memory_request, expected.memory)
    refused = sum(expected.cpu is None for expected in truth.applications.values())
    print(f"\nsizes: {len(truth.applications) - refused} named, {refused} refused, {len(wrong)} not as expected")
    assert wrong == []
    assert 5 <= refused <= 20


def _beyond(name: str, unit: str, value: float, span: Span) -> list[str]:
    low, high = span
    return [] if low <= value <= high else [f"{name}: {value} {unit}, not {low:.3f} to {high:.3f}"]


def test_who_contradicts_whom_is_named_and_nothing_else(truth: Truth, assessments: Assessments) -> None:
    found = set()
    for one in assessments.values():
        found |= {(one.name, conflict.key) for conflict in one.conflicts}
        found |= {(one.name, row.name) for row in one.profile if row.topic == "basics" and row.conflict}
    true = [(one.name, key) for one in truth.applications.values() for key in one.conflicts]
    scores = scored(found, true, lambda item: item[1])
    told("conflicts, by key", scores)
    assert lacking(scores) == []
    assert {"owner", "port"} <= set(scores)


def test_what_nobody_says_stays_missing(truth: Truth, assessments: Assessments) -> None:
    unknown = {
        one.name
        for one in assessments.values()
        for row in one.profile
        if (row.name, row.value) == ("owner", "not known")
    }
    assert unknown == {one.name for one in truth.applications.values() if "owner" in one.missing}
    assert unknown
