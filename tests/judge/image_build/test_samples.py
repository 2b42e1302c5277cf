"""Every rule for Dockerfiles: what fails it, what passes it, and the damage that makes exactly it fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.artefacts import Policy
from runbook_lib.judge.dockerfile import RULES, check_dockerfile
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.images import parse_dockerfile

FOLDER = Path(__file__).parent / "samples"
ENTRIES: list[dict[str, Any]] = [
    entry for path in sorted(FOLDER.glob("*.yaml")) for entry in yaml.safe_load(path.read_text())
]


def samples(kind: str) -> list[Any]:
    return list(_samples(kind))


def _samples(kind: str) -> Iterator[Any]:
    for entry in ENTRIES:
        for number, sample in enumerate(entry.get(kind, ())):
            name = sample.get("name", f"{sample.get('from')} {number}")
            yield pytest.param(entry, sample, id=f"{entry['check']}: {name}")


def judged(entry: dict[str, Any], text: str) -> list[Finding]:
    policy = Policy(**{key: tuple(value) for key, value in entry.get("policy", {}).items()})
    dockerfile = parse_dockerfile(text, "Dockerfile")
    assert dockerfile.findings == ()
    return check_dockerfile(dockerfile, policy)


def worst(findings: list[Finding]) -> dict[str, Outcome]:
    """The worst outcome of each check; a check that saw nothing is not there."""
    result: dict[str, Outcome] = {}
    for finding in findings:
        result[finding.check] = max(finding.outcome, result.get(finding.check, Outcome.PASS))
    return result


@pytest.mark.parametrize(("entry", "sample"), samples("fails"))
def test_what_is_wrong_fails_at_its_line(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    found = [
        f
        for f in judged(entry, sample["dockerfile"])
        if f.check == entry["check"] and f.outcome is Outcome.FAIL and sample["expect"] in f.message
    ]
    assert found, [f.message for f in judged(entry, sample["dockerfile"]) if f.check == entry["check"]]
    assert 0 < found[0].line <= len(sample["dockerfile"].splitlines())


@pytest.mark.parametrize(("entry", "sample"), samples("passes"))
def test_what_is_right_is_looked_at_and_passes(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    found = [f for f in judged(entry, sample["dockerfile"]) if f.check == entry["check"]]
    assert found
    assert [f.message for f in found if f.outcome is not Outcome.PASS] == []


@pytest.mark.parametrize(("entry", "sample"), samples("mutations"))
def test_the_damage_a_rule_is_about_makes_exactly_it_fail(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    sound = next(s for s in entry["passes"] if s["name"] == sample["from"])["dockerfile"]
    damaged = sound
    for old, new in sample["change"].items():
        assert old in damaged
        head, _, tail = damaged.rpartition(old) if sample.get("at") == "last" else damaged.partition(old)
        damaged = head + new + tail
    before, after = worst(judged(entry, sound)), worst(judged(entry, damaged))
    changed = {check for check in before | after if before.get(check) != after.get(check)}
    assert after.get(entry["check"]) is Outcome.FAIL
    assert changed - {entry["check"]} <= set(sample.get("also", ()))


def _mended(text: str, finding: Finding) -> str:
    """The text with the mend in the place of the instruction it is for, or before what starts the process."""
    lines = text.splitlines()
    name = finding.mend.split()[0]
    there = lines[finding.line - 1].split()[0].upper()
    if there == name or (there, name) in (("ADD", "COPY"), ("MAINTAINER", "LABEL")):
        lines[finding.line - 1] = finding.mend
    else:
        lines.append(finding.mend)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("entry", "sample"), samples("fails"))
def test_a_mend_that_is_shown_mends(entry: dict[str, Any], sample: dict[str, Any]) -> None:
    for finding in judged(entry, sample["dockerfile"]):
        if finding.check == entry["check"] and finding.mend and "…" not in finding.mend:
            again = judged(entry, _mended(sample["dockerfile"], finding))
            assert (finding.check, finding.message) not in {(f.check, f.message) for f in again}
            assert sum(f.check == finding.check and f.outcome is Outcome.FAIL for f in again) < sum(
                f.check == finding.check and f.outcome is Outcome.FAIL for f in judged(entry, sample["dockerfile"])
            )


def test_every_rule_has_its_samples() -> None:
    played = {entry["check"]: entry for entry in ENTRIES}
    lacking = [
        rule.id
        for rule in RULES
        if rule.id not in played
        or len(played[rule.id]["passes"]) < 2
        or (
            "never" not in played[rule.id]
            and (len(played[rule.id]["fails"]) < 2 or not played[rule.id].get("mutations"))
        )
    ]
    assert lacking == []
    assert len(played) == len(ENTRIES) == len(RULES)
