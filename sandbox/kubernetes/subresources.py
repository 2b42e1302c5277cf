"""Subresources that are objects of their own: scale, binding, eviction."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import selectors
from sandbox.kubernetes.errors import ApiError, bad_request
from sandbox.kubernetes.request import Target
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]


def scale_of(obj: JsonObject) -> JsonObject:
    """The Scale of a Deployment, ReplicaSet or StatefulSet."""
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = obj["spec"].get("selector", {}).get("matchLabels", {})
    replicas = obj["spec"].get("replicas", 0)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def scaled(obj: JsonObject, scale: JsonObject) -> JsonObject:
    """The object with the replicas of a Scale; ApiError 422 for a number below 0."""
    replicas = scale.get("spec", {}).get("replicas", 0)
    name = obj["metadata"]["name"]
    if not isinstance(replicas, int) or replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise ApiError(
            422,
            f'Scale.autoscaling "{name}" is invalid: spec.replicas: {message}',
            details={
                "name": name,
                "group": "autoscaling",
                "kind": "Scale",
                "causes": [{"reason": "FieldValueInvalid", "message": message, "field": "spec.replicas"}],
            },
        )
    obj["spec"]["replicas"] = replicas
    version = scale.get("metadata", {}).get("resourceVersion")
    if version:
        obj["metadata"]["resourceVersion"] = version
    return obj


def bind(store: Store, target: Target, binding: JsonObject) -> JsonObject:
    """Gives a Pod to the node that a Binding names."""
    pod = store.get(target.resource, target.namespace, str(target.name))
    node = binding.get("target", {}).get("name")
    if not node:
        raise bad_request("target.name: Required value")
    pod["spec"]["nodeName"] = node
    store.update(target.resource, pod, "binding", "kube-scheduler")
    return success()


def evict(store: Store, target: Target, eviction: JsonObject) -> JsonObject:
    """Deletes a Pod unless a PodDisruptionBudget forbids it: then ApiError 429."""
    name = str(target.name)
    pod = store.peek(target.resource, target.namespace, name)
    labels = pod["metadata"].get("labels", {})
    for budget in store.view(resource("poddisruptionbudgets"), target.namespace):
        status = budget.get("status", {})
        if selectors.match_selector(budget["spec"].get("selector"), labels) and status.get("disruptionsAllowed", 0) < 1:
            budget_name = budget["metadata"]["name"]
            healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            message = f"The disruption budget {budget_name} needs {wanted} healthy pods and has {healthy} currently"
            raise ApiError(
                429,
                "Cannot evict pod as it would violate the pod's disruption budget.",
                details={"causes": [{"reason": "DisruptionBudget", "message": message}]},
            )
    grace = (eviction.get("deleteOptions") or {}).get("gracePeriodSeconds")
    store.delete(target.resource, target.namespace, name, "Background", grace)
    return success()


def success(details: JsonObject | None = None) -> JsonObject:
    """The `Status` of a request that left no object to show."""
    status: JsonObject = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is None:
        return status | {"code": 201}
    return status | {"details": details}
