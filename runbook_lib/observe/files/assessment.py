"""Reads what the assessment handed over, and the house's policy for the checks."""

from __future__ import annotations

import dataclasses
import re
from datetime import date
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Assessed, Demanded, Node, Policy
from runbook_lib.errors import BadParameters
from runbook_lib.model import now
from runbook_lib.observe.files.located import read_located
from runbook_lib.observe.files.text import read_json

EVIDENCE = "assessment.json"
SEVERITIES = ("blocking", "warning", "info")
KEYS = ("tag_pattern", "tag_example", "registries", "off", "severity")


def latest_assessment(folder: Path) -> tuple[Assessed, str]:
    """The newest assessment in an application's archive and where it lies; an empty one and "" when there is none."""
    found = sorted(folder.glob(f"*/attempt-*/evidence/{EVIDENCE}"), key=lambda path: path.stat().st_mtime_ns)
    return (read_assessment(found[-1]), str(found[-1])) if found else (Assessed(), "")


def read_assessment(path: Path) -> Assessed:
    """What 01_assessment wrote; raises BadParameters when the file is not one of its."""
    value = read_json(path, "assessment")
    known = {field.name for field in dataclasses.fields(Assessed)}
    if not isinstance(value, dict) or not set(value) <= known:
        raise BadParameters(f"assessment {path} is not what 01_assessment writes: run it again")
    try:
        return Assessed(**{**value, "ports": tuple(value.get("ports", ())), "demands": _demands(value)})
    except (TypeError, KeyError) as error:
        raise BadParameters(f"assessment {path} is not what 01_assessment writes ({error}): run it again") from None


def _demands(value: dict[str, Any]) -> tuple[Demanded, ...]:
    return tuple(
        Demanded(**{**item, "places": tuple(item["places"]), "captured": tuple(item["captured"])})
        for item in value.get("demands", ())
    )


def policy_for(path: Path | None, today: date | None = None) -> Policy:
    """The house's policy, or the default when no file is named."""
    return Policy() if path is None else read_policy(path, today or now().date())


def read_policy(path: Path, today: date) -> Policy:
    """The policy file: off (check, reason, owner, expires), severity, registries, tag_pattern, tag_example.

    Raises BadParameters for an unknown key, a waiver without reason and owner, or one that has expired.
    """
    node = read_located(path, "policy")
    for key, entry in node.entries():
        if key not in KEYS:
            raise BadParameters(f"policy {path}:{entry.line}: unknown key {key}; allowed are {', '.join(KEYS)}")
    severities = node.get("severity").labels()
    for check, severity in severities.items():
        if severity not in SEVERITIES:
            raise BadParameters(
                f"policy {path}: severity of {check} is {severity}; allowed are {', '.join(SEVERITIES)}"
            )
    pattern = node.get("tag_pattern").text(Policy.tag_pattern)
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadParameters(f"policy {path}: tag_pattern is not a regular expression ({error})") from None
    return Policy(
        tag_pattern=pattern,
        tag_example=node.get("tag_example").text(Policy.tag_example),
        registries=tuple(item.text() for item in node.get("registries").elements()),
        off=tuple(_waiver(item, path, today) for item in node.get("off").elements()),
        severities=severities,
    )


def _waiver(item: Node, path: Path, today: date) -> str:
    """The check that is switched off; who did it and why must be there, and it must not have expired."""
    check, expires = item.get("check").text(), item.get("expires").text()
    if not check or not item.get("reason").text() or not item.get("owner").text():
        raise BadParameters(f"policy {path}:{item.line}: a check is switched off with check, reason and owner")
    if expires:
        try:
            until = date.fromisoformat(expires)
        except ValueError:
            raise BadParameters(
                f"policy {path}:{item.line}: expires {expires!r} is no date such as 2027-01-31"
            ) from None
        if until < today:
            raise BadParameters(
                f"policy {path}:{item.line}: the waiver of {check} expired on {expires}; renew or remove it"
            )
    return check
