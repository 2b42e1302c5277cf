"""The Endpoints and EndpointSlices of a Service: where its Pods answer, and which of them are ready."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.controllers import pods as pod
from sandbox.kubernetes.controllers.deployment import Controller
from sandbox.kubernetes.controllers.revisions import owner_of
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import timestamp

JsonObject = dict[str, Any]

SERVICES = resource("services", "")
SLICES = resource("endpointslices", "discovery.k8s.io")
ENDPOINTS = resource("endpoints", "")
SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SLICE_CONTROLLER = "endpointslice-controller.k8s.io"
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"


def reconcile(controller: Controller, namespace: str, name: str) -> float | None:
    """Writes the EndpointSlices and the Endpoints of one Service when they are not right already."""
    service = controller.store.find(SERVICES, namespace, name)
    if service is None:
        _remove_endpoints(controller, namespace, name)
        return None
    selector = service["spec"].get("selector")
    if not selector:  # its endpoints are written by whoever owns them
        return None
    chosen = [each for each in controller.store.list(pod.PODS, namespace) if _is_behind(selector, each)]
    groups: dict[str, tuple[list[JsonObject], list[JsonObject]]] = {}
    for each in chosen:
        ports = _ports(service, each)
        groups.setdefault(str(ports), (ports, []))[1].append(each)
    _write_slices(controller, service, [*groups.values()] or [([], [])])
    _write_endpoints(controller, service, [*groups.values()])
    return None


def _is_behind(selector: dict[str, str], each: JsonObject) -> bool:
    labels = each["metadata"].get("labels", {})
    return selector.items() <= labels.items() and bool(each.get("status", {}).get("podIP")) and not pod.has_ended(each)


def _ports(service: JsonObject, each: JsonObject) -> list[JsonObject]:
    """The ports of the Service as numbers of this Pod; a name that it does not have is left out."""
    found = []
    for port in service["spec"].get("ports", ()):
        number = _number(port, each)
        if number is not None:
            found.append({"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number})
    return found


def _number(port: JsonObject, each: JsonObject) -> int | None:
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in [*each["spec"].get("initContainers", ()), *each["spec"]["containers"]]:
        for one in container.get("ports", ()):
            if one.get("name") == target and one.get("protocol", "TCP") == port.get("protocol", "TCP"):
                number: int = one["containerPort"]
                return number
    return None


def _endpoint(service: JsonObject, each: JsonObject) -> JsonObject:
    terminating = "deletionTimestamp" in each["metadata"]
    serving = pod.is_ready(each)
    always = bool(service["spec"].get("publishNotReadyAddresses"))
    return {
        "addresses": [each["status"]["podIP"]],
        "conditions": {
            "ready": always or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": _target(each),
        "nodeName": each["spec"].get("nodeName"),
    }


def _target(each: JsonObject) -> JsonObject:
    metadata = each["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def _write_slices(
    controller: Controller, service: JsonObject, groups: list[tuple[list[JsonObject], list[JsonObject]]]
) -> None:
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    present = [
        each
        for each in controller.store.view(SLICES, namespace)
        if each["metadata"].get("labels", {}).get(SERVICE_LABEL) == name
        and each["metadata"]["labels"].get(MANAGED_BY) == SLICE_CONTROLLER
    ]
    for (ports, members), existing in zip(groups, [*present, *[None] * len(groups)], strict=False):
        # Kubernetes writes null, not [], where there is no endpoint.
        content: JsonObject = {
            "endpoints": [_endpoint(service, each) for each in members] or None,
            "ports": ports if members else None,
        }
        if existing is None:
            controller.store.create(SLICES, _new_slice(controller, service) | content, "kube-controller-manager")
        elif any((existing.get(field) or None) != value for field, value in content.items()):
            annotations = existing["metadata"].get("annotations", {}) | {TRIGGER: timestamp(controller.store.clock())}
            changed = existing | content | {"metadata": existing["metadata"] | {"annotations": annotations}}
            controller.store.update(SLICES, changed, manager="kube-controller-manager")
    for surplus in present[len(groups) :]:
        controller.store.delete(SLICES, namespace, surplus["metadata"]["name"])


def _new_slice(controller: Controller, service: JsonObject) -> JsonObject:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    return {
        "metadata": {
            "generateName": f"{name}-",
            "namespace": namespace,
            "labels": {**service["metadata"].get("labels", {}), SERVICE_LABEL: name, MANAGED_BY: SLICE_CONTROLLER},
            "annotations": {TRIGGER: timestamp(controller.store.clock())},
            "ownerReferences": [owner_of(service)],
        },
        "addressType": "IPv4",
    }


def _write_endpoints(
    controller: Controller, service: JsonObject, groups: list[tuple[list[JsonObject], list[JsonObject]]]
) -> None:
    """The older Endpoints object, which leaves out Pods that are going."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    subsets = [subset for ports, members in groups if (subset := _subset(service, ports, members))]
    labels = {**service["metadata"].get("labels", {}), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    content: JsonObject = {"subsets": subsets} if subsets else {}
    existing = controller.store.find(ENDPOINTS, namespace, name)
    if existing is None:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        controller.store.create(ENDPOINTS, {"metadata": metadata} | content, "kube-controller-manager")
    elif existing.get("subsets", []) != subsets:
        existing.pop("subsets", None)
        controller.store.update(ENDPOINTS, existing | content, manager="kube-controller-manager")


def _subset(service: JsonObject, ports: list[JsonObject], members: list[JsonObject]) -> JsonObject:
    subset: JsonObject = {}
    for each in members:
        if "deletionTimestamp" in each["metadata"]:
            continue
        ready = pod.is_ready(each) or service["spec"].get("publishNotReadyAddresses")
        address = {"ip": each["status"]["podIP"], "nodeName": each["spec"].get("nodeName"), "targetRef": _target(each)}
        subset.setdefault("addresses" if ready else "notReadyAddresses", []).append(address)
    if subset:
        subset["ports"] = [{key: value for key, value in port.items() if value != ""} for port in ports]
    return subset


def _remove_endpoints(controller: Controller, namespace: str, name: str) -> None:
    try:
        controller.store.delete(ENDPOINTS, namespace, name)
    except ApiError as error:
        if error.code != 404:
            raise
