"""The instructions of a Dockerfile as text: continuations joined and here-documents kept apart, as BuildKit does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:\\.|[^"\\])*"|'[^']*')+""")
HEREDOC = re.compile(r"""^\d*<<(-?)(['"]?)([^<'"]+)\2$""")
WITH_HEREDOC = ("RUN", "COPY", "ADD")


@dataclass(frozen=True)
class Line:
    """One instruction; ``number`` counts from one, ``problem`` says why the builder refuses it.

    ``raw`` are the lines as they stand in the file, comments between them too.
    """

    number: int
    text: str
    body: str = ""
    problem: str = ""
    raw: str = ""


def logical_lines(text: str) -> Iterator[Line]:
    """Every instruction of the text, comments and empty lines dropped."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    escape, position = _escape(lines), 0
    goes_on = re.compile(rf"(?:^|[^{re.escape(escape)}])({re.escape(escape)}[ \t]*)$")
    while position < len(lines):
        start, more = position, True
        parts: list[str] = []
        while more and position < len(lines):
            line = lines[position] if parts else lines[position].lstrip()
            position += 1
            if line.lstrip().startswith("#") or (parts and not line.strip()):
                more = bool(parts)
                continue
            found = goes_on.search(line) if line.rstrip(" \t").endswith(escape) else None
            more = found is not None
            parts.append(line[: found.start(1)] if found else line)
        joined = "".join(parts).strip()
        if joined:
            body, position, problem = _bodies(joined, lines, position)
            yield Line(start + 1, joined, body, problem, "\n".join(lines[start:position]))


def _bodies(joined: str, lines: list[str], position: int) -> tuple[str, int, str]:
    """What the here-documents of an instruction hold, the line after them, and the one that has no end."""
    body: list[str] = []
    for chomp, name in heredocs(joined):
        while position < len(lines):
            line = lines[position].lstrip("\t") if chomp else lines[position]
            position += 1
            if line == name:
                break
            body.append(line + "\n")
        else:
            return "".join(body), position, f"the here-document {name[:30]} has no end"
    return "".join(body), position, ""


def heredocs(text: str) -> list[tuple[bool, str]]:
    """Of each here-document that an instruction opens: whether tabs are dropped, and the word that ends it."""
    name, _, rest = text.partition(" ")
    if "<<" not in text or (name.upper() not in WITH_HEREDOC and name.upper() != "ONBUILD"):
        return []
    words = (HEREDOC.match(word) for word in WORD.findall(rest))
    return [(found.group(1) == "-", found.group(3)) for found in words if found]


def _escape(lines: list[str]) -> str:
    """The escape character; directives stand before everything else."""
    for line in lines:
        found = DIRECTIVE.match(line.lstrip())
        if not found or found.group(1).lower() not in ("escape", "syntax", "check"):
            break
        if found.group(1).lower() == "escape":
            return "`" if found.group(2) == "`" else "\\"
    return "\\"
