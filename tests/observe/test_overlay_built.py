"""The overlay is built by the real tool, and a tool that is missing or complains is a sentence and no failure."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.judge.fitness import Given
from runbook_lib.judge.overlay.again import asked_again
from runbook_lib.model import Outcome
from runbook_lib.observe.files.manifests import parse_manifests
from runbook_lib.observe.files.overlay import built
from runbook_lib.observe.release.rendering import Place
from runbook_lib.sections.release import Rendering

PLACE = Place("web", "release")
GOOD = Path(__file__).parents[1] / "judge" / "workload" / "good.yaml"


@pytest.fixture
def written() -> dict[str, str]:
    """As an overlay is written: a Secret is in none."""
    objects = [text for text in GOOD.read_text().split("\n---\n") if "\nkind: Secret\n" not in text]
    return {"given.yaml": "\n---\n".join(objects), "kustomization.yaml": "resources: [given.yaml]\n"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_what_was_built_is_asked_again(written: dict[str, str]) -> None:
    manifests, said = built(written, Rendering(), PLACE)
    assert manifests is not None and said == "kustomize builds it"
    given = Given(parse_manifests(GOOD.read_text(), "good.yaml"), namespace="web")
    again = asked_again(given, manifests, datetime(2026, 11, 20, tzinfo=UTC))
    assert again.verdicts[0].outcome is Outcome.PASS
    assert {(r.kind, r.name) for r in again.world.resources} == {(r.kind, r.name) for r in given.manifests.resources}


def test_a_tool_that_is_not_there_is_said(written: dict[str, str]) -> None:
    manifests, said = built(written, Rendering(kustomize="no-such-tool"), PLACE)
    assert manifests is None and "no-such-tool is not on PATH" in said


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_what_the_tool_complains_of_is_said(written: dict[str, str]) -> None:
    del written["given.yaml"]
    manifests, said = built(written, Rendering(), PLACE)
    assert manifests is None and said.startswith("Not built: the kustomization")
