"""Reads what Trivy and Grype report of an image as JSON; which of them it was, the file says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import BadParameters
from runbook_lib.judge.scan.seen import Leak, Scan, Vulnerability
from runbook_lib.observe.files.text import parse_json, read_text

ID = re.compile(r'"(?:VulnerabilityID|RuleID|id)"\s*:\s*"([^"]{1,200})"')
GRYPES_REASONS = ("DistroPackageFixed", "Explicit APK NAK", "CPE not vulnerable")
GRYPES_HEADERS = (("kernel-headers", "kernel"), ("linux(-.*)?-headers-.*", "linux.*"), ("linux-libc-dev", "linux"))
EXPECTED = "give what `trivy image --format json` or `grype -o json` writes"


def read_scan(path: Path) -> Scan:
    """One report; raises BadParameters when it is missing, no JSON, or neither Trivy's nor Grype's."""
    text = read_text(path, "image scan")
    value = parse_json(text, path, "image scan")
    lines = _lines(text)
    if isinstance(value, list) and all(isinstance(item, dict) and "Target" in item for item in value):
        return _trivy(str(path), {"Results": value}, lines)
    if isinstance(value, dict) and "SchemaVersion" in value:
        if value["SchemaVersion"] not in (1, 2):
            raise BadParameters(f"image scan {path} is Trivy's schema {value['SchemaVersion']}; 1 and 2 are known")
        return _trivy(str(path), value, lines)
    if isinstance(value, dict) and isinstance(value.get("matches"), list):
        return _grype(str(path), value, lines)
    raise BadParameters(f"image scan {path} is neither Trivy's nor Grype's report: {EXPECTED}")


def _lines(text: str) -> dict[str, int]:
    """Where each identifier stands first, counted from one."""
    found: dict[str, int] = {}
    line, at = 1, 0
    for match in ID.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        found.setdefault(match.group(1), line)
    return found


def _trivy(file: str, value: dict[str, Any], lines: dict[str, int]) -> Scan:
    results, broken = _dicts(value.get("Results"))
    metadata, system = _dict(value, "Metadata"), _dict(value, "Metadata", "OS")
    weak: list[Vulnerability] = []
    leaks: list[Leak] = []
    hidden = 0
    for result in results:
        entries, bad = _dicts(result.get("Vulnerabilities"))
        secrets, worse = _dicts(result.get("Secrets"))
        hidden += len(_list(result.get("ExperimentalModifiedFindings")))
        weak += [_of_trivy(entry, lines) for entry in entries]
        leaks += [_leak(entry, _text(result, "Target"), lines) for entry in secrets]
        broken += bad + worse + sum(not entry.get("VulnerabilityID") or not entry.get("PkgName") for entry in entries)
    names = [_text(value, "ArtifactName")] if _text(value, "ArtifactType") in ("", "container_image") else []
    names += _texts(metadata.get("RepoTags"))
    digests = [name.partition("@")[2] for name in (*_texts(metadata.get("RepoDigests")), *names)]
    ended = f"{_text(system, 'Family')} {_text(system, 'Name')}" if system.get("EOSL") is True else ""
    return Scan(
        file=file,
        tool="Trivy",
        names=tuple(dict.fromkeys(name for name in names if name)),
        digests=tuple(dict.fromkeys(digest for digest in digests if digest)),
        at=_time(value.get("CreatedAt")),
        vulnerabilities=tuple(weak),
        leaks=tuple(leaks),
        looked_at=sum(
            _text(result, "Class") not in ("config", "secret", "license", "license-file", "custom")
            for result in results
        ),
        hidden=hidden,
        broken=broken,
        ended=ended,
    )


def _of_trivy(entry: dict[str, Any], lines: dict[str, int]) -> Vulnerability:
    id_ = _text(entry, "VulnerabilityID")
    state = _text(entry, "Status")
    return Vulnerability(
        id=id_ or "(no identifier)",
        package=_text(entry, "PkgName") or "(no package)",
        installed=_text(entry, "InstalledVersion"),
        severity=_text(entry, "Severity").upper() or "UNKNOWN",
        fixed=_text(entry, "FixedVersion"),
        state="" if state == "fixed" else state.replace("_", " "),
        title=_text(entry, "Title"),
        aliases=tuple(_texts(entry.get("VendorIDs"))),
        line=lines.get(id_, 1),
    )


def _leak(entry: dict[str, Any], place: str, lines: dict[str, int]) -> Leak:
    """What Trivy matched stands in its report, and is not carried on from there."""
    rule = _text(entry, "RuleID")
    at = f"{place}:{entry['StartLine']}" if isinstance(entry.get("StartLine"), int) else place
    return Leak(_text(entry, "Title") or rule or "a secret", at, _text(entry, "Severity").upper(), lines.get(rule, 1))


def _grype(file: str, value: dict[str, Any], lines: dict[str, int]) -> Scan:
    matches, broken = _dicts(value.get("matches"))
    source, target = _dict(value, "source"), _dict(value, "source", "target")
    descriptor = _dict(value, "descriptor")
    is_image = source.get("type") == "image"
    names = [_text(target, "userInput"), *_texts(target.get("tags"))] if is_image else []
    digests = [_text(target, "manifestDigest")] if is_image else []
    digests += [name.partition("@")[2] for name in (*_texts(target.get("repoDigests")), *names)]
    weak = [_of_grype(match, lines) for match in matches]
    broken += sum(item.id == "(no identifier)" or item.package == "(no package)" for item in weak)
    database = _dict(descriptor, "db", "status").get("built") or _dict(descriptor, "db").get("built")
    system = _dict(value, "distro")
    known = bool(matches or _text(system, "name") or is_image)
    return Scan(
        file=file,
        tool="Grype",
        names=tuple(dict.fromkeys(name for name in names if name)),
        digests=tuple(dict.fromkeys(digest for digest in digests if digest)),
        at=_time(descriptor.get("timestamp")),
        database=_time(database),
        vulnerabilities=tuple(weak),
        looked_at=1 if known else 0,
        hidden=sum(_told_to(entry) for entry in _list(value.get("ignoredMatches"))),
        broken=broken,
    )


def _told_to(entry: Any) -> bool:
    """Whether somebody told Grype to leave a match out; its own rules are part of how it matches."""
    rules, broken = _dicts(entry.get("appliedIgnoreRules") if isinstance(entry, dict) else None)
    return bool(broken) or not rules or not all(_own_rule(rule) for rule in rules)


def _own_rule(rule: dict[str, Any]) -> bool:
    """The distribution says that it is not affected, or headers are taken for the kernel that they come with."""
    if _text(rule, "vex-status") or _text(rule, "fix-state"):
        return False
    package = _dict(rule, "package")
    headers = (_text(package, "name"), _text(package, "upstream-name")) in GRYPES_HEADERS
    return _text(rule, "reason") in GRYPES_REASONS or (headers and _text(rule, "match-type") == "exact-indirect-match")


def _of_grype(match: dict[str, Any], lines: dict[str, int]) -> Vulnerability:
    found, artifact = _dict(match, "vulnerability"), _dict(match, "artifact")
    related, _ = _dicts(match.get("relatedVulnerabilities"))
    fix = _dict(found, "fix")
    id_, state = _text(found, "id"), _text(fix, "state")
    return Vulnerability(
        id=id_ or "(no identifier)",
        package=_text(artifact, "name") or "(no package)",
        installed=_text(artifact, "version"),
        severity=_text(found, "severity").upper() or "UNKNOWN",
        fixed=", ".join(_texts(fix.get("versions"))),
        state="" if state in ("fixed", "unknown") else state.replace("-", " "),
        aliases=tuple(_text(item, "id") for item in related if _text(item, "id")),
        line=lines.get(id_, 1),
    )


def _time(value: Any) -> datetime | None:
    """RFC 3339, to the microsecond; None for nothing, Go's year 1, and what is no time."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC) if 1990 < at.year < 9000 else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> tuple[list[dict[str, Any]], int]:
    """The mappings of a list, and how many of its members, or the list itself, are something else."""
    if value is None:
        return [], 0
    members = value if isinstance(value, list) else [None]
    good = [item for item in members if isinstance(item, dict)]
    return good, len(members) - len(good)


def _dict(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    for key in keys:
        found = value.get(key)
        value = found if isinstance(found, dict) else {}
    return value


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return " ".join(found.split()) if isinstance(found, str) else ""


def _texts(value: Any) -> list[str]:
    return [item for item in _list(value) if isinstance(item, str)]
