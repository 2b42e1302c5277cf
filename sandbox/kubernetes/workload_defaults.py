"""What the API server writes into workloads, autoscalers and budgets where the client wrote nothing."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import canonical, pod_defaults

JsonObject = dict[str, Any]


def with_defaults(target: JsonObject, **values: Any) -> JsonObject:
    """The map itself, with these members where it had none."""
    for key, value in values.items():
        target.setdefault(key, value)
    return target


def spec_of(obj: JsonObject) -> JsonObject:
    """The spec, made where there is none."""
    found: JsonObject = obj.setdefault("spec", {})
    return found


def deployment(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    pod_defaults.template(spec.setdefault("template", {}))
    strategy = with_defaults(spec.setdefault("strategy", {}), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        with_defaults(strategy.setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")
    obj.setdefault("status", {})


def replica_set(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), replicas=1)
    pod_defaults.template(spec.setdefault("template", {}))
    with_defaults(obj.setdefault("status", {}), replicas=0)


def stateful_set(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), replicas=1, podManagementPolicy="OrderedReady", revisionHistoryLimit=10)
    pod_defaults.template(spec.setdefault("template", {}))
    strategy = with_defaults(spec.setdefault("updateStrategy", {}), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        with_defaults(strategy.setdefault("rollingUpdate", {}), partition=0)
    kept = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    with_defaults(kept, whenDeleted="Retain", whenScaled="Retain")
    with_defaults(obj.setdefault("status", {}), replicas=0, availableReplicas=0)


def daemon_set(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), revisionHistoryLimit=10)
    pod_defaults.template(spec.setdefault("template", {}))
    strategy = with_defaults(spec.setdefault("updateStrategy", {}), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        with_defaults(strategy.setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)
    status = obj.setdefault("status", {})
    with_defaults(status, currentNumberScheduled=0, numberMisscheduled=0, desiredNumberScheduled=0, numberReady=0)


def _job_spec(spec: JsonObject) -> None:
    pod_defaults.template(spec.setdefault("template", {}))


def job(obj: JsonObject) -> None:
    spec = with_defaults(
        spec_of(obj), parallelism=1, completions=1, backoffLimit=6, completionMode="NonIndexed", suspend=False
    )
    with_defaults(spec, podReplacementPolicy="TerminatingOrFailed")
    _job_spec(spec)
    obj.setdefault("status", {})


def job_labels(obj: JsonObject) -> None:
    spec, metadata = obj["spec"], obj["metadata"]
    if spec.get("manualSelector"):
        return
    uid, name = metadata["uid"], metadata["name"]
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = spec["template"]["metadata"].setdefault("labels", {})
    for prefix in ("", "batch.kubernetes.io/"):
        labels |= {f"{prefix}controller-uid": uid, f"{prefix}job-name": name}


def cron_job(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), concurrencyPolicy="Allow", suspend=False)
    with_defaults(spec, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    _job_spec(job.setdefault("spec", {}))
    obj.setdefault("status", {})


def autoscaler(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), minReplicas=1)
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec.setdefault("metrics", [{"type": "Resource", "resource": cpu}])
    for metric in spec["metrics"]:
        for source in (value for value in metric.values() if isinstance(value, dict)):
            target = source.get("target", {})
            for field in ("value", "averageValue"):
                if field in target:
                    target[field] = canonical.quantity(target[field])
    with_defaults(obj.setdefault("status", {}), desiredReplicas=0, currentMetrics=None)


def budget(obj: JsonObject) -> None:
    spec_of(obj)
    status = obj.setdefault("status", {})
    with_defaults(status, disruptionsAllowed=0, currentHealthy=0, desiredHealthy=0, expectedPods=0)
