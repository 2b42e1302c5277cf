"""The lines of the files that findings are about, with their numbers; never those that hold a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from runbook_lib.artefacts import Output
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.text import read_text
from runbook_lib.redact import Redactor

SECRET = re.compile(r"secret|placeholder|leak|password")
"""Checks whose line is the secret itself."""
REPORT = re.compile(r"image-scanned|scan-|vulnerability")
"""Checks whose line is of a scanner's report, in which secrets lie beside it."""
HIDDEN = "«redacted: a line that may hold a secret»"
AROUND = 2
Place = tuple[str, int]


def excerpts(findings: Iterable[Finding], rendered: Iterable[Output] = (), around: int = AROUND) -> dict[Place, str]:
    """A few lines around the place of each finding that is no pass; of what was rendered those that the tool made."""
    made = {one.name: one.text for one in rendered}
    files: dict[str, list[str]] = {}
    found: dict[Place, str] = {}
    open_ = [finding for finding in findings if finding.outcome is not Outcome.PASS and finding.line]
    silent = {(f.file, f.line) for f in open_ if SECRET.search(f.check)}
    for finding in open_:
        if SECRET.search(finding.check) or REPORT.search(finding.check) or finding.object.startswith("Secret/"):
            continue
        if finding.file not in files:
            lines = _safe(made.get(finding.file) or _text(finding.file))
            files[finding.file] = [HIDDEN if (finding.file, n) in silent else t for n, t in enumerate(lines, start=1)]
        if finding.line <= len(files[finding.file]):
            found[finding.file, finding.line] = excerpt(files[finding.file], finding.line, around)
    return found


def excerpt(lines: list[str], line: int, around: int = AROUND) -> str:
    """The line and its neighbours within the same YAML document, each with its number, the line itself marked."""
    first = last = line
    while first > max(1, line - around) and not lines[first - 2].startswith("---"):
        first -= 1
    while last < min(len(lines), line + around) and not lines[last].startswith("---"):
        last += 1
    width = len(str(last))
    rows = range(first, last + 1)
    return "\n".join(f"{'>' if n == line else ' '} {n:>{width}}  {lines[n - 1][:160]}".rstrip() for n in rows)


def _safe(text: str) -> list[str]:
    """The lines without what only the whole text shows to be secret: data of a Secret, the middle of a key."""
    lines, told = text.splitlines(), Redactor().text(text).splitlines()
    if len(lines) == len(told):
        return told
    there = set(told)
    return [line if line in there else HIDDEN for line in lines]


def _text(file: str) -> str:
    path = Path(file)
    try:
        return read_text(path, "file") if path.is_file() else ""
    except BadParameters:
        return ""
