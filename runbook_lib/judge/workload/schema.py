"""Form of the objects: API versions that the cluster still serves, fields of the right type, names, duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.world import World

GONE = {
    ("extensions/v1beta1", "Deployment"): "apps/v1",
    ("apps/v1beta1", "Deployment"): "apps/v1",
    ("apps/v1beta2", "Deployment"): "apps/v1",
    ("apps/v1beta1", "StatefulSet"): "apps/v1",
    ("apps/v1beta2", "StatefulSet"): "apps/v1",
    ("extensions/v1beta1", "DaemonSet"): "apps/v1",
    ("extensions/v1beta1", "Ingress"): "networking.k8s.io/v1",
    ("networking.k8s.io/v1beta1", "Ingress"): "networking.k8s.io/v1",
    ("extensions/v1beta1", "NetworkPolicy"): "networking.k8s.io/v1",
    ("policy/v1beta1", "PodDisruptionBudget"): "policy/v1",
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): "autoscaling/v2",
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): "autoscaling/v2",
    ("batch/v1beta1", "CronJob"): "batch/v1",
}
HOME = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Service": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Pod": "v1",
    "PersistentVolumeClaim": "v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
}
KNOWN = frozenset(HOME) | {
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "HorizontalPodAutoscaler",
    "HTTPRoute",
    "Gateway",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
    "LimitRange",
    "ResourceQuota",
    "PriorityClass",
    "Lease",
    "StorageClass",
    "PersistentVolume",
    "Endpoints",
    "EndpointSlice",
}
NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
# Where the checks look, and what they expect there: a wrong type would otherwise be read as absent.
SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("metadata",): dict,
    ("metadata", "labels"): dict,
    ("metadata", "annotations"): dict,
    ("metadata", "name"): str,
    ("spec",): dict,
}
WORKLOAD_SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("replicas",): int,
    ("minReadySeconds",): int,
    ("progressDeadlineSeconds",): int,
    ("revisionHistoryLimit",): int,
    ("selector",): dict,
    ("selector", "matchLabels"): dict,
    ("strategy",): dict,
    ("template",): dict,
    ("template", "metadata"): dict,
    ("template", "spec"): dict,
}
POD_SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("containers",): list,
    ("initContainers",): list,
    ("volumes",): list,
    ("terminationGracePeriodSeconds",): int,
    ("securityContext",): dict,
    ("dnsConfig",): dict,
    ("hostNetwork",): bool,
    ("automountServiceAccountToken",): bool,
    ("topologySpreadConstraints",): list,
}
CONTAINER_SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("name",): str,
    ("image",): str,
    ("command",): list,
    ("args",): list,
    ("env",): list,
    ("envFrom",): list,
    ("ports",): list,
    ("volumeMounts",): list,
    ("resources",): dict,
    ("resources", "requests"): dict,
    ("resources", "limits"): dict,
    ("securityContext",): dict,
    ("securityContext", "runAsNonRoot"): bool,
    ("securityContext", "readOnlyRootFilesystem"): bool,
    ("securityContext", "allowPrivilegeEscalation"): bool,
    ("securityContext", "privileged"): bool,
    ("securityContext", "runAsUser"): int,
    ("livenessProbe",): dict,
    ("readinessProbe",): dict,
    ("startupProbe",): dict,
    ("livenessProbe", "periodSeconds"): int,
    ("livenessProbe", "failureThreshold"): int,
    ("readinessProbe", "periodSeconds"): int,
    ("startupProbe", "periodSeconds"): int,
    ("startupProbe", "failureThreshold"): int,
    ("lifecycle",): dict,
    ("lifecycle", "preStop"): dict,
}
WORDS = {dict: "a mapping", list: "a list", int: "a number", str: "text", bool: "true or false"}


def api_versions(world: World) -> Iterator[Seen]:
    for resource in world.resources:
        node = resource.node.get("apiVersion")
        newer = GONE.get((resource.api_version, resource.kind)) or HOME.get(resource.kind, resource.api_version)
        if newer == resource.api_version:
            yield passed(resource, node, resource.api_version)
        else:
            yield failed(resource, node, f"{resource.api_version} is not served for {resource.kind}: it is {newer}")


def known_kinds(world: World) -> Iterator[Seen]:
    for resource in world.resources:
        if resource.kind not in KNOWN:
            yield unknown(
                resource,
                resource.node,
                f"{resource.api_version} {resource.kind} is not validated: no check knows it",
                "info",
            )


def right_types(world: World) -> Iterator[Seen]:
    for resource in world.resources:
        wrong = list(_mismatches(resource.node, SHAPES)) if resource.kind != "List" else []
        for workload in filter(None, [world.workload(resource)]):
            wrong += _mismatches(workload.spec, WORKLOAD_SHAPES)
            wrong += _mismatches(workload.pod, POD_SHAPES)
            if workload.pod.exists and not workload.pod.get("containers").elements():
                wrong.append((workload.pod, "spec.containers is empty: a Pod needs at least one"))
            for container in workload.containers:
                wrong += _container(container.node)
        for node, message in wrong:
            yield failed(resource, node, message)
        if not wrong:
            yield passed(resource, resource.node, "fields have the types that the checks rely on")


def _container(node: Node) -> list[tuple[Node, str]]:
    if not isinstance(node.value, dict):
        return [(node, f"{node.path or 'a container'} must be a mapping")]
    wrong = list(_mismatches(node, CONTAINER_SHAPES))
    for entry in node.get("env").elements():
        value = entry.get("value")
        if value.exists and not isinstance(value.value, str):
            wrong.append((value, f"{value.path} is {value.text('no text')}, it must be text: put it in quotes"))
    for port in node.get("ports").elements():
        number = port.get("containerPort")
        if number.integer() is None or not 0 < (number.integer() or 0) < 65536:
            wrong.append((number, f"{number.path} is {number.text('not set')!r}, it must be a number from 1 to 65535"))
    return wrong


def valid_names(world: World) -> Iterator[Seen]:
    seen: dict[tuple[str, str, str], Resource] = {}
    for resource in world.resources:
        node = resource.node.get("metadata", "name")
        key = (resource.kind, world.space(resource), resource.name)
        if not NAME.match(resource.name):
            generated = resource.node.get("metadata", "generateName").exists
            if not generated:
                yield failed(
                    resource,
                    node,
                    f"name {resource.name or '(none)'!r} is not a DNS name in small letters: the API server refuses it",
                )
        elif key in seen:
            other = seen[key].node
            yield failed(
                resource, node, f"{resource.title} is given twice ({other.file}:{other.line}): the later one wins"
            )
        else:
            seen[key] = resource
            yield passed(resource, node, f"name {resource.name}")


def _mismatches(node: Node, shapes: dict[tuple[str, ...], type | tuple[type, ...]]) -> Iterator[tuple[Node, str]]:
    for keys, wanted in shapes.items():
        found = node.get(*keys)
        if not found.exists:
            continue
        right = isinstance(found.value, wanted) and not (wanted is int and isinstance(found.value, bool))
        if not right:
            word = WORDS[wanted] if isinstance(wanted, type) else "something else"
            yield found, f"{found.path} is {found.text(type(found.value).__name__)!r:.60}, it must be {word}"


LINK = DOCS + "reference/using-api/deprecation-guide/"

CHECKS = (
    Check(
        "api-version",
        "The cluster serves the API version",
        "blocking",
        "The API server refuses the object.",
        LINK,
        api_versions,
    ),
    Check(
        "kind-known",
        "Every kind is known to the checks",
        "info",
        "What is not validated is neither right nor wrong.",
        DOCS + "concepts/extend-kubernetes/api-extension/custom-resources/",
        known_kinds,
    ),
    Check(
        "type",
        "Fields have the right type",
        "blocking",
        "The API server refuses it, and a check would have read it as absent.",
        DOCS + "reference/kubernetes-api/",
        right_types,
    ),
    Check(
        "name",
        "Names are valid and given once",
        "blocking",
        "Of two objects with one name the later wins.",
        DOCS + "concepts/overview/working-with-objects/names/",
        valid_names,
    ),
)
