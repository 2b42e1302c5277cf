"""Judges scans: are they of the images that will run, are they fresh, and what of it is grave."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, cast

from runbook_lib.artefacts import Accepted, Policy
from runbook_lib.judge.scan.images import Named, is_of, named
from runbook_lib.judge.scan.seen import Scan, Vulnerability
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Outcome

GRAVE = ("CRITICAL", "HIGH")
LINK = "https://kubernetes.io/docs/concepts/security/cloud-native-security/"
Severity = Literal["blocking", "warning", "info"]


@dataclass(frozen=True)
class Question:
    id: str
    title: str
    severity: Severity
    reason: str


GIVEN = Question(
    "image-scanned",
    "Every image that runs was scanned",
    "blocking",
    "Nobody knows what is in an image that nobody looked into.",
)
FRESH = Question(
    "scan-fresh",
    "The scan is of these days",
    "blocking",
    "What became known since is not in it.",
)
WHOLE = Question(
    "scan-whole",
    "The scan shows all that it saw",
    "warning",
    "What a scanner is told to leave out nobody answers for.",
)
GRAVES = Question(
    "vulnerability",
    "No grave vulnerability without somebody who answers for it",
    "blocking",
    "In the cluster the service is closer to others than on its VM.",
)
LEAKS = Question(
    "image-leak",
    "No key lies in the image",
    "blocking",
    "Whoever may pull the image reads it.",
)
ENDED = Question(
    "base-supported",
    "The distribution still gets fixes",
    "warning",
    "A scan of it finds less every week, because nobody writes down what is wrong with it.",
)
EXCEPTIONS = Question(
    "exception-needed",
    "Every exception is still needed",
    "info",
    "One that outlives its cause will cover the next one.",
)
QUESTIONS = (GIVEN, FRESH, WHOLE, GRAVES, LEAKS, ENDED, EXCEPTIONS)


def check_scans(scans: Sequence[Scan], world: World, now: datetime) -> list[Finding]:
    """All findings of all scans; what a scan of another image found is not counted."""
    images, policy = named(world), world.policy
    found = list(_given(scans, images))
    mine = [scan for scan in scans if not images or any(is_of(scan, item.image) for item in images)]
    used: set[Accepted] = set()
    for scan in mine:
        found += [*_fresh(scan, policy, now), *_whole(scan), *_leaks(scan), *_ended(scan)]
        found += _graves(scan, policy, now.date(), used)
    for item in policy.accepted if mine else ():
        if item not in used:
            message = f"the exception of {item.vulnerability} by {item.owner} covers nothing any more: take it out"
            found.append(_finding(EXCEPTIONS, Outcome.FAIL, item.vulnerability, message, policy.file, item.line))
    return [_weighed(finding, policy) for finding in found if finding.check not in policy.off]


def _weighed(finding: Finding, policy: Policy) -> Finding:
    severity = policy.severities.get(finding.check)
    if severity is None:
        return finding
    return dataclasses.replace(finding, severity=cast(Severity, severity))


def _finding(
    question: Question,
    outcome: Outcome,
    about: str,
    message: str,
    file: str,
    line: int,
    severity: Severity | None = None,
    mend: str = "",
) -> Finding:
    weight = severity or question.severity
    reason = f"{question.reason} {LINK}"
    return Finding(question.id, question.title, outcome, weight, about, message, reason, file, line, mend)


def _given(scans: Sequence[Scan], images: Sequence[Named]) -> Iterator[Finding]:
    if not scans:
        message = "no scan of the image was given: trivy image --format json, or grype -o json"
        yield _finding(GIVEN, Outcome.INCONCLUSIVE, "image", message, "", 0, "warning")
        return
    for item in images:
        scan = next((scan for scan in scans if is_of(scan, item.image)), None)
        severity: Severity = "blocking" if item.main else "warning"
        place = (item.node.file, item.node.line, severity)
        if scan:
            yield _finding(GIVEN, Outcome.PASS, item.object, f"{item.image} was scanned by {scan.tool}", *place)
        else:
            others = ", ".join(scan.title for scan in scans[:3])
            message = f"no scan is of {item.image}; those given are of {others}"
            yield _finding(GIVEN, Outcome.INCONCLUSIVE, item.object, message, *place)
    for scan in scans if images else ():
        if not any(is_of(scan, item.image) for item in images):
            message = f"this scan is of {scan.title}, which no manifest names: what it found is not counted"
            yield _finding(GIVEN, Outcome.INCONCLUSIVE, scan.title, message, scan.file, 1, "warning")


def _fresh(scan: Scan, policy: Policy, now: datetime) -> Iterator[Finding]:
    limit = timedelta(days=policy.scan_days)
    where = (scan.file, 1)
    for what, at in (("the scan", scan.at), ("its list of vulnerabilities", scan.database)):
        if at is None and what == "the scan":
            message = f"{scan.tool}'s report does not say when it was made: scan again with a newer {scan.tool}"
            yield _finding(FRESH, Outcome.INCONCLUSIVE, scan.title, message, *where)
        elif at is not None and at > now + timedelta(days=1):
            message = f"{what} is dated {at:%Y-%m-%d}, which is yet to come: a clock is wrong"
            yield _finding(FRESH, Outcome.INCONCLUSIVE, scan.title, message, *where)
        elif at is not None:
            days = (now - at).days
            outcome = Outcome.PASS if now - at <= limit else Outcome.INCONCLUSIVE
            message = f"{what} is {days} days old (of {at:%Y-%m-%d}), at most {policy.scan_days} are allowed"
            yield _finding(FRESH, outcome, scan.title, message, *where)


def _whole(scan: Scan) -> Iterator[Finding]:
    where = (scan.file, 1)
    if not scan.looked_at:
        message = (
            f"{scan.tool} found no package at all in it: a kind of image that it cannot look into, or a scan cut short"
        )
        yield _finding(WHOLE, Outcome.INCONCLUSIVE, scan.title, message, *where, "blocking")
    if scan.broken:
        message = f"{scan.broken} entries of the report cannot be read: scan again"
        yield _finding(WHOLE, Outcome.INCONCLUSIVE, scan.title, message, *where, "blocking")
    if scan.hidden:
        message = f"{scan.tool} was told to leave out {scan.hidden}: name them in the policy, with an owner and a date"
        yield _finding(WHOLE, Outcome.FAIL, scan.title, message, *where)
    if scan.looked_at and not scan.broken and not scan.hidden:
        yield _finding(WHOLE, Outcome.PASS, scan.title, f"{scan.looked_at} lists of packages, nothing left out", *where)


def _leaks(scan: Scan) -> Iterator[Finding]:
    for leak in scan.leaks:
        severity: Severity = "blocking" if leak.severity in GRAVE else "warning"
        message = f"{leak.kind} in {leak.place}: it counts as known, replace it and take it out of the image"
        yield _finding(LEAKS, Outcome.FAIL, scan.title, message, scan.file, leak.line, severity)


def _ended(scan: Scan) -> Iterator[Finding]:
    if scan.ended:
        message = f"{scan.ended} gets no fixes any more: build on a newer base"
        yield _finding(ENDED, Outcome.FAIL, scan.title, message, scan.file, 1)


def _graves(scan: Scan, policy: Policy, today: date, used: set[Accepted]) -> Iterator[Finding]:
    """One finding for each grave vulnerability of a package; the others are counted."""
    once = {(v.id, v.package, v.installed): v for v in reversed(scan.vulnerabilities)}
    graves = [v for v in reversed(once.values()) if v.severity in GRAVE]
    for item in graves:
        yield _grave(scan, item, policy, today, used)
    if not graves:
        message = f"nothing CRITICAL or HIGH in {scan.looked_at} lists of packages"
        yield _finding(GRAVES, Outcome.PASS, scan.title, message, scan.file, 1)
    unknown = [v for v in once.values() if v.severity not in (*GRAVE, "MEDIUM", "LOW", "NEGLIGIBLE")]
    if unknown:
        message = f"{len(unknown)} vulnerabilities are not rated yet: {_some(unknown)}"
        yield _finding(GRAVES, Outcome.INCONCLUSIVE, scan.title, message, scan.file, unknown[0].line, "warning")
    counted = Counter(v.severity.lower() for v in once.values() if v not in graves and v not in unknown)
    if counted:
        message = ", ".join(f"{number} {severity}" for severity, number in sorted(counted.items()))
        yield _finding(GRAVES, Outcome.PASS, scan.title, f"{message}: not looked at one by one", scan.file, 1, "info")


def _grave(scan: Scan, item: Vulnerability, policy: Policy, today: date, used: set[Accepted]) -> Finding:
    about = f"{scan.title}, {item.package}"
    what = f"{item.severity} {item.id} in {item.package} {item.installed}" + (
        f" ({item.title[:80]})" if item.title else ""
    )
    exceptions = [accepted for accepted in policy.accepted if _covers(accepted, item)]
    used.update(exceptions)
    best = max(exceptions, key=lambda accepted: accepted.expires, default=None)
    if best and best.expires >= today:
        message = f"{what}: accepted by {best.owner} until {best.expires}: {best.reason}"
        return _finding(GRAVES, Outcome.PASS, about, message, scan.file, item.line)
    ended = f"; {best.owner}'s exception ended on {best.expires}" if best else ""
    if item.fixed:
        mend = f"{item.package} {item.installed} -> {item.fixed}"
        return _finding(
            GRAVES, Outcome.FAIL, about, f"{what}: fixed in {item.fixed}{ended}", scan.file, item.line, mend=mend
        )
    none = (
        f"no fix yet{f' ({item.state})' if item.state else ''}: another base, or an exception with an owner and a date"
    )
    weight = cast(Severity, policy.unfixed)
    return _finding(GRAVES, Outcome.FAIL, about, f"{what}: {none}{ended}", scan.file, item.line, weight)


def _covers(accepted: Accepted, item: Vulnerability) -> bool:
    return accepted.vulnerability in (item.id, *item.aliases) and accepted.package in ("", item.package)


def _some(items: Iterable[Vulnerability]) -> str:
    names = sorted({item.id for item in items})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
