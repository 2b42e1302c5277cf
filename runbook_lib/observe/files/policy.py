"""Reads the house's policy for the checks: what is off, weighed otherwise, allowed, and who answers for what stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

from runbook_lib.artefacts import Accepted, Node, Policy, Waiver
from runbook_lib.errors import BadParameters
from runbook_lib.model import now
from runbook_lib.observe.files.located import read_located

SEVERITIES = ("blocking", "warning", "info")
UNFIXED = ("blocking", "warning")
LISTS = ("registries", "off", "waivers", "accepted")
NUMBERS: dict[str, tuple[float, float]] = {
    "scan_days": (1, 365),
    "heap_share": (0.1, 0.95),
    "cpu_headroom": (1, 10),
    "pause_before_stop": (1, 300),
    "rpo_hours": (0, 8760),
}
KEYS = ("tag_pattern", "tag_example", "unfixed", "severity", *LISTS, *NUMBERS)
PERSON = ("owner", "reason", "expires")
T = TypeVar("T", Waiver, Accepted)


def policy_for(path: Path | None, today: date | None = None) -> Policy:
    """The house's policy, or the default when no file is named."""
    return Policy() if path is None else read_policy(path, today or now().date())


def read_policy(path: Path, today: date) -> Policy:
    """The policy file; BadParameters with its line for an unknown key, a wrong value, a waiver nobody answers for.

    What has expired is read, and is no reason to refuse the file: it no longer covers anything, and is said aloud.
    """
    node = read_located(path, "policy")
    _shape(node, path)
    switched = tuple(_entry(item, path, Waiver, ("check",), ()) for item in node.get("off").elements())
    accepted = tuple(
        _entry(item, path, Accepted, ("vulnerability",), ("package",), dated=True)
        for item in node.get("accepted").elements()
    )
    return Policy(
        tag_pattern=_pattern(node, path),
        tag_example=node.get("tag_example").text(Policy.tag_example),
        registries=tuple(item.text() for item in node.get("registries").elements()),
        off=tuple(one.check for one in switched if one.expires is None or one.expires >= today),
        switched_off=switched,
        waivers=tuple(
            _entry(item, path, Waiver, ("check", "object"), (), dated=True) for item in node.get("waivers").elements()
        ),
        severities=node.get("severity").labels(),
        severity_lines={check: entry.line for check, entry in node.get("severity").entries()},
        accepted=accepted,
        scan_days=int(_number(node, "scan_days", path, Policy.scan_days)),
        unfixed=node.get("unfixed").text(Policy.unfixed),
        heap_share=_number(node, "heap_share", path, Policy.heap_share),
        cpu_headroom=_number(node, "cpu_headroom", path, Policy.cpu_headroom),
        pause_before_stop=int(_number(node, "pause_before_stop", path, Policy.pause_before_stop)),
        rpo_hours=_number(node, "rpo_hours", path, 0.0) if node.get("rpo_hours").exists else None,
        file=str(path),
    )


def _shape(node: Node, path: Path) -> None:
    """Refuses keys that nobody reads and lists that are none: what looks set and is not would be the worst."""
    for key, entry in node.entries():
        if key not in KEYS:
            raise BadParameters(f"policy {path}:{entry.line}: unknown key {key}; allowed are {', '.join(KEYS)}")
        wanted = list if key in LISTS else dict if key == "severity" else None
        if entry.exists and wanted is not None and not isinstance(entry.value, wanted):
            raise BadParameters(f"policy {path}:{entry.line}: {key} is a {'list' if wanted is list else 'mapping'}")
    for check, entry in node.get("severity").entries():
        _one_of(entry, f"severity of {check}", SEVERITIES, path)
    if node.get("unfixed").exists:
        _one_of(node.get("unfixed"), "unfixed", UNFIXED, path)


def _one_of(node: Node, what: str, allowed: tuple[str, ...], path: Path) -> None:
    if node.text() not in allowed:
        raise BadParameters(f"policy {path}:{node.line}: {what} is {node.text()}; allowed are {', '.join(allowed)}")


def _pattern(node: Node, path: Path) -> str:
    pattern = node.get("tag_pattern").text(Policy.tag_pattern)
    try:
        re.compile(pattern)
    except re.error as error:
        line = node.get("tag_pattern").line
        raise BadParameters(f"policy {path}:{line}: tag_pattern is not a regular expression ({error})") from None
    return pattern


def _number(node: Node, key: str, path: Path, default: float) -> float:
    found, (least, most) = node.get(key), NUMBERS[key]
    if not found.exists:
        return default
    value = found.value
    whole = isinstance(default, int)
    good = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not good or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise BadParameters(f"policy {path}:{found.line}: {key} is {kind} between {least:g} and {most:g}")
    return float(value)


def _entry(
    item: Node, path: Path, kind: Callable[..., T], named: tuple[str, ...], free: tuple[str, ...], dated: bool = False
) -> T:
    """One exception of any list: what it is about, and the person, reason and day that it must have."""
    for key, entry in item.entries():
        if key not in (*named, *free, *PERSON):
            raise BadParameters(f"policy {path}:{entry.line}: unknown key {key} of an exception")
    wanted = (*named, "reason", "owner", *(("expires",) if dated else ()))
    missing = [key for key in wanted if not item.get(key).text().strip()]
    if missing:
        raise BadParameters(
            f"policy {path}:{item.line}: an exception is written with {', '.join(wanted)}; "
            f"not there: {', '.join(missing)}"
        )
    given = {key: item.get(key).text() for key in (*named, *free, "owner", "reason")}
    return kind(**given, expires=_day(item.get("expires"), path), line=item.line)


def _day(node: Node, path: Path) -> date | None:
    if not node.text():
        return None
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        raise BadParameters(
            f"policy {path}:{node.line}: expires {node.text()!r} is no date such as 2027-01-31"
        ) from None
