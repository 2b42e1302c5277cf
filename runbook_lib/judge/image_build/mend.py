"""Puts the mend of a finding into a copy of a Dockerfile's text, and says what changed as a patch."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable

from runbook_lib.artefacts import Dockerfile
from runbook_lib.judge.image_build.rule import Looked
from runbook_lib.model import Finding, Outcome

MOST = 50  # so many mends of one Dockerfile are tried: each is read and judged again
LARGEST = 100_000  # characters; what is longer no person wrote
Said = tuple[str, Outcome, str]


def mended(dockerfile: Dockerfile, looked: Looked) -> str:
    """The text with the mend in the place of the instruction it is for, or as one line more at the end."""
    lines = dockerfile.text.split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    new = [line + end for line in looked.mend.split("\n")]
    if looked.appended:
        while lines and not lines[-1].strip():
            lines.pop()
        lines[-1] = lines[-1].removesuffix("\r") + end
        return "\n".join([*lines, *new, ""])
    there = (i for stage in dockerfile.stages for i in stage.instructions if i.line == looked.line)
    raw = next((i.raw for i in there), "")
    lines[looked.line - 1 : looked.line + raw.count("\n")] = new
    return "\n".join(lines)


def patch(before: str, after: str) -> str:
    """The least difference, as ``patch`` reads it, with nothing around it: a neighbour may hold a secret."""
    old, new = ([line.removesuffix("\r") for line in text.split("\n")] for text in (before, after))
    told = difflib.unified_diff(old, new, n=0, lineterm="")
    return "\n".join(list(told)[2:])


def open_questions(found: Iterable[Finding]) -> Counter[Said]:
    """How often each check does not pass, wherever it stands and however it is said."""
    return Counter((f.check, f.outcome, f.severity) for f in found if f.outcome is not Outcome.PASS)


def helps(finding: Finding, before: Counter[Said], after: Counter[Said]) -> bool:
    """Whether its check fails less often than before, and no check more often."""
    own = (finding.check, finding.outcome, finding.severity)
    return after[own] < before[own] and not after - before
