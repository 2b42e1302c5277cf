"""Puts all rules to a Dockerfile: what the image holds, who it runs as, whether it hears SIGTERM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.judge.image_build import base, content, fetching, habits, packages, process
from runbook_lib.judge.image_build.rule import Looked, Rule, passed
from runbook_lib.model import Finding, Outcome

RULES: tuple[Rule, ...] = base.RULES + process.RULES + habits.RULES + content.RULES + fetching.RULES + packages.RULES


def check_dockerfile(dockerfile: Dockerfile, policy: Policy | None = None) -> list[Finding]:
    """All findings of one Dockerfile, passed ones too; what could not be parsed comes first."""
    allowed = policy or Policy()
    found = list(dockerfile.findings)
    for rule in (rule for rule in RULES if dockerfile.stages and rule.id not in allowed.off):
        found += [_finding(rule, looked, dockerfile, allowed) for looked in _looked(rule, dockerfile, allowed)]
    return found


def not_applicable(dockerfile: Dockerfile, policy: Policy | None = None) -> tuple[Rule, ...]:
    """The rules that found nothing in it that they apply to."""
    allowed = policy or Policy()
    asked = (rule for rule in RULES if rule.id not in allowed.off)
    return tuple(rule for rule in asked if not list(_looked(rule, dockerfile, allowed)))


def _looked(rule: Rule, dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    found = list(rule.judge(dockerfile, policy))
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
        mend=looked.mend if looked.outcome is Outcome.FAIL else "",
    )
