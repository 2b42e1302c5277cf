"""Findings as SARIF 2.1.0, which code hosting and editors show beside the lines that it names."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runbook_lib.artefacts import Output
from runbook_lib.judge.fitness import Asked
from runbook_lib.model import Finding, Outcome
from runbook_lib.pages.findings import where
from runbook_lib.redact import Redactor

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
NAME = "kubernetes-migration-runbooks"
AT_LINE = re.compile(r"(?<=\.yaml|\.json):\d+|(?<=\.yml):\d+|(?<=in line )\d+", re.I)
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? ")
LEVELS = {"blocking": "error", "warning": "warning", "info": "note"}


@dataclass(frozen=True)
class Place:
    """The file that people open for a finding; ``line`` is 0 where it has none there."""

    file: str
    line: int


def sarif(
    findings: Sequence[Finding], asked: Sequence[Asked], root: Path, rendered: Iterable[Output] = ()
) -> dict[str, Any]:
    """One run with what failed, what has no answer and what is waived; what passed stands in the JSON only.

    Places below ``root`` are relative to it, as a repository is checked out elsewhere. No time and no machine: the
    same findings give the same text. Code hosting refuses the whole report for one result without a file: what lies
    nowhere is told at the first file, what was rendered at what it was rendered from.
    """
    shown = [finding for finding in findings if finding.outcome is not Outcome.PASS]
    sources = {one.name: one.source for one in rendered}
    somewhere = min(filter(None, (sources.get(one.file, one.file) for one in findings)), default="")
    places = [_place(finding, sources, somewhere) for finding in shown]
    often = Counter((finding.check, place) for finding, place in zip(shown, places, strict=True))
    rules = {one.id: _rule(one) for one in asked}
    for finding in shown:
        if finding.check not in rules:
            text, _, link = finding.reason.partition(" https://")
            rules[finding.check] = _rule(
                Asked(finding.check, finding.title, finding.severity, text, f"https://{link}" if link else "")
            )
    numbers = {name: number for number, name in enumerate(rules)}
    driver = {"name": NAME, "version": version(NAME), "rules": list(rules.values())}
    results = [
        _result(finding, numbers[finding.check], place, root, alone=often[finding.check, place] == 1)
        for finding, place in zip(shown, places, strict=True)
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(asked: Asked) -> dict[str, Any]:
    """GitHub shows the help and demands it; the link beside it is for others."""
    reason = asked.reason or asked.title
    help_ = {"text": f"{reason} {asked.link}".strip()}
    rule: dict[str, Any] = {
        "id": asked.id,
        "shortDescription": {"text": asked.title},
        "fullDescription": {"text": reason},
        "help": help_ | ({"markdown": f"{reason} [Documentation]({asked.link})"} if asked.link else {}),
    }
    if asked.link:
        rule["helpUri"] = asked.link
    return rule | {"defaultConfiguration": {"level": LEVELS[asked.severity]}}


def _place(finding: Finding, sources: dict[str, str], somewhere: str) -> Place:
    if finding.file in sources:
        return Place(sources[finding.file] or somewhere, 0)
    return Place(finding.file, finding.line) if finding.file else Place(somewhere, 0)


def _result(finding: Finding, number: int, place: Place, root: Path, alone: bool) -> dict[str, Any]:
    """A question without an answer is ``open``, and only what failed may have a level.

    What somebody answers for is a note: GitHub knows no suppressions, and would block what the house lets pass.
    """
    failed = finding.outcome is Outcome.FAIL
    level = "note" if finding.waived else LEVELS[finding.severity]
    rendered = f" ({where(finding, root)})" if finding.file not in ("", place.file) else ""
    result: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": number,
        "kind": "fail" if failed else "open",
        "level": level if failed else "none",
        "message": {"text": f"{finding.object}: {finding.message}{rendered}"},
        "locations": [_location(finding, place, root)],
        "partialFingerprints": _fingerprints(finding, alone=alone and place.line > 0),
        "properties": {"severity": finding.severity} | ({"mend": finding.mend} if finding.mend else {}),
    }
    if place.file == finding.file and (fixes := _fixes(finding, root)):
        result["fixes"] = fixes
    if finding.waived:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.waived}]
    return result


def _fixes(finding: Finding, root: Path) -> list[dict[str, Any]]:
    """What a patch of lines says, for editors that put it in: a Dockerfile's; an object's patch names no lines.

    None for lines with a secret: an editor would put the mark in its place.
    """
    replaced: list[dict[str, Any]] = []
    if not finding.mend.startswith("@@ ") or Redactor().text(finding.mend) != finding.mend:
        return []
    for hunk in re.split(r"(?m)^(?=@@ )", finding.mend)[1:]:
        head, *told = hunk.splitlines()
        found = HUNK.match(head)
        first, count = (int(found[1]), int(found[2] or 1)) if found else (0, 0)
        new = "\n".join(line[1:] for line in told if line.startswith("+"))
        if count:
            replaced.append(_replacement({"startLine": first, "endLine": first + count - 1}, new))
        else:  # in front of the line behind
            region = {"startLine": first + 1, "startColumn": 1, "endLine": first + 1, "endColumn": 1}
            replaced.append(_replacement(region, f"{new}\n"))
    change = {"artifactLocation": {"uri": _uri(finding.file, root)}, "replacements": replaced}
    return [{"artifactChanges": [change]}] if replaced else []


def _replacement(region: dict[str, int], text: str) -> dict[str, Any]:
    return {"deletedRegion": region, "insertedContent": {"text": text}}


def _location(finding: Finding, place: Place, root: Path) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": finding.object, "kind": "resource"}]}
    if place.file:
        region = {"region": {"startLine": place.line}} if place.line else {}
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(place.file, root)}, **region}
    return location


def _uri(file: str, root: Path) -> str:
    path = Path(file)
    whole = path if path.is_absolute() else Path.cwd() / path
    if whole.is_relative_to(root):
        return quote(whole.relative_to(root).as_posix())
    return whole.as_uri() if path.is_absolute() or path.exists() else quote(path.as_posix())


def _fingerprints(finding: Finding, alone: bool) -> dict[str, str]:
    """The same finding in a file whose lines have moved.

    GitHub goes by the second one alone, and computes it from the line where it is not there: two findings of one check
    at one line would be one.
    """
    message = AT_LINE.sub("", finding.message)
    said = hashlib.sha256("\0".join((finding.check, finding.object, message)).encode()).hexdigest()
    return {"checkAndObject/v1": said} | ({} if alone else {"primaryLocationLineHash": said})
