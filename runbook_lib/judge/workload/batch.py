"""Jobs and scheduled jobs: what a crontab did without being asked, and what it never did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch, unknown
from runbook_lib.judge.workload.pod import UTC
from runbook_lib.judge.workload.schedule import never_comes, wrong_schedule, wrong_zone
from runbook_lib.judge.workload.world import Workload, World

JOBS = DOCS + "concepts/workloads/controllers/job/"
CRON_JOBS = DOCS + "concepts/workloads/controllers/cron-jobs/"
HELPERS = re.compile(
    r"(?i)(istio-?proxy|envoy|linkerd-proxy|cloud-?sql-?proxy|fluent-?(bit|d)|filebeat|vault-agent|daprd|promtail"
    r"|pushgateway|jmx-exporter|otel|collector|proxyv2|side-?car)"
)
LONGEST_NAME = 52


def scheduled_jobs(world: World) -> Iterator[Seen]:
    """A job that comes from a crontab: not twice at a time, and at the hour it had."""
    for workload in world.workloads("CronJob"):
        policy = workload.spec.get("concurrencyPolicy")
        if policy.text("Allow") == "Allow":
            mend = patch(workload.resource, {"spec": {"concurrencyPolicy": "Forbid"}})
            message = f"concurrencyPolicy {policy.text('not set, so Allow')}: a slow run overlaps with the next"
            yield failed(workload, policy, message, mend)
        else:
            yield passed(workload, policy, f"concurrencyPolicy {policy.text()}")
        yield _hour(workload, world.assessed.time_zone)


def _hour(workload: Workload, known: str) -> Seen:
    zone = workload.spec.get("timeZone")
    mend = patch(workload.resource, {"spec": {"timeZone": known}})
    if not known and not zone.exists:
        message = "timeZone is not set, so UTC, and in which zone the crontab ran was not assessed"
        return unknown(workload, zone, message, "warning")
    if known not in UTC and not zone.exists:
        message = f"timeZone is not set: the schedule is UTC, the VMs' crontab ran in {known}"
        return failed(workload, zone, message, mend)
    if known and zone.exists and zone.text() != known and not (zone.text() in UTC and known in UTC):
        return failed(workload, zone, f"timeZone {zone.text()}, the VMs' crontab ran in {known}", mend)
    return passed(workload, zone, f"timeZone {zone.text('not set, so UTC')}")


def readable_schedule(world: World) -> Iterator[Seen]:
    for workload in world.workloads("CronJob"):
        node, zone = workload.spec.get("schedule"), workload.spec.get("timeZone")
        wrong = wrong_schedule(node.text()) if node.text() else "no schedule"
        if wrong:
            yield failed(workload, node, f"schedule {node.text()[:60]!r} is refused: {wrong}")
        elif never_comes(node.text()):
            message = f"schedule {node.text()[:60]} is taken and never comes: none of its months has such a day"
            yield failed(workload, node, message)
        elif zone.exists and wrong_zone(zone.text()):
            yield failed(workload, zone, f"timeZone is refused: {wrong_zone(zone.text())}")
        elif len(workload.resource.name) > LONGEST_NAME:
            message = f"the name has {len(workload.resource.name)} letters, a CronJob's at most {LONGEST_NAME}"
            yield failed(workload, workload.resource.node.get("metadata", "name"), message)
        else:
            yield passed(workload, node, f"schedule {node.text()}")


def missed_runs(world: World) -> Iterator[Seen]:
    """The controller looks every ten seconds; what is due for longer than the deadline is left out."""
    for workload in world.workloads("CronJob"):
        node = workload.spec.get("startingDeadlineSeconds")
        seconds = node.integer()
        mend = patch(workload.resource, {"spec": {"startingDeadlineSeconds": 300}})
        if not node.exists:
            message = "startingDeadlineSeconds is not set: a run that was missed is made up at any hour"
            yield failed(workload, workload.spec, message, mend)
        elif seconds is not None and seconds < 10:
            message = f"startingDeadlineSeconds {seconds}: the controller looks every 10 s, runs are left out"
            yield failed(workload, node, message, mend, "warning")
        elif seconds is not None:
            yield passed(workload, node, f"a run starts within {seconds} s or not at all")


def runs_end(world: World) -> Iterator[Seen]:
    for workload in world.workloads("Job", "CronJob"):
        given = [n for n in (job(workload), workload.pod) if n.get("activeDeadlineSeconds").exists]
        if given:
            node = given[0].get("activeDeadlineSeconds")
            yield passed(workload, node, f"a run ends after {node.text()} s at the latest")
        else:
            waits = workload.kind == "CronJob" and workload.spec.get("concurrencyPolicy").text() == "Forbid"
            harm = "no later one starts" if waits else "it holds its place on the node"
            message = f"no activeDeadlineSeconds: a run that hangs goes on for ever, and {harm}"
            yield failed(workload, job(workload), message)


def known_retries(world: World) -> Iterator[Seen]:
    for workload in world.workloads("Job", "CronJob"):
        node = job(workload).get("backoffLimit")
        if node.exists:
            yield passed(workload, node, f"backoffLimit {node.text()}")
        else:
            message = "backoffLimit is not set, so 6: a run that fails is repeated, the crontab ran it once"
            yield failed(workload, job(workload), message, _patch_job(workload, {"backoffLimit": 0}))


def finished_are_removed(world: World) -> Iterator[Seen]:
    """A Job stays for ever after its end, unless it has a time to live; those of a CronJob are kept by number."""
    for workload in world.workloads("Job", "CronJob"):
        metadata, lives = workload.resource.node.get("metadata"), job(workload).get("ttlSecondsAfterFinished")
        kept = workload.spec.get("failedJobsHistoryLimit")
        if workload.kind == "CronJob" and kept.integer(1) == 0:
            mend = patch(workload.resource, {"spec": {"failedJobsHistoryLimit": 1}})
            message = "failedJobsHistoryLimit 0: of a failed run neither Pod nor log is left"
            yield failed(workload, kept, message, mend, "warning")
        elif workload.kind == "CronJob":
            yield passed(workload, kept, f"{kept.text('1')} failed runs are kept, and not more")
        elif lives.integer() == 0:
            mend = _patch_job(workload, {"ttlSecondsAfterFinished": 86400})
            yield failed(
                workload, lives, "ttlSecondsAfterFinished 0: of a failed run neither Pod nor log is left", mend
            )
        elif lives.exists or metadata.get("ownerReferences").elements() or _hooked(metadata):
            yield passed(workload, lives, "it is removed after its end")
        else:
            mend = _patch_job(workload, {"ttlSecondsAfterFinished": 86400})
            message = "no ttlSecondsAfterFinished: it and its Pods stay for ever"
            yield failed(workload, job(workload), message, mend)


def helpers_end(world: World) -> Iterator[Seen]:
    """A Job is through when all its ordinary containers have ended; a sidecar is stopped when they have."""
    for workload in world.workloads("Job", "CronJob"):
        ordinary = [c for c in workload.containers if c.kind == "app"]
        helpers = [c for c in ordinary if HELPERS.search(f"{c.name} {c.node.get('image').text()}")]
        if helpers and len(ordinary) > 1:
            message = "never ends by itself, so the Job never does: put it under initContainers, restartPolicy Always"
            yield failed((workload, helpers[0]), helpers[0].node, f"{helpers[0].name} {message}")
        elif ordinary:
            yield passed(workload, workload.pod, "no helper keeps it from ending")


def job(workload: Workload) -> Node:
    """The Job's own spec, which a CronJob holds in its template."""
    return workload.spec.get("jobTemplate", "spec") if workload.kind == "CronJob" else workload.spec


def _patch_job(workload: Workload, change: dict[str, Any]) -> dict[str, Any]:
    whole = {"jobTemplate": {"spec": change}} if workload.kind == "CronJob" else change
    return patch(workload.resource, {"spec": whole})


def _hooked(metadata: Node) -> bool:
    """Helm and Argo CD delete the Jobs of their hooks themselves."""
    keys = [key for key, _ in metadata.get("annotations").entries()]
    return any(key.endswith(("/hook-delete-policy", "/hook")) for key in keys)


CHECKS = (
    Check(
        "cron-job",
        "Scheduled jobs run once, at their hour",
        "warning",
        "A crontab ran in the VM's zone, on one VM.",
        CRON_JOBS,
        scheduled_jobs,
    ),
    Check(
        "cron-schedule",
        "The schedule is one that Kubernetes reads",
        "blocking",
        "The API server refuses what only a crontab understands.",
        CRON_JOBS + "#schedule-syntax",
        readable_schedule,
    ),
    Check(
        "cron-deadline",
        "A missed run is not made up at any hour",
        "info",
        "A crontab never made up what it missed.",
        CRON_JOBS + "#starting-deadline",
        missed_runs,
    ),
    Check(
        "job-deadline",
        "A run that hangs is ended",
        "warning",
        "On a VM somebody saw the process; here nobody looks.",
        JOBS + "#job-termination-and-cleanup",
        runs_end,
    ),
    Check(
        "job-retries",
        "How often a failed run is repeated is said",
        "info",
        "What is not made to be repeated does its work twice.",
        JOBS + "#pod-backoff-failure-policy",
        known_retries,
    ),
    Check(
        "job-cleanup",
        "Finished jobs are removed, failed ones can be read",
        "info",
        "They pile up, or nobody can tell why a run failed.",
        DOCS + "concepts/workloads/controllers/ttlafterfinished/",
        finished_are_removed,
    ),
    Check(
        "job-ends",
        "No helper keeps a job from ending",
        "warning",
        "The next run never starts, or all pile up.",
        DOCS + "concepts/workloads/pods/sidecar-containers/#jobs-with-sidecar-containers",
        helpers_end,
    ),
)
