"""Holds findings against the house's policy: who answers for what, what has expired, what covers nothing any more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Literal

from runbook_lib.artefacts import Policy, Waiver
from runbook_lib.model import Finding, Outcome

NEVER = ("manifest-readable", "dockerfile-readable")
"""What could not be read nobody can answer for."""
REASON = "An exception that nobody looks after covers the next mistake, too."


def by_policy(findings: Iterable[Finding], policy: Policy, known: Iterable[str], today: date) -> list[Finding]:
    """The findings, those that somebody answers for marked as waived, and what is wrong with the policy itself."""
    given = list(findings)
    result = [_held(finding, waiver_of(policy, finding.check, finding.object, today)) for finding in given]
    names = {*known, *(finding.check for finding in given)} - set(NEVER)
    return [*result, *_expired(policy, today), *_needless(given, policy, names, today), *_unknown(policy, names)]


def waiver_of(policy: Policy, check: str, about: str, today: date) -> Waiver | None:
    """The waiver that is in force for a check at an object; None when nobody answers for it today."""
    found = (w for w in policy.waivers if w.check == check and covers(w, about) and not over(w, today))
    return None if check in NEVER else next(found, None)


def covers(waiver: Waiver, about: str) -> bool:
    """An object's waiver is one of its containers, too; ``*`` stands for any letters."""
    return any(fnmatchcase(name, waiver.object) for name in (about, about.partition(", ")[0]))


def over(waiver: Waiver, today: date) -> bool:
    return waiver.expires is not None and waiver.expires < today


def _held(finding: Finding, waiver: Waiver | None) -> Finding:
    if waiver is None or finding.outcome is Outcome.PASS:
        return finding
    return dataclasses.replace(finding, waived=f"{waiver.owner} until {waiver.expires}: {waiver.reason}")


def _expired(policy: Policy, today: date) -> list[Finding]:
    ended = [waiver for waiver in (*policy.switched_off, *policy.waivers) if over(waiver, today)]
    return [
        _about(
            "policy-expired",
            "No exception is past its day",
            "warning",
            policy,
            waiver,
            f"{_title(waiver)} by {waiver.owner} ended on {waiver.expires}: what it covered counts again; mend that, "
            "or renew it with a reason of today",
        )
        for waiver in ended
    ]


def _needless(findings: Sequence[Finding], policy: Policy, known: set[str], today: date) -> list[Finding]:
    """Waivers in force that no finding needs; names of no check are named by themselves."""
    open_ = {(finding.check, finding.object) for finding in findings if finding.outcome is not Outcome.PASS}
    objects = sorted({name for f in findings for name in (f.object, f.object.partition(", ")[0])})
    return [
        _about(
            "policy-needless",
            "Every exception is still needed",
            "info",
            policy,
            waiver,
            f"{_title(waiver)} by {waiver.owner} covers nothing: {_why_nothing(waiver, objects)}",
        )
        for waiver in policy.waivers
        if waiver.check in known
        and not over(waiver, today)
        and not any(c == waiver.check and covers(waiver, o) for c, o in open_)
    ]


def _why_nothing(waiver: Waiver, objects: Sequence[str]) -> str:
    """What passes there now needs no waiver any more; what is not there may be misspelt."""
    if any(covers(waiver, one) for one in objects):
        return "nothing is open there, take it out"
    near = get_close_matches(waiver.object, objects, 1)
    return f"there is no such object; {near[0]} is meant?" if near else "there is no such object, take it out"


def _unknown(policy: Policy, known: set[str]) -> list[Finding]:
    """Names of no check: whoever wrote them believes that something is off."""
    lines = policy.severity_lines | {waiver.check: waiver.line for waiver in (*policy.waivers, *policy.switched_off)}
    result = []
    for name in dict.fromkeys((*lines, *policy.severities)):
        if name in known or name.startswith(("DL", "SC", "hadolint")):
            continue
        near = get_close_matches(name, sorted(known), 1)
        why = "nobody can answer for what was not read" if name in NEVER else "there is no such check"
        message = f"{name}: {why}" + (f"; {near[0]} is meant?" if near and name not in NEVER else "")
        waiver = Waiver(name, "", "", line=lines.get(name, 1))
        found = _about("policy-names", "The policy names checks that there are", "warning", policy, waiver, message)
        result.append(found)
    return result


def _title(waiver: Waiver) -> str:
    return f"the waiver of {waiver.check} for {waiver.object}" if waiver.object else f"switching off {waiver.check}"


def _about(
    check: str, title: str, severity: Literal["warning", "info"], policy: Policy, waiver: Waiver, message: str
) -> Finding:
    return Finding(check, title, Outcome.FAIL, severity, "policy", message, REASON, policy.file, waiver.line)
