"""A broken input is named with its place, and whoever it does not concern is assessed as if it were whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fleet.assessed import parameters_of
from fleet.broken import Break, break_fleet
from fleet.conftest import COUNT, SEED
from fleet.make import make_fleet
from fleet.truth import Truth

from runbook_lib.assess.applications import assess_all
from runbook_lib.assess.read import Sources, read_sources
from runbook_lib.clients import connect
from runbook_lib.judge.assessment import Assessment
from runbook_lib.model import Finding, plain

KINDS = ("half a JSON file", "wrong encoding", "negative CPU", "symlink loop", "row without application")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, dict[str, Break], Sources]:
    truth = make_fleet(tmp_path_factory.mktemp("broken"), COUNT, SEED)
    breaks = {one.what: one for one in break_fleet(truth)}
    parameters = parameters_of(truth)
    return truth, breaks, read_sources(parameters, connect(parameters))


@pytest.fixture(scope="module")
def after(broken: tuple[Truth, dict[str, Break], Sources]) -> dict[str, Assessment]:
    return {one.name: one for one in assess_all(broken[2])}


@pytest.fixture(scope="module")
def before(sources: Sources) -> dict[str, Assessment]:
    return {one.name: one for one in assess_all(sources)}


def _findings(sources: Sources, assessments: dict[str, Assessment]) -> list[Finding]:
    return [*sources.findings, *(finding for one in assessments.values() for finding in one.left_out)]


@pytest.mark.parametrize("what", KINDS)
def test_what_is_broken_is_named_with_its_place(
    broken: tuple[Truth, dict[str, Break], Sources], after: dict[str, Assessment], what: str
) -> None:
    place = broken[1][what]
    named = f"{place.file.name}:{place.line}" if place.line else place.file.name
    messages = [finding.message for finding in _findings(broken[2], after)]
    assert [message for message in messages if named in message], (named, messages)


def test_the_others_are_assessed_as_if_nothing_were_broken(
    truth: Truth, before: dict[str, Assessment], broken: tuple[Truth, dict[str, Break], Sources],
    after: dict[str, Assessment],
) -> None:  # fmt: skip
    concerned = {place.application for place in broken[1].values()}
    assert set(after) == set(before)
    others = set(after) - concerned
    assert len(others) >= COUNT - len(KINDS)
    folder = broken[0].folder
    assert [one for one in sorted(others) if _told(after[one], folder) != _told(before[one], truth.folder)] == []


def _told(assessment: Assessment, folder: Path) -> str:
    """All that is said of an application, without where its files lie."""
    return json.dumps(plain(assessment), sort_keys=True, default=str).replace(f"{folder}{os.sep}", "")


def test_an_application_with_a_broken_input_keeps_all_that_is_whole(
    broken: tuple[Truth, dict[str, Break], Sources], after: dict[str, Assessment]
) -> None:
    truth, breaks, sources = broken
    cut = breaks["half a JSON file"].application
    assert len(sources.assigned.hosts[cut]) == len(truth.applications[cut].machines) - 1
    negative = after[breaks["negative CPU"].application]
    span = truth.applications[negative.name].cpu
    assert span is not None
    assert span[0] <= negative.sizing.sizes[0].cpu_request <= span[1]
    looped = breaks["symlink loop"].application
    found = {(finding.file, finding.line, finding.object) for finding in after[looped].findings}
    assert found >= {(place.file, place.line, place.topic) for place in truth.applications[looped].planted}


def test_a_host_of_two_applications_is_named_with_both(truth: Truth, sources: Sources) -> None:
    messages = [finding.message for finding in sources.assigned.findings]
    assert truth.shared_hosts
    for host, applications in truth.shared_hosts.items():
        assert [text for text in messages if host in text and all(name in text for name in applications)], messages


def test_a_host_of_nobody_is_named(truth: Truth, sources: Sources) -> None:
    messages = [finding.message for finding in sources.assigned.findings]
    for host in truth.stray_hosts:
        assert [text for text in messages if host in text], messages
