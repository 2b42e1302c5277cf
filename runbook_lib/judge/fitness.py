"""One verdict over everything there is of an application: manifests, Dockerfile, scans, assessment, policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from runbook_lib.artefacts import Assessed, Dockerfile, Manifests, Policy, Schemas
from runbook_lib.judge.dockerfile import RULES, check_dockerfile, not_applicable
from runbook_lib.judge.house import by_policy
from runbook_lib.judge.image_build.hadolint import Remarks, check_remarks
from runbook_lib.judge.scan.judge import QUESTIONS, check_scans
from runbook_lib.judge.scan.seen import Scan
from runbook_lib.judge.workload.judge import CHECKS, check_manifests, order, verdicts
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Finding, Verdict


@dataclass(frozen=True)
class Given:
    """Everything that was read; a Dockerfile, hadolint's remarks and scans are not always there."""

    manifests: Manifests
    dockerfile: Dockerfile | None = None
    remarks: Remarks | None = None
    scans: tuple[Scan, ...] = ()
    assessed: Assessed = field(default_factory=Assessed)
    policy: Policy = field(default_factory=Policy)
    namespace: str = "default"
    schemas: Schemas | None = None
    application: str = ""


@dataclass(frozen=True)
class Asked:
    """A question that was put: what it is called, why it matters, and where that is explained."""

    id: str
    title: str
    severity: str
    reason: str
    link: str = ""


@dataclass(frozen=True)
class Fitness:
    """All findings, the gravest first; ``silent`` are checks that found nothing they apply to."""

    world: World
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    silent: tuple[str, ...]


def fitness(given: Given, now: datetime) -> Fitness:
    """Every check there is, put to everything at once, and the policy held against what they found."""
    policy = given.policy
    world = World(
        given.manifests.resources,
        given.dockerfile,
        given.assessed,
        policy,
        given.namespace,
        given.schemas,
        given.application,
    )
    report = check_manifests(world, given.manifests)
    found = [*report.findings, *check_scans(given.scans, world, now)]
    silent = [check.id for check in report.not_applicable]
    if given.dockerfile is not None:
        found += check_dockerfile(given.dockerfile, policy)
        silent += [rule.id for rule in not_applicable(given.dockerfile, policy)]
        found += check_remarks(given.remarks, given.dockerfile, policy) if given.remarks is not None else []
    found = by_policy(found, policy, (one.id for one in asked()), now.date())
    return Fitness(world, tuple(sorted(found, key=order)), tuple(verdicts(found)), tuple(silent))


def asked() -> tuple[Asked, ...]:
    """Every question of the catalogue, whatever it applies to."""
    told = [Asked(check.id, check.title, check.severity, check.reason, check.link) for check in CHECKS]
    told += [Asked(rule.id, rule.title, rule.severity, rule.reason, rule.link) for rule in RULES]
    return (*told, *(Asked(one.id, one.title, one.severity, one.reason) for one in QUESTIONS))
