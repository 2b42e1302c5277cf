"""What the rules find in the text of one file: ast-grep for code, lines for configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ast_grep_py import SgNode, SgRoot

from runbook_lib.artefacts import Evidence, Rule
from runbook_lib.observe.source.choice import by_words, pattern
from runbook_lib.observe.source.comments import lines_without_comments
from runbook_lib.observe.source.expressions import of_one_line
from runbook_lib.observe.source.secrets import masked

SUPPRESSION = re.compile(r"runbook:\s*ignore\s+(?P<rule>[\w-]+)\s+(?P<reason>\S.*)")
PATH = re.compile(r"""["'`]((?:file://)?/[^"'`\s]+)["'`]|>\s*["']?(/[^"'\s&|;]+)|\s(/[^"'\s&|;]+)$""")
CAPTURED = {
    "fixed-address": re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){2,3})(?![\d.])"),
    "localhost": re.compile(r"((?:localhost|127\.0\.0\.1)(?::\d+)?)"),
    "cron": re.compile(r"""["'`]([^"'`]*)["'`]"""),
    "port": re.compile(r"(?<![\d.])(\d{2,5})(?![\d.])"),
    **dict.fromkeys(("local-file", "log-file", "scratch", "native"), PATH),
}
"""What is worth keeping of a place in code, by topic: what a control needs to know."""
FOLDER = re.compile(
    r"""["'`](?:file://)?(/(?:data\d*|export|home|mnt|nas|nfs|srv|opt|var|usr|apps?|u\d\d|backup|share|storage|ftp|logs?|media|tmp)/[^"'`\s]+)["'`]"""
)
OUTSIDE = re.compile(r"\?>.*?(?:<\?(?:php|=)|\Z)|\A(?:(?!<\?).)+<\?(?:php|=)", re.DOTALL)
LONGEST = 20_000
"""So much of a line is looked at; files with a longer one are not read at all."""
SHOWN = 200
GRAVITY = ("blocking", "warning", "info")
GRAMMARS = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx"}

Place = tuple[int, str, str]
"""Line, matched text, and what was captured in it."""


@dataclass
class _Text:
    """One file's text; lines and tree are made when the first rule asks for them."""

    text: str
    name: str
    trees: dict[str, SgNode] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def tree(self, language: str) -> SgNode:
        suffix = self.name[self.name.rfind(".") :] if "." in self.name else ""
        grammar = GRAMMARS.get(suffix, "javascript") if language in ("javascript", "typescript") else language
        if grammar not in self.trees:
            self.trees[grammar] = SgRoot(_code(self.text) if grammar == "php" else self.text, grammar).root()
        return self.trees[grammar]

    def configuration(self) -> list[str]:
        if not self.lines:
            self.lines = lines_without_comments(self.text, self.name)
        return self.lines


def scan_text(text: str, file: str, rules: Iterable[Rule]) -> list[Evidence]:
    """The evidence in one file; one topic is reported once a line, by the gravest rule."""
    found: dict[tuple[str, int], Evidence] = {}
    wanted = by_words(rules, text)
    if not wanted:
        return []
    source = _Text(text, file)
    written = text.split("\n")
    for rule in wanted:
        for line, matched, captured in _places(rule, source):
            key = (rule.topic, line)
            if key not in found or _graver(rule, found[key].rule):
                reason = _suppressed(written, line, rule.id)
                shown = masked(" ".join(matched.split())[:SHOWN], rule.topic)
                found[key] = Evidence(rule, file, line, shown, "" if rule.topic == "secret" else captured, reason)
            if rule.once:
                break
    return sorted(found.values(), key=lambda item: item.line)


def _places(rule: Rule, source: _Text) -> Iterator[Place]:
    return _lines(rule, source) if rule.language == "text" else _syntax(rule, source)


def _lines(rule: Rule, source: _Text) -> Iterator[Place]:
    if not pattern(of_one_line(rule.match)).search(source.text):  # at once: most rules find nothing in most files
        return
    wanted = pattern(rule.match)
    for number, line in enumerate(source.configuration(), 1):
        found = wanted.search(line[:LONGEST]) if line else None
        if found:
            captured = next((group for group in found.groups() if group), "")
            yield number, line, captured.strip()


def _syntax(rule: Rule, source: _Text) -> Iterator[Place]:
    config: Any = {"rule": rule.match} | ({"constraints": rule.constraints} if rule.constraints else {})
    for node in source.tree(rule.language).find_all(config):
        matched = node.text()[:LONGEST]
        yield node.range().start.line + 1, matched, _captured(rule.topic, matched, source.text)


def _captured(topic: str, matched: str, text: str) -> str:
    found = CAPTURED[topic].search(matched) if topic in CAPTURED else None
    if topic == "local-file" and not found:
        found = FOLDER.search(text)  # the path is most often a constant of the same file
    return next((group for group in found.groups() if group), "") if found else ""


def _code(text: str) -> str:
    """PHP without the page around it, line numbers kept: the grammar knows no HTML."""
    if not OUTSIDE.search(text):
        return text
    return OUTSIDE.sub(lambda found: ";" + "\n" * found.group().count("\n"), text)


def _graver(one: Rule, other: Rule) -> bool:
    return GRAVITY.index(one.severity) < GRAVITY.index(other.severity)


def _suppressed(lines: list[str], line: int, rule: str) -> str:
    """The reason given in a comment on the line or the one above; empty when there is none."""
    for text in lines[max(0, line - 2) : line]:
        found = SUPPRESSION.search(text[:LONGEST])
        if found and found["rule"] == rule:
            return found["reason"].strip().removesuffix("-->").removesuffix("*/").strip()
    return ""
