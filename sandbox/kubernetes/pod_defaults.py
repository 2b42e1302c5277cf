"""What the API server writes into Pods and templates of Pods where the client wrote nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.kubernetes import canonical

JsonObject = dict[str, Any]

FILE_MODE = 0o644
_POD: JsonObject = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def template(obj: JsonObject) -> None:
    """Defaults of a template of Pods, in place."""
    tidy_metadata(obj.setdefault("metadata", {}))
    if "spec" in obj:
        spec(obj["spec"])


def tidy_metadata(metadata: JsonObject) -> None:
    """Maps and lists of metadata that are empty are not there."""
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        if field in metadata and not metadata[field]:
            del metadata[field]


def spec(found: JsonObject) -> None:
    """Defaults of a PodSpec, in place."""
    for field in [name for name, value in found.items() if value == [] and name != "containers"]:
        del found[field]
    if found.get("nodeSelector") == {}:
        del found["nodeSelector"]
    for field, value in _POD.items():
        found.setdefault(field, value)
    found.setdefault("securityContext", {})
    if "serviceAccountName" in found:
        found.setdefault("serviceAccount", found["serviceAccountName"])
    for container in containers(found):
        _container(container)
    for volume in found.get("volumes", ()):
        _volume(volume)


def containers(found: JsonObject) -> Iterator[JsonObject]:
    """All containers of a PodSpec that are objects."""
    for field in ("initContainers", "containers"):
        yield from (item for item in found.get(field) or () if isinstance(item, dict))


def _container(container: JsonObject) -> None:
    for field in [name for name, value in container.items() if value == []]:
        del container[field]
    for field, value in _CONTAINER.items():
        container.setdefault(field, value)
    container.setdefault("resources", {})
    canonical.resources(container)
    image = container.get("image", "")
    last = image.rpartition("/")[2]
    latest = "@" not in image and (":" not in last or last.endswith(":latest"))
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        _source(variable.get("valueFrom", {}))
    for name in _PROBES:
        if name in container:
            _probe(container[name])
    for hook in container.get("lifecycle", {}).values():
        _handler(hook)


def _source(source: JsonObject) -> None:
    if "fieldRef" in source:
        source["fieldRef"].setdefault("apiVersion", "v1")
    if "resourceFieldRef" in source:
        source["resourceFieldRef"].setdefault("divisor", "0")


def _probe(probe: JsonObject) -> None:
    for field, value in _PROBE.items():
        probe.setdefault(field, value)
    if probe.get("initialDelaySeconds") == 0:
        del probe["initialDelaySeconds"]
    _handler(probe)


def _handler(handler: JsonObject) -> None:
    if "httpGet" in handler:
        handler["httpGet"].setdefault("path", "/")
        handler["httpGet"].setdefault("scheme", "HTTP")
    if "grpc" in handler:
        handler["grpc"].setdefault("service", "")


def _volume(volume: JsonObject) -> None:
    for kind in ("configMap", "secret", "projected", "downwardAPI"):
        if kind in volume:
            volume[kind].setdefault("defaultMode", FILE_MODE)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    if "sizeLimit" in volume.get("emptyDir", {}):
        volume["emptyDir"]["sizeLimit"] = canonical.quantity(volume["emptyDir"]["sizeLimit"])
    for item in volume.get("downwardAPI", {}).get("items", ()):
        _source(item)
    for source in volume.get("projected", {}).get("sources", ()):
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in source.get("downwardAPI", {}).get("items", ()):
            _source(item)


def pod(obj: JsonObject) -> None:
    """Defaults of a Pod itself, which has some that its template has not."""
    found = obj.setdefault("spec", {})
    spec(found)
    found.setdefault("enableServiceLinks", True)
    for container in containers(found):
        limits = container["resources"].get("limits")
        if limits:  # what is limited and not requested is requested up to the limit
            requests = container["resources"].setdefault("requests", {})
            for name, value in limits.items():
                requests.setdefault(name, value)
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    obj["status"].setdefault("qosClass", quality(found))


def admit(obj: JsonObject) -> None:
    """What admission adds to a new Pod, in place."""
    found = obj["spec"]
    found.setdefault("serviceAccountName", "default")
    found.setdefault("serviceAccount", found["serviceAccountName"])
    found.setdefault("priority", 0)
    found.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = found.setdefault("tolerations", [])
    for key in _TOLERATED:
        if all(item.get("key") not in (key, None, "") for item in tolerations):
            wait = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            tolerations.append(wait)


def quality(found: JsonObject) -> str:
    """The quality-of-service class: Guaranteed, Burstable or BestEffort."""
    resources = [container["resources"] for container in containers(found)]
    if not any(item.get("limits") or item.get("requests") for item in resources):
        return "BestEffort"
    for item in resources:
        limits, requests = item.get("limits", {}), item.get("requests", {})
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                return "Burstable"
    return "Guaranteed"
