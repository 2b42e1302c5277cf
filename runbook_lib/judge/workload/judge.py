"""Puts all checks to everything given, and sums them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import yaml

from runbook_lib.artefacts import Manifests
from runbook_lib.judge.workload import (
    api_versions,
    backup,
    batch,
    burst,
    claims,
    clear_text,
    config,
    controls,
    disruption,
    host,
    identity,
    image,
    java,
    joins,
    label_values,
    margins,
    monitors,
    outside,
    pod,
    policies,
    probe_targets,
    probes,
    pulling,
    rbac,
    replacing,
    resources,
    rollout,
    routes,
    scaling,
    scheduling,
    schema,
    scratch,
    secrets_held,
    security,
    services,
    stopping,
    strict,
    volumes,
    wiring,
)
from runbook_lib.judge.workload.check import Check, Seen
from runbook_lib.judge.workload.mend import working
from runbook_lib.judge.workload.to_make import comment, to_make
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Outcome, Verdict

TOPICS = (
    strict,
    api_versions,
    schema,
    label_values,
    probes,
    probe_targets,
    stopping,
    rollout,
    replacing,
    resources,
    burst,
    image,
    pulling,
    security,
    identity,
    rbac,
    scheduling,
    disruption,
    scaling,
    wiring,
    services,
    outside,
    routes,
    monitors,
    policies,
    config,
    clear_text,
    secrets_held,
    volumes,
    scratch,
    claims,
    backup,
    host,
    pod,
    batch,
    joins,
    java,
    margins,
    controls,
)
CHECKS: tuple[Check, ...] = tuple(check for topic in TOPICS for check in topic.CHECKS)
Dumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
GRAVITY = ("blocking", "warning", "info")


@dataclass(frozen=True)
class Report:
    """Every finding, passed ones too, the gravest first; the checks that found nothing they apply to."""

    findings: tuple[Finding, ...]
    not_applicable: tuple[Check, ...]


def check_manifests(world: World, manifests: Manifests | None = None) -> Report:
    """All checks over all objects; a patch is kept only when, applied to a copy, it makes its finding go away."""
    found = list(manifests.findings) if manifests else []
    silent: list[Check] = []
    for check in CHECKS:
        if check.id in world.policy.off:
            continue
        seen = list(check.judge(world))
        if not seen:
            silent.append(check)
        works, reason = working(world, check, seen), f"{check.reason} {check.link}"
        found += [_finding(world, check, item, reason, position in works) for position, item in enumerate(seen)]
    return Report(tuple(sorted(found, key=order)), tuple(silent))


def order(finding: Finding) -> tuple[int, int, int, str, str, int]:
    """Blocking first, of each severity what failed before what has no answer; then what is waived, and what passed."""
    rest = 2 if not finding.outcome else 1 if finding.waived else 0
    return (rest, GRAVITY.index(finding.severity), -finding.outcome, finding.check, finding.file, finding.line)


def _finding(world: World, check: Check, seen: Seen, reason: str, mend_works: bool) -> Finding:
    severity = world.policy.severities.get(check.id) or seen.severity or check.severity
    return Finding(
        check=check.id,
        title=check.title,
        outcome=seen.outcome,
        severity=cast(Literal["blocking", "warning", "info"], severity),
        object=seen.object,
        message=seen.message,
        reason=reason,
        file=seen.node.file,
        line=seen.node.line,
        mend=comment(to_make(world, [seen.mend])) + _written(seen.mend) if seen.mend and mend_works else "",
    )


def verdicts(findings: Iterable[Finding]) -> list[Verdict]:
    """One verdict a severity: failed blocking findings FAIL, unanswered ones are INCONCLUSIVE, the rest passes."""
    all_found = list(findings)
    result = []
    for severity in GRAVITY:
        own = [f for f in all_found if f.severity == severity]
        waived = [f for f in own if f.waived]
        failed = [f for f in own if f.outcome is Outcome.FAIL and not f.waived]
        open_ = [f for f in own if f.outcome is Outcome.INCONCLUSIVE and not f.waived]
        outcome = Outcome.PASS
        if severity == "blocking":
            outcome = Outcome.FAIL if failed else Outcome.INCONCLUSIVE if open_ or not own else Outcome.PASS
        message = f"{len(failed)} of {len(own)} {severity} findings failed, {len(open_)} could not be answered"
        message += f", {len(waived)} waived" if waived else ""
        if severity == "blocking" and (named := failed or open_):
            message += f": {named[0].check} at {named[0].object}"
            message += f" and {len(named) - 1} more" if len(named) > 1 else ""
        numbers = {"failed": float(len(failed)), "unknown": float(len(open_)), "all": float(len(own))}
        numbers |= {"waived": float(len(waived))} if waived else {}
        result.append(Verdict(f"{severity} checks", outcome, message, numbers))
    return result


def _written(mend: dict[str, Any]) -> str:
    return str(yaml.dump(mend, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)).rstrip()
