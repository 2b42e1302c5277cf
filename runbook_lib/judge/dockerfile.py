"""Puts all rules to a Dockerfile: what the image holds, who it runs as, whether it hears SIGTERM."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Literal, cast

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.judge.image_build import base, content, fetching, habits, packages, process
from runbook_lib.judge.image_build.mend import LARGEST, MOST, Said, helps, mended, open_questions, patch
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.image_build.rule import Looked, Rule, passed
from runbook_lib.model import Finding, Outcome

RULES: tuple[Rule, ...] = base.RULES + process.RULES + habits.RULES + content.RULES + fetching.RULES + packages.RULES


def check_dockerfile(dockerfile: Dockerfile, policy: Policy | None = None) -> list[Finding]:
    """All findings of one Dockerfile, passed ones too; what could not be parsed comes first.

    A mend is tried on a copy, which is read and judged again, and shown where it takes its finding away and brings no
    other: of the first fifty that could be written, in a file that a person can have written.
    """
    allowed = policy or Policy()
    told = list(_told(dockerfile, allowed))
    before = open_questions([finding for finding, _ in told])
    secret = {f.line for f, _ in told if f.check == "image-secret" and f.outcome is Outcome.FAIL}
    tried = [(f, saw) for f, saw in told if saw and saw.mend and f.line not in secret]
    most = MOST if len(dockerfile.text) <= LARGEST else 0
    mends = {id(f): _mend(f, saw, dockerfile, allowed, before) for f, saw in tried[:most]}
    return [dataclasses.replace(f, mend=mends.get(id(f), "")) for f, _ in told]


def _told(dockerfile: Dockerfile, policy: Policy) -> Iterator[tuple[Finding, Looked | None]]:
    """Every finding with what the rule saw; None for what could not be parsed."""
    yield from ((finding, None) for finding in dockerfile.findings)
    for rule in (rule for rule in RULES if dockerfile.stages and rule.id not in policy.off):
        yield from (
            (_finding(rule, looked, dockerfile, policy), looked) for looked in _looked(rule, dockerfile, policy)
        )


def _mend(finding: Finding, looked: Looked, dockerfile: Dockerfile, policy: Policy, before: Counter[Said]) -> str:
    text = mended(dockerfile, looked)
    after = open_questions(f for f, _ in _told(parse_dockerfile(text, dockerfile.file), policy))
    return patch(dockerfile.text, text) if helps(finding, before, after) else ""


def not_applicable(dockerfile: Dockerfile, policy: Policy | None = None) -> tuple[Rule, ...]:
    """The rules that found nothing in it that they apply to."""
    allowed = policy or Policy()
    asked = (rule for rule in RULES if rule.id not in allowed.off)
    return tuple(rule for rule in asked if not list(_looked(rule, dockerfile, allowed)))


def _looked(rule: Rule, dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    found = list(dict.fromkeys(rule.judge(dockerfile, policy)))  # a RUN may say the same thing twice
    if not found and rule.well:
        found = [passed(dockerfile.stages[-1].line, rule.well)]
    yield from found


def _finding(rule: Rule, looked: Looked, dockerfile: Dockerfile, policy: Policy) -> Finding:
    """An open question about a Dockerfile alone is a warning: the manifests are asked the same, and block."""
    severity = policy.severities.get(rule.id) or looked.severity or rule.severity
    return Finding(
        check=rule.id,
        title=rule.title,
        outcome=looked.outcome,
        severity=cast(
            Literal["blocking", "warning", "info"], "warning" if looked.outcome is Outcome.INCONCLUSIVE else severity
        ),
        object="Dockerfile",
        message=looked.message,
        reason=f"{rule.reason} {rule.link}",
        file=dockerfile.file,
        line=looked.line,
    )
