"""Kubernetes Secrets inside texts: YAML, JSON and what the client's objects print; their data go, whatever the keys."""

from __future__ import annotations

import re

from runbook_lib.redact.mark import is_harmless, mark

_KIND = re.compile(r"kind\\{0,8}[\"']?\s{0,8}[:=]\s{0,8}\\{0,8}[\"']?Secret\b|V1Secret|\bstring_?data\b", re.I)
_BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)(?:data|stringData|string_data):[ \t]*\n"
    r"(?P<body>(?:(?P=indent)[ \t]+\S[^\n]*(?:\n|\Z)|[ \t]*\n)+)",
    re.M,
)
_LINE = re.compile(r"^([ \t]+)([\"']?[\w./-]{1,253}[\"']?:[ \t]*)?(\S.*)$", re.M)
_MAP = re.compile(r"(\\{0,8}[\"'](?:data|string_?data)\\{0,8}[\"']\s{0,16}:\s{0,16}\{)([^{}]{0,1000000})(?=\})", re.I)
_FIELD = re.compile(r"(:\s{0,16}b?)(\\{0,8}[\"'])(.{0,100000}?)(?<!\\)\2", re.S)
HIDDEN = mark("data of a Secret")


def hide(text: str) -> str:
    """The text with the values of every Secret in it marked."""
    if "ecret" not in text and "tring_data" not in text:
        return text
    if "ata" not in text or not _KIND.search(text):
        return text
    text = _MAP.sub(lambda found: found[1] + _FIELD.sub(_field, found[2]), text)
    if "data:" not in text and "Data:" not in text:
        return text
    documents = re.split(r"(?m)(^---.*$)", text)
    return "".join(_BLOCK.sub(_block, part) if _KIND.search(part) else part for part in documents)


def _field(found: re.Match[str]) -> str:
    return found[0] if is_harmless(found[3]) else f"{found[1]}{found[2]}{HIDDEN}{found[2]}"


def _block(found: re.Match[str]) -> str:
    start = found.start("body") - found.start()
    return found[0][:start] + _LINE.sub(_line, found["body"])


def _line(found: re.Match[str]) -> str:
    value = found[3].strip("\"'")
    if is_harmless(value) or (found[2] and found[3] in ("{}", "[]", "null", "~")):
        return found[0]
    return f"{found[1]}{found[2] or ''}{HIDDEN}"
