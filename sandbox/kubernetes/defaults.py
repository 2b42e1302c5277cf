"""What the API server writes into an object where the client wrote nothing."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.kubernetes import canonical, pod_defaults, workload_defaults
from sandbox.kubernetes.causes import well_formed
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.workload_defaults import spec_of, with_defaults

if TYPE_CHECKING:
    from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

_SERVICE_GIVEN = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")


def pruned(value: Any) -> Any:
    """A deep copy without the members and items that are null."""
    if isinstance(value, dict):
        return {key: pruned(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [pruned(item) for item in value if item is not None]
    return value


def fill(resource: Resource, obj: JsonObject) -> None:
    """Defaults and normal forms, in place; ApiError 400 when a value has the wrong form."""
    with well_formed(resource):
        pod_defaults.tidy_metadata(obj["metadata"])
        filler = _FILLERS.get(resource.kind)
        if filler is not None:
            filler(obj)


def on_create(resource: Resource, obj: JsonObject, store: Store) -> None:
    """What is given once, when the object is created, and belongs to no manager: addresses, names, in place."""
    if resource.kind == "Pod":
        pod_defaults.admit(obj)
    elif resource.kind == "Service":
        _service_addresses(obj, store, resource)
    elif resource.kind == "Namespace":
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    elif resource.kind == "Job":
        workload_defaults.job_labels(obj)


def on_update(resource: Resource, obj: JsonObject, previous: JsonObject) -> None:
    """What a client may leave out of a replacement because it was given by the server, in place."""
    if resource.kind == "Service" and obj.get("spec", {}).get("type") == previous["spec"].get("type"):
        for field in _SERVICE_GIVEN:
            if field in previous["spec"]:
                obj["spec"].setdefault(field, previous["spec"][field])
    if resource.kind == "Pod":
        for field in ("tolerations", "priority", "preemptionPolicy", "serviceAccountName", "serviceAccount"):
            if field in previous["spec"]:
                obj["spec"].setdefault(field, previous["spec"][field])


# networking


def _service(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports", ()):
        with_defaults(port, protocol="TCP", targetPort=port.get("port"))
    if spec["type"] != "ExternalName":
        with_defaults(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        with_defaults(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        with_defaults(spec, allocateLoadBalancerNodePorts=True)
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    with_defaults(obj.setdefault("status", {}), loadBalancer={})


def _service_addresses(obj: JsonObject, store: Store, resource: Resource) -> None:
    spec = obj["spec"]
    if spec["type"] == "ExternalName":
        return
    others = [item["spec"] for item in store.view(resource)]
    address = spec.setdefault("clusterIP", _unused({item.get("clusterIP") for item in others}, _any_address))
    with_defaults(spec, clusterIPs=[address], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        taken = {port.get("nodePort") for item in others for port in item.get("ports", ())}
        for port in spec.get("ports", ()):
            if not port.get("nodePort"):
                port["nodePort"] = _unused(taken, lambda: random.randint(30000, 32767))
            taken.add(port["nodePort"])


def _any_address() -> str:
    return f"10.96.{random.randint(0, 255)}.{random.randint(1, 254)}"


def _unused(taken: set[Any], draw: Callable[[], Any]) -> Any:
    while (value := draw()) in taken:
        pass
    return value


def _network_policy(obj: JsonObject) -> None:
    spec = spec_of(obj)
    spec.setdefault("podSelector", {})
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    for rule in [*spec.get("ingress", ()), *spec.get("egress", ())]:
        for port in rule.get("ports", ()):
            with_defaults(port, protocol="TCP")


def _ingress(obj: JsonObject) -> None:
    spec_of(obj)
    with_defaults(obj.setdefault("status", {}), loadBalancer={})


def _endpoints(obj: JsonObject) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            with_defaults(port, protocol="TCP")


def _endpoint_slice(obj: JsonObject) -> None:
    with_defaults(obj, endpoints=None, ports=None)
    for port in obj["ports"] or ():
        with_defaults(port, name="", protocol="TCP")


def _http_route(obj: JsonObject) -> None:
    spec = spec_of(obj)
    for parent in spec.get("parentRefs", ()):
        with_defaults(parent, group="gateway.networking.k8s.io", kind="Gateway")
    for rule in spec.setdefault("rules", [{}]):
        for backend in rule.get("backendRefs", ()):
            with_defaults(backend, group="", kind="Service", weight=1)
        for match in rule.setdefault("matches", [{}]):
            with_defaults(match.setdefault("path", {}), type="PathPrefix", value="/")
            for header in [*match.get("headers", ()), *match.get("queryParams", ())]:
                with_defaults(header, type="Exact")


# the rest


def _secret(obj: JsonObject) -> None:
    for name, text in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()
    with_defaults(obj, type="Opaque")


def _namespace(obj: JsonObject) -> None:
    with_defaults(spec_of(obj), finalizers=["kubernetes"])
    with_defaults(obj.setdefault("status", {}), phase="Active")


def _event(obj: JsonObject) -> None:
    with_defaults(obj, source={}, firstTimestamp=None, lastTimestamp=None, eventTime=None)
    with_defaults(obj, reportingComponent="", reportingInstance="")


def _claim(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), volumeMode="Filesystem")
    canonical.resources(spec)
    with_defaults(obj.setdefault("status", {}), phase="Pending")


def _volume(obj: JsonObject) -> None:
    spec = with_defaults(spec_of(obj), volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")
    canonical.quantities(spec.get("capacity"))
    with_defaults(obj.setdefault("status", {}), phase="Available")


def _quota(obj: JsonObject) -> None:
    canonical.quantities(spec_of(obj).get("hard"))
    obj.setdefault("status", {})


def _limit_range(obj: JsonObject) -> None:
    for item in spec_of(obj).get("limits") or ():
        for sizes in ("default", "defaultRequest", "max", "min"):
            canonical.quantities(item.get(sizes))
        if item.get("type") == "Container":
            default = (item.get("max") or {}) | (item.get("default") or {})
            request = (item.get("min") or {}) | default | (item.get("defaultRequest") or {})
            item |= {name: sizes for name, sizes in (("default", default), ("defaultRequest", request)) if sizes}


def _storage_class(obj: JsonObject) -> None:
    with_defaults(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _node(obj: JsonObject) -> None:
    spec_of(obj)
    obj.setdefault("status", {})


_FILLERS: dict[str, Callable[[JsonObject], None]] = {
    "CronJob": workload_defaults.cron_job,
    "DaemonSet": workload_defaults.daemon_set,
    "Deployment": workload_defaults.deployment,
    "EndpointSlice": _endpoint_slice,
    "Endpoints": _endpoints,
    "Event": _event,
    "HTTPRoute": _http_route,
    "HorizontalPodAutoscaler": workload_defaults.autoscaler,
    "Ingress": _ingress,
    "Job": workload_defaults.job,
    "LimitRange": _limit_range,
    "Namespace": _namespace,
    "NetworkPolicy": _network_policy,
    "Node": _node,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _claim,
    "Pod": pod_defaults.pod,
    "PodDisruptionBudget": workload_defaults.budget,
    "ReplicaSet": workload_defaults.replica_set,
    "ResourceQuota": _quota,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": workload_defaults.stateful_set,
    "StorageClass": _storage_class,
}
