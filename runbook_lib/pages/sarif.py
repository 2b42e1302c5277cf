"""Findings as SARIF 2.1.0, which code hosting and editors show beside the lines that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runbook_lib.judge.fitness import Asked
from runbook_lib.model import Finding, Outcome

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
NAME = "kubernetes-migration-runbooks"
LEVELS = {"blocking": "error", "warning": "warning", "info": "note"}


def sarif(findings: Iterable[Finding], asked: Sequence[Asked], root: Path) -> dict[str, Any]:
    """One run with what failed, what has no answer and what is waived; what passed stands in the JSON only.

    Places below ``root`` are relative to it, as a repository is checked out elsewhere. No time and no machine: the
    same findings give the same text.
    """
    shown = [finding for finding in findings if finding.outcome is not Outcome.PASS]
    rules = {one.id: _rule(one) for one in asked}
    for finding in shown:
        if finding.check not in rules:
            text, _, link = finding.reason.partition(" https://")
            rules[finding.check] = _rule(
                Asked(finding.check, finding.title, finding.severity, text, f"https://{link}" if link else "")
            )
    numbers = {name: number for number, name in enumerate(rules)}
    driver = {"name": NAME, "version": version(NAME), "rules": list(rules.values())}
    results = [_result(finding, numbers[finding.check], root) for finding in shown]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(asked: Asked) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": asked.id, "shortDescription": {"text": asked.title}}
    if asked.reason:
        rule["fullDescription"] = {"text": asked.reason}
    if asked.link:
        rule["helpUri"] = asked.link
    return rule | {"defaultConfiguration": {"level": LEVELS[asked.severity]}}


def _result(finding: Finding, number: int, root: Path) -> dict[str, Any]:
    """A question without an answer is ``open``, and only what failed may have a level."""
    failed = finding.outcome is Outcome.FAIL
    result: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": number,
        "kind": "fail" if failed else "open",
        "level": LEVELS[finding.severity] if failed else "none",
        "message": {"text": f"{finding.object}: {finding.message}"},
        "locations": [_location(finding, root)],
        "partialFingerprints": {"checkAndObject/v1": _fingerprint(finding)},
        "properties": {"severity": finding.severity} | ({"mend": finding.mend} if finding.mend else {}),
    }
    if finding.waived:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.waived}]
    return result


def _location(finding: Finding, root: Path) -> dict[str, Any]:
    place: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": finding.object, "kind": "resource"}]}
    if finding.file:
        region = {"region": {"startLine": finding.line}} if finding.line else {}
        place["physicalLocation"] = {"artifactLocation": {"uri": _uri(finding.file, root)}, **region}
    return place


def _uri(file: str, root: Path) -> str:
    path = Path(file)
    whole = path if path.is_absolute() else Path.cwd() / path
    if whole.is_relative_to(root):
        return quote(whole.relative_to(root).as_posix())
    return whole.as_uri() if path.is_absolute() or path.exists() else quote(path.as_posix())


def _fingerprint(finding: Finding) -> str:
    """The same finding in a file whose lines have moved."""
    return hashlib.sha256("\0".join((finding.check, finding.object, finding.message)).encode()).hexdigest()
