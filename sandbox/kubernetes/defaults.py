"""What the API server writes into an object where the client wrote nothing."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.kubernetes import canonical, pod_defaults
from sandbox.kubernetes.errors import ApiError, bad_request
from sandbox.kubernetes.resources import Resource

if TYPE_CHECKING:
    from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

_SERVICE_GIVEN = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")


def pruned(value: Any) -> Any:
    """A deep copy without the members that are null."""
    if isinstance(value, dict):
        return {key: pruned(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [pruned(item) for item in value]
    return value


def fill(resource: Resource, obj: JsonObject) -> None:
    """Defaults and normal forms, in place; ApiError 400 when a value has the wrong form."""
    pod_defaults.tidy_metadata(obj["metadata"])
    filler = _FILLERS.get(resource.kind)
    if filler is None:
        return
    try:
        filler(obj)
    except ApiError as error:
        version, kind = resource.version, resource.kind
        raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {error.message}') from error
    except (AttributeError, TypeError, KeyError) as error:  # a list where a map belongs, a text where a list belongs
        version, kind = resource.version, resource.kind
        message = f'{kind} in version "{version}" cannot be handled as a {kind}: json: cannot unmarshal: {error}'
        raise bad_request(message) from error


def on_create(resource: Resource, obj: JsonObject, store: Store) -> None:
    """What is given once, when the object is created, and belongs to no manager: addresses, names, in place."""
    if resource.kind == "Pod":
        pod_defaults.admit(obj)
    elif resource.kind == "Service":
        _service_addresses(obj, store, resource)
    elif resource.kind == "Namespace":
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    elif resource.kind == "Job":
        _job_labels(obj)


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


# workloads


def _defaults(target: JsonObject, **values: Any) -> JsonObject:
    for key, value in values.items():
        target.setdefault(key, value)
    return target


def _spec(obj: JsonObject) -> JsonObject:
    found: JsonObject = obj.setdefault("spec", {})
    return found


def _deployment(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    pod_defaults.template(spec.setdefault("template", {}))
    strategy = _defaults(spec.setdefault("strategy", {}), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _defaults(strategy.setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")
    obj.setdefault("status", {})


def _replica_set(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), replicas=1)
    pod_defaults.template(spec.setdefault("template", {}))
    _defaults(obj.setdefault("status", {}), replicas=0)


def _stateful_set(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), replicas=1, podManagementPolicy="OrderedReady", revisionHistoryLimit=10)
    pod_defaults.template(spec.setdefault("template", {}))
    strategy = _defaults(spec.setdefault("updateStrategy", {}), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _defaults(strategy.setdefault("rollingUpdate", {}), partition=0)
    kept = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    _defaults(kept, whenDeleted="Retain", whenScaled="Retain")
    _defaults(obj.setdefault("status", {}), replicas=0, availableReplicas=0)


def _daemon_set(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), revisionHistoryLimit=10)
    pod_defaults.template(spec.setdefault("template", {}))
    strategy = _defaults(spec.setdefault("updateStrategy", {}), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _defaults(strategy.setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)
    status = obj.setdefault("status", {})
    _defaults(status, currentNumberScheduled=0, numberMisscheduled=0, desiredNumberScheduled=0, numberReady=0)


def _job_spec(spec: JsonObject) -> None:
    pod_defaults.template(spec.setdefault("template", {}))


def _job(obj: JsonObject) -> None:
    spec = _defaults(
        _spec(obj), parallelism=1, completions=1, backoffLimit=6, completionMode="NonIndexed", suspend=False
    )
    _defaults(spec, podReplacementPolicy="TerminatingOrFailed")
    _job_spec(spec)
    obj.setdefault("status", {})


def _job_labels(obj: JsonObject) -> None:
    spec, metadata = obj["spec"], obj["metadata"]
    if spec.get("manualSelector"):
        return
    uid, name = metadata["uid"], metadata["name"]
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = spec["template"]["metadata"].setdefault("labels", {})
    for prefix in ("", "batch.kubernetes.io/"):
        labels |= {f"{prefix}controller-uid": uid, f"{prefix}job-name": name}


def _cron_job(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), concurrencyPolicy="Allow", suspend=False)
    _defaults(spec, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    _job_spec(job.setdefault("spec", {}))
    obj.setdefault("status", {})


def _autoscaler(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), minReplicas=1)
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec.setdefault("metrics", [{"type": "Resource", "resource": cpu}])
    for metric in spec["metrics"]:
        for source in (value for value in metric.values() if isinstance(value, dict)):
            target = source.get("target", {})
            for field in ("value", "averageValue"):
                if field in target:
                    target[field] = canonical.quantity(target[field])
    _defaults(obj.setdefault("status", {}), desiredReplicas=0, currentMetrics=None)


def _budget(obj: JsonObject) -> None:
    _spec(obj)
    status = obj.setdefault("status", {})
    _defaults(status, disruptionsAllowed=0, currentHealthy=0, desiredHealthy=0, expectedPods=0)


# networking


def _service(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports", ()):
        _defaults(port, protocol="TCP", targetPort=port.get("port"))
    if spec["type"] != "ExternalName":
        _defaults(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _defaults(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _defaults(spec, allocateLoadBalancerNodePorts=True)
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    _defaults(obj.setdefault("status", {}), loadBalancer={})


def _service_addresses(obj: JsonObject, store: Store, resource: Resource) -> None:
    spec = obj["spec"]
    if spec["type"] == "ExternalName":
        return
    others = [item["spec"] for item in store.view(resource)]
    address = spec.setdefault("clusterIP", _unused({item.get("clusterIP") for item in others}, _any_address))
    _defaults(spec, clusterIPs=[address], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
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
    spec = _spec(obj)
    spec.setdefault("podSelector", {})
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    for rule in [*spec.get("ingress", ()), *spec.get("egress", ())]:
        for port in rule.get("ports", ()):
            _defaults(port, protocol="TCP")


def _ingress(obj: JsonObject) -> None:
    _spec(obj)
    _defaults(obj.setdefault("status", {}), loadBalancer={})


def _endpoints(obj: JsonObject) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            _defaults(port, protocol="TCP")


def _endpoint_slice(obj: JsonObject) -> None:
    _defaults(obj, endpoints=None, ports=None)
    for port in obj["ports"] or ():
        _defaults(port, name="", protocol="TCP")


def _http_route(obj: JsonObject) -> None:
    spec = _spec(obj)
    for parent in spec.get("parentRefs", ()):
        _defaults(parent, group="gateway.networking.k8s.io", kind="Gateway")
    for rule in spec.setdefault("rules", [{}]):
        for backend in rule.get("backendRefs", ()):
            _defaults(backend, group="", kind="Service", weight=1)
        for match in rule.setdefault("matches", [{}]):
            _defaults(match.setdefault("path", {}), type="PathPrefix", value="/")
            for header in [*match.get("headers", ()), *match.get("queryParams", ())]:
                _defaults(header, type="Exact")


# the rest


def _secret(obj: JsonObject) -> None:
    for name, text in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()
    _defaults(obj, type="Opaque")


def _namespace(obj: JsonObject) -> None:
    _defaults(_spec(obj), finalizers=["kubernetes"])
    _defaults(obj.setdefault("status", {}), phase="Active")


def _event(obj: JsonObject) -> None:
    _defaults(obj, source={}, firstTimestamp=None, lastTimestamp=None, eventTime=None)
    _defaults(obj, reportingComponent="", reportingInstance="")


def _claim(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), volumeMode="Filesystem")
    canonical.resources(spec)
    _defaults(obj.setdefault("status", {}), phase="Pending")


def _volume(obj: JsonObject) -> None:
    spec = _defaults(_spec(obj), volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")
    canonical.quantities(spec.get("capacity"))
    _defaults(obj.setdefault("status", {}), phase="Available")


def _quota(obj: JsonObject) -> None:
    canonical.quantities(_spec(obj).get("hard"))
    obj.setdefault("status", {})


def _storage_class(obj: JsonObject) -> None:
    _defaults(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _node(obj: JsonObject) -> None:
    _spec(obj)
    obj.setdefault("status", {})


_FILLERS: dict[str, Callable[[JsonObject], None]] = {
    "CronJob": _cron_job,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "EndpointSlice": _endpoint_slice,
    "Endpoints": _endpoints,
    "Event": _event,
    "HTTPRoute": _http_route,
    "HorizontalPodAutoscaler": _autoscaler,
    "Ingress": _ingress,
    "Job": _job,
    "Namespace": _namespace,
    "NetworkPolicy": _network_policy,
    "Node": _node,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _claim,
    "Pod": pod_defaults.pod,
    "PodDisruptionBudget": _budget,
    "ReplicaSet": _replica_set,
    "ResourceQuota": _quota,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
    "StorageClass": _storage_class,
}
