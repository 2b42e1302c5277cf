"""Walks a source tree and finds what binds the application to its machine: ast-grep for code, lines for the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ast_grep_py import SgRoot

from runbook_lib.artefacts import Evidence, Rule
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome

LARGEST = 2 * 2**20
LEFT_OUT = frozenset((".git", ".svn", ".hg", "node_modules", "target", "build", "dist", "__pycache__", ".venv", "venv"))
SUPPRESSION = re.compile(r"runbook:\s*ignore\s+(?P<rule>[\w-]+)\s+(?P<reason>\S.*)")
CAPTURED = re.compile(
    r"""["'](?P<path>(?:file://)?/[^"'\s]+)["']|(?P<address>\d{1,3}(?:\.\d{1,3}){3})|"(?P<word>[^"]*)"|'(?P<other>[^']*)'"""
)
CREDENTIAL = re.compile(
    r"""(?i)((?:password|passwd|secret|token|api[_-]?key|access[_-]?key)["']?\s*[=:]\s*)[^\s,;)]+"""
)
COMMENT = re.compile(r"^\s*(#|//|;|<!--|/?\*[^/\d]*$)")
FOLDER = re.compile(r"""["']((?:file://)?/[\w.-]+/[^"'\s]+)["']""")


# Where a rule's `unless` looks: a library that answers the rule is named here.
BUILD_FILES = ("pom.xml", "build.gradle", "build.gradle.kts", "requirements.txt", "pyproject.toml", "package.json")


@dataclass(frozen=True)
class Scan:
    """What a tree holds: evidence in file order, how many files were read, what could not be."""

    evidence: tuple[Evidence, ...]
    files: int
    findings: tuple[Finding, ...] = ()


def scan_source(root: Path, rules: Iterable[Rule]) -> Scan:
    """Every place where a rule matches; paths are relative to ``root``. Symbolic links are not followed.

    Raises BadParameters when the folder is missing, or holds no file that any rule is about.
    """
    if not root.is_dir():
        raise BadParameters(f"source tree {root} does not exist: check assessment.source in the parameters")
    all_rules = tuple(rules)
    build: list[str] = []
    evidence: list[Evidence] = []
    findings: list[Finding] = []
    count = 0
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        wanted = tuple(rule for rule in all_rules if _concerns(rule, name))
        text = _text(path, name, findings) if wanted or path.name in BUILD_FILES else None
        if text is None:
            continue
        count += 1
        if path.name in BUILD_FILES:
            build.append(text)
        evidence += scan_text(text, name, wanted)
    if not count:
        raise BadParameters(f"source tree {root} holds no source or configuration that the rules know: check the path")
    answered = {rule.id for rule in all_rules if rule.unless and re.search(rule.unless, "\n".join(build))}
    evidence = [item for item in evidence if item.rule.id not in answered]
    return Scan(tuple(evidence), count, tuple(findings))


def scan_text(text: str, file: str, rules: Iterable[Rule]) -> list[Evidence]:
    """The evidence in one file; one topic is reported once a line, by the gravest rule."""
    found: dict[tuple[str, int], Evidence] = {}
    parsed: dict[str, SgRoot] = {}
    lines = text.splitlines()
    for rule in rules:
        if rule.requires and not re.search(rule.requires, text):
            continue
        matches = _lines(rule, lines) if rule.language == "text" else _syntax(rule, text, parsed)
        for line, matched, captured in matches:
            key = (rule.topic, line)
            if key not in found or _graver(rule, found[key].rule):
                reason = _suppressed(lines, line, rule.id)
                found[key] = Evidence(rule, file, line, _masked(matched), captured, reason)
    return sorted(found.values(), key=lambda item: item.line)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _concerns(rule: Rule, name: str) -> bool:
    base = name.rpartition("/")[2]
    return any(
        fnmatch(base, pattern) or fnmatch(name, pattern) or fnmatch(name, f"*/{pattern}") for pattern in rule.files
    )


def _text(path: Path, name: str, findings: list[Finding]) -> str | None:
    """The file's text in whatever encoding; None for a binary, or with a finding for what cannot be read."""
    try:
        if path.stat().st_size > LARGEST:
            findings.append(_unread(name, f"{name} is larger than 2 MiB and was not read"))
            return None
        data = path.read_bytes()
    except OSError as error:
        findings.append(_unread(name, f"{name} cannot be read: {error.strerror}"))
        return None
    if b"\0" in data[:8192]:
        return None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _lines(rule: Rule, lines: list[str]) -> Iterator[tuple[int, str, str]]:
    pattern = re.compile(rule.match)
    for number, line in enumerate(lines, 1):
        if COMMENT.match(line):
            continue
        found = pattern.search(line[:2000])
        if found:
            captured = next((group for group in found.groups() if group), "")
            yield number, line.strip()[:200], captured.strip()


def _syntax(rule: Rule, text: str, parsed: dict[str, SgRoot]) -> Iterator[tuple[int, str, str]]:
    if rule.language not in parsed:
        parsed[rule.language] = SgRoot(text, rule.language)
    for node in parsed[rule.language].root().find_all({"rule": rule.match}):
        matched = " ".join(node.text().split())[:200]
        found = CAPTURED.search(matched)
        captured = next((group for group in found.groups() if group), "") if found else ""
        if rule.topic == "local-file" and not captured.startswith("/"):
            folder = FOLDER.search(text)  # the path is most often a constant of the same file
            captured = folder.group(1) if folder else captured
        yield node.range().start.line + 1, matched, captured


def _graver(one: Rule, other: Rule) -> bool:
    order = ("blocking", "warning", "info")
    return order.index(one.severity) < order.index(other.severity)


def _masked(text: str) -> str:
    """The text without the values of credentials: evidence is archived and shown."""
    return CREDENTIAL.sub(r"\1(not shown)", text)


def _suppressed(lines: list[str], line: int, rule: str) -> str:
    """The reason given in a comment on the line or the one above; empty when there is none."""
    for text in lines[max(0, line - 2) : line]:
        found = SUPPRESSION.search(text)
        if found and found["rule"] == rule:
            return found["reason"].strip().removesuffix("-->").removesuffix("*/").strip()
    return ""


def _unread(name: str, message: str) -> Finding:
    return Finding(
        check="source-readable",
        title="Every source file can be read",
        outcome=Outcome.INCONCLUSIVE,
        severity="warning",
        object=name,
        message=message,
        reason="What was not read may bind the application to its machine.",
        file=name,
    )
