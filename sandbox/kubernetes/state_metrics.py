"""The state of objects as metrics, under the names of kube-state-metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sandbox.kubernetes.controllers.deployment import DEPLOYMENTS, REPLICA_SETS
from sandbox.kubernetes.controllers.pods import PODS
from sandbox.kubernetes.exposition import Family
from sandbox.kubernetes.quantity import amount
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

AUTOSCALERS = resource("horizontalpodautoscalers", "autoscaling")
PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
UNITS = {"cpu": "core", "memory": "byte", "ephemeral-storage": "byte"}
# field of spec or status, metric, what it says
DEPLOYMENT_STATUS = (
    ("replicas", "kube_deployment_status_replicas", "The number of replicas per deployment."),
    ("readyReplicas", "kube_deployment_status_replicas_ready", "The number of ready replicas per deployment."),
    (
        "availableReplicas",
        "kube_deployment_status_replicas_available",
        "The number of available replicas per deployment.",
    ),
    (
        "unavailableReplicas",
        "kube_deployment_status_replicas_unavailable",
        "The number of unavailable replicas per deployment.",
    ),
    ("updatedReplicas", "kube_deployment_status_replicas_updated", "The number of updated replicas per deployment."),
    (
        "observedGeneration",
        "kube_deployment_status_observed_generation",
        "The generation observed by the deployment controller.",
    ),
)
REPLICA_SET_STATUS = (
    ("replicas", "kube_replicaset_status_replicas", "The number of replicas per ReplicaSet."),
    ("readyReplicas", "kube_replicaset_status_ready_replicas", "The number of ready replicas per ReplicaSet."),
    (
        "observedGeneration",
        "kube_replicaset_status_observed_generation",
        "The generation observed by the ReplicaSet controller.",
    ),
)


def state(store: Store) -> list[Family]:
    """All metrics of the objects that are there now."""
    return [
        *_pods(list(store.view(PODS))),
        *_containers(list(store.view(PODS))),
        *_deployments(list(store.view(DEPLOYMENTS))),
        *_replica_sets(list(store.view(REPLICA_SETS))),
        *_autoscalers(list(store.view(AUTOSCALERS))),
    ]


def _of(kind: str, obj: JsonObject) -> dict[str, str]:
    return {"namespace": obj["metadata"]["namespace"], kind: obj["metadata"]["name"]}


def _pod_labels(pod: JsonObject) -> dict[str, str]:
    return {**_of("pod", pod), "uid": pod["metadata"]["uid"]}


def _controller(pod: JsonObject) -> JsonObject:
    owners = pod["metadata"].get("ownerReferences", ())
    return next((one for one in owners if one.get("controller")), {})


def _pods(pods: list[JsonObject]) -> Iterator[Family]:
    info = Family("kube_pod_info", "gauge", "[STABLE] Information about pod.")
    owner = Family("kube_pod_owner", "gauge", "[STABLE] Information about the Pod's owner.")
    phase = Family("kube_pod_status_phase", "gauge", "[STABLE] The pods current phase.")
    created = Family("kube_pod_created", "gauge", "[STABLE] Unix creation timestamp")
    deleted = Family("kube_pod_deletion_timestamp", "gauge", "Unix deletion timestamp")
    for pod in pods:
        labels, status, by = _pod_labels(pod), pod.get("status", {}), _controller(pod)
        kind, name = by.get("kind", "<none>"), by.get("name", "<none>")
        info.add(
            1,
            **labels,
            host_ip=status.get("hostIP", ""),
            pod_ip=status.get("podIP", ""),
            node=pod["spec"].get("nodeName", ""),
            created_by_kind=kind,
            created_by_name=name,
            priority_class="",
            host_network="false",
        )
        owner.add(1, **labels, owner_kind=kind, owner_name=name, owner_is_controller=str(bool(by)).lower())
        for one in PHASES:
            phase.add(status.get("phase", "Pending") == one, **labels, phase=one)
        created.add(_seconds(pod["metadata"]["creationTimestamp"]), **labels)
        if "deletionTimestamp" in pod["metadata"]:
            deleted.add(_seconds(pod["metadata"]["deletionTimestamp"]), **labels)
    yield from (info, owner, phase, created, deleted)
    for kind, name in (("Ready", "ready"), ("PodScheduled", "scheduled")):
        described = f"[STABLE] Describes the status of the {name} condition for the pod."
        family = Family(f"kube_pod_status_{name}", "gauge", described)
        for pod in pods:
            conditions = pod.get("status", {}).get("conditions", ())
            truth = next((one["status"] for one in conditions if one["type"] == kind), None)
            for value in ("true", "false", "unknown") if truth else ():
                family.add(str(truth).lower() == value, **_pod_labels(pod), condition=value)
        yield family


def _containers(pods: list[JsonObject]) -> Iterator[Family]:
    info = Family("kube_pod_container_info", "gauge", "[STABLE] Information about a container in a pod.")
    restarts = Family(
        "kube_pod_container_status_restarts_total",
        "counter",
        "[STABLE] The number of container restarts per container.",
    )
    ready = Family("kube_pod_container_status_ready", "gauge", "[STABLE] The containers readiness check succeeded.")
    running = Family("kube_pod_container_status_running", "gauge", "[STABLE] The container is currently running.")
    terminated = Family(
        "kube_pod_container_status_terminated", "gauge", "[STABLE] The container is currently terminated."
    )
    waiting = Family("kube_pod_container_status_waiting", "gauge", "[STABLE] The container is currently waiting.")
    why_waiting = Family("kube_pod_container_status_waiting_reason", "gauge", "[STABLE] Why the container is waiting.")
    why_ended = Family("kube_pod_container_status_terminated_reason", "gauge", "Why the container is terminated.")
    why_last = Family(
        "kube_pod_container_status_last_terminated_reason", "gauge", "Why the container was terminated before."
    )
    for pod, one in _statuses(pods):
        labels, current = {**_pod_labels(pod), "container": one["name"]}, one.get("state", {})
        info.add(
            1,
            **labels,
            image=one["image"],
            image_id=one.get("imageID", ""),
            container_id=one.get("containerID", ""),
        )
        restarts.add(one["restartCount"], **labels)
        ready.add(one["ready"], **labels)
        for family, name in ((running, "running"), (terminated, "terminated"), (waiting, "waiting")):
            family.add(name in current, **labels)
        for family, ended, name in (
            (why_waiting, current, "waiting"),
            (why_ended, current, "terminated"),
            (why_last, one.get("lastState", {}), "terminated"),
        ):
            if reason := ended.get(name, {}).get("reason"):
                family.add(1, **labels, reason=reason)
    yield from (info, restarts, ready, running, terminated, waiting, why_waiting, why_ended, why_last)
    yield from _resources(pods)


def _statuses(pods: list[JsonObject]) -> Iterator[tuple[JsonObject, JsonObject]]:
    for pod in pods:
        for one in pod.get("status", {}).get("containerStatuses", ()):
            yield pod, one


def _resources(pods: list[JsonObject]) -> Iterator[Family]:
    for kind in ("requests", "limits"):
        name = f"kube_pod_container_resource_{kind}"
        family = Family(name, "gauge", f"The number of {kind} by a container.")
        for pod in pods:
            for container in pod["spec"]["containers"]:
                for what, size in container.get("resources", {}).get(kind, {}).items():
                    labels = {**_pod_labels(pod), "container": container["name"]}
                    node = pod["spec"].get("nodeName", "")
                    unit = UNITS.get(what, "integer")
                    family.add(float(amount(size)), **labels, node=node, resource=what.replace("-", "_"), unit=unit)
        yield family


def _deployments(deployments: list[JsonObject]) -> Iterator[Family]:
    wanted = Family("kube_deployment_spec_replicas", "gauge", "[STABLE] Number of desired pods for a deployment.")
    paused = Family("kube_deployment_spec_paused", "gauge", "[STABLE] Whether the deployment is paused.")
    generation = Family(
        "kube_deployment_metadata_generation", "gauge", "[STABLE] Sequence number of the desired state."
    )
    condition = Family(
        "kube_deployment_status_condition", "gauge", "[STABLE] The current status conditions of a deployment."
    )
    for d in deployments:
        labels = _of("deployment", d)
        wanted.add(d["spec"].get("replicas", 1), **labels)
        paused.add(bool(d["spec"].get("paused")), **labels)
        generation.add(d["metadata"]["generation"], **labels)
        for one in d.get("status", {}).get("conditions", ()):
            for value in ("true", "false", "unknown"):
                condition.add(
                    one["status"].lower() == value,
                    **labels,
                    condition=one["type"],
                    reason=one.get("reason", ""),
                    status=value,
                )
    yield from (wanted, paused, generation, condition)
    yield from (_field(deployments, "deployment", "status", *entry) for entry in DEPLOYMENT_STATUS)


def _replica_sets(sets: list[JsonObject]) -> Iterator[Family]:
    owner = Family("kube_replicaset_owner", "gauge", "[STABLE] Information about the ReplicaSet's owner.")
    for one in sets:
        by = _controller(one)
        owner.add(
            1,
            **_of("replicaset", one),
            owner_kind=by.get("kind", ""),
            owner_name=by.get("name", ""),
            owner_is_controller=str(bool(by)).lower(),
        )
    yield owner
    described = "[STABLE] Number of desired pods for a ReplicaSet."
    yield _field(sets, "replicaset", "spec", "replicas", "kube_replicaset_spec_replicas", described)
    yield from (_field(sets, "replicaset", "status", *entry) for entry in REPLICA_SET_STATUS)


def _autoscalers(autoscalers: list[JsonObject]) -> Iterator[Family]:
    label, prefix = "horizontalpodautoscaler", "kube_horizontalpodautoscaler"
    for part, field, name in (
        ("spec", "minReplicas", "spec_min_replicas"),
        ("spec", "maxReplicas", "spec_max_replicas"),
        ("status", "currentReplicas", "status_current_replicas"),
        ("status", "desiredReplicas", "status_desired_replicas"),
    ):
        yield _field(autoscalers, label, part, field, f"{prefix}_{name}", f"[STABLE] The {field} of an autoscaler.")


def _field(objects: list[JsonObject], label: str, part: str, field: str, name: str, described: str) -> Family:
    family = Family(name, "gauge", described)
    for one in objects:
        family.add(one.get(part, {}).get(field, 0), **_of(label, one))
    return family


def _seconds(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
