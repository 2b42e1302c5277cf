"""What a house sets for a check counts: the same manifests fail with one figure and pass with another."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.artefacts import Assessed, Policy
from runbook_lib.judge.capacity.jvm import HEAP_SHARE
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.workload.judge import check_manifests
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.manifests import parse_manifests

GOOD = (Path(__file__).parent / "good.yaml").read_text()


def found(
    text: str, policy: Policy, assessed: Assessed | None = None, dockerfile: str = "FROM alpine\n"
) -> list[Finding]:
    image = parse_dockerfile(dockerfile, "Dockerfile")
    return list(
        check_manifests(
            World(parse_manifests(text, "a.yaml").resources, image, assessed or Assessed(), policy)
        ).findings
    )


def outcome(findings: list[Finding], check: str) -> Outcome:
    return max(finding.outcome for finding in findings if finding.check == check)


@pytest.mark.parametrize(("share", "expected"), [(0.75, Outcome.PASS), (0.6, Outcome.FAIL)])
def test_the_share_of_the_heap(share: float, expected: Outcome) -> None:
    dockerfile = 'FROM eclipse-temurin:21\nCMD ["java", "-XX:MaxRAMPercentage=70", "-jar", "a.jar"]\n'
    assert outcome(found(GOOD, Policy(heap_share=share), dockerfile=dockerfile), "java-heap") is expected


@pytest.mark.parametrize(("headroom", "expected"), [(1.5, Outcome.PASS), (4.0, Outcome.FAIL)])
def test_the_room_above_the_measured_use(headroom: float, expected: Outcome) -> None:
    text = GOOD.replace("{memory: 512Mi}", "{memory: 512Mi, cpu: 600m}")
    assert text != GOOD
    assert outcome(found(text, Policy(cpu_headroom=headroom), Assessed(cpu_request=0.2)), "cpu-limit") is expected


def test_the_pause_that_a_mend_writes() -> None:
    text = GOOD.replace("preStop:", "postStart:", 1)
    assert text != GOOD
    mends = [f.mend for f in found(text, Policy(pause_before_stop=12)) if f.check == "prestop"]
    assert "seconds: 12" in "".join(mends)


def test_the_default_is_the_share_that_sizes_are_worked_out_with() -> None:
    assert Policy().heap_share == HEAP_SHARE
