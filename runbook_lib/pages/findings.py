"""What the checks found, as JSON for programs and as lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.judge.fitness import Fitness
from runbook_lib.model import Finding, Outcome, plain, worst

WORDS = {
    Outcome.PASS: "fit for the pilot: nothing blocks",
    Outcome.INCONCLUSIVE: "not known: a blocking question has no answer",
    Outcome.FAIL: "not fit: something blocks",
}


def as_json(fitness: Fitness) -> dict[str, Any]:
    """Everything, passed findings too; the order is that of the table."""
    return {
        "outcome": worst(fitness.verdicts).name,
        "verdicts": plain(fitness.verdicts),
        "findings": [_split(finding) for finding in fitness.findings],
        "nothing_to_apply_to": list(fitness.silent),
        "switched_off": list(fitness.world.policy.off),
    }


def _split(finding: Finding) -> dict[str, Any]:
    """The finding with its link apart from the reason."""
    text, _, link = finding.reason.partition(" https://")
    return {**plain(finding), "reason": text, "link": f"https://{link}" if link else ""}


def lines(
    fitness: Fitness, root: Path, width: int = 100, excerpts: Mapping[tuple[str, int], str] | None = None
) -> list[str]:
    """Verdict first, then what is open, blocking first, and what somebody answers for; each with its ``excerpts``."""
    outcome = worst(fitness.verdicts)
    said = [f"{outcome.name}: {WORDS[outcome]}"]
    said += [f"  {verdict.message}" for verdict in fitness.verdicts]
    said.append(f"  {len(fitness.silent)} checks found nothing they apply to")
    off = fitness.world.policy.off
    said += [f"  switched off by the policy: {', '.join(off)}"] if off else []
    shown = [finding for finding in fitness.findings if finding.outcome is not Outcome.PASS]
    about = excerpts or {}
    return [*said, *(line for f in shown for line in _finding(f, root, width, about.get((f.file, f.line), "")))]


def _finding(finding: Finding, root: Path, width: int, excerpt: str) -> list[str]:
    head = f"{weight(finding):<9}  {finding.check:<22}  {where(finding, root)}".rstrip()
    found = _wrapped(f"{finding.object}: {finding.message}", width)
    why = _wrapped(f"waived by {finding.waived}" if finding.waived else f"why: {finding.reason}", width)
    quoted = [f"      {line}"[:width] for line in excerpt.splitlines()]
    return ["", head, *found, *quoted, *why, *_mend(finding, width)]


def _mend(finding: Finding, width: int) -> Sequence[str]:
    """An object's patch is in the overlay; what a Dockerfile or an image needs is said here."""
    if not finding.mend:
        return []
    if of_object(finding):
        return _wrapped("mend: a machine can write it; --overlay FOLDER, or --format json", width)
    if "\n" in finding.mend:
        return ["    mend:", *(f"      {line}" for line in finding.mend.splitlines())]
    return _wrapped(f"mend: {finding.mend}", width)


def of_object(finding: Finding) -> bool:
    """Whether the mend is a patch of an object, and no line for the Dockerfile or a version to take."""
    return finding.object != "Dockerfile" and "\n" in finding.mend


def _wrapped(text: str, width: int) -> Sequence[str]:
    return textwrap.wrap(
        text,
        max(40, width),
        initial_indent="    ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def weight(finding: Finding) -> str:
    """``blocking``, with a question mark when there is no answer; ``waived`` when somebody answers for it."""
    if finding.waived:
        return "waived"
    return finding.severity if finding.outcome is Outcome.FAIL else f"{finding.severity}?"


def where(finding: Finding, root: Path) -> str:
    """file:line as an editor opens it, relative to the root where it lies below it."""
    path = Path(finding.file)
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown}:{finding.line}" if finding.line else str(shown) if finding.file else ""
