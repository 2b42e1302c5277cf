"""Kubernetes Secrets inside texts: YAML, JSON and what the client's objects print; their data go, whatever the keys."""

from __future__ import annotations

import re

from runbook_lib.redact.mark import is_harmless, mark

HIDDEN = mark("data of a Secret")
_QUOTE = r"\\{0,8}(?:[\"']|&(?:quot|apos|#34|#39|#x27);)"
_KIND = re.compile(rf"kind(?:{_QUOTE})?\s{{0,8}}[:=]\s{{0,8}}(?:{_QUOTE})?Secret\b|V1Secret|\bstring_?data\b", re.I)
_MAP = re.compile(
    rf"({_QUOTE}(?:data|string_?data){_QUOTE}\s{{0,16}}:\s{{0,16}}\{{)([^{{}}]{{0,1000000}})(?=\}})", re.I
)
_FIELD = re.compile(rf"(:\s{{0,16}}b?)({_QUOTE})(.{{0,100000}}?)(?<!\\)\2", re.S)
_BREAK = re.compile(r"(\r?\n|\\{1,8}n)")
_HEAD = re.compile(r"([ \t]*)(?:data|stringData|string_data):[ \t]*\Z")
_LINE = re.compile(r"([ \t]+)([\"']?[\w./-]{1,253}[\"']?:[ \t]*)?(\S.*)\Z", re.S)


def hide(text: str) -> str:
    """The text with the values of every Secret in it marked."""
    if ("ecret" not in text and "tring_data" not in text) or "ata" not in text or not _KIND.search(text):
        return text
    text = _MAP.sub(lambda found: found[1] + _FIELD.sub(_field, found[2]), text)
    if "ata:" not in text:
        return text
    documents = re.split(r"((?:^|\\n)---)", text, flags=re.M)
    return "".join(_without_blocks(part) if _KIND.search(part) else part for part in documents)


def _without_blocks(text: str) -> str:
    """Of YAML: each line that stands deeper than a ``data:`` before it; a line may end as in a printed string."""
    lines, inside = _BREAK.split(text), -1
    for index in range(0, len(lines), 2):
        line = lines[index]
        deep = len(line) - len(line.lstrip(" \t"))
        if inside >= 0 and line.strip() and deep <= inside:
            inside = -1
        if inside >= 0:
            lines[index] = _LINE.sub(_line, line)
        elif head := _HEAD.match(line):
            inside = len(head[1])
    return "".join(lines)


def _field(found: re.Match[str]) -> str:
    return found[0] if is_harmless(found[3]) else f"{found[1]}{found[2]}{HIDDEN}{found[2]}"


def _line(found: re.Match[str]) -> str:
    value = found[3].strip("\"'")
    if is_harmless(value) or (found[2] and found[3] in ("{}", "[]", "null", "~")):
        return found[0]
    return f"{found[1]}{found[2] or ''}{HIDDEN}"
