"""Where a text is still a template: it has to be rendered before it is objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
# a chart's own objects and functions, which stand in quotes as often as not; an alert's {{ $labels }} is another's
CHART = re.compile(
    r"\{\{-?\s*(?:(?:\$?\.(?:Values|Release|Chart|Capabilities|Files|Template)\b)|(?:include|toYaml|tpl|required)\s).*?\}\}"
)
_PREFIX = re.compile(r" *(?:- +)*")
_BLOCK = re.compile(r"(?:^|[:\-]\s+|\s)[|>][-+0-9]*\s*(?:#.*)?$")


def first_template(text: str) -> tuple[int, str] | None:
    """Line and text of the first expression that nobody rendered; None when there is none."""
    if "{{" not in text and "{%" not in text:
        return None
    for number, line in _outside_blocks(text):
        if line.lstrip().startswith("#"):
            continue
        found = TEMPLATE.search(line)
        if found and not _opens_template(line, found.start()):
            found = CHART.search(line)
        if found:
            return number, found.group()[:40]
    return None


def _outside_blocks(text: str) -> Iterator[tuple[int, str]]:
    """Numbers and lines, without the insides of block scalars: a file inside a ConfigMap may hold any braces."""
    inside: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip(" "))
        if inside is not None and (indent > inside or not line.strip()):
            continue
        inside = None
        yield number, line
        if _BLOCK.search(line) and not line.lstrip().startswith("#"):
            prefix = _PREFIX.match(line)
            inside = len(prefix[0]) if prefix else 0
            if line[inside:].lstrip().startswith(("|", ">")):
                inside -= 2  # an item of a list that is a block itself


def _opens_template(line: str, position: int) -> bool:
    """Quoted braces in a value, as alert annotations hold them, are text and no template."""
    before = line[:position]
    return before.count('"') % 2 == 0 and before.count("'") % 2 == 0
