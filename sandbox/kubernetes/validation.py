"""What makes an object invalid, in the words of the API server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.kubernetes import causes, pod_validation
from sandbox.kubernetes.causes import Cause, duplicate, forbidden, invalid, required, unsupported
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.selectors import match_selector

JsonObject = dict[str, Any]
Check = Callable[[JsonObject], Iterator[Cause]]
ChangeCheck = Callable[[JsonObject, JsonObject], Iterator[Cause]]

_DATA_KEY = r"[-._a-zA-Z0-9]+"
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_MISMATCH = "`selector` does not match template `labels`"
_AT_LEAST_0 = "must be greater than or equal to 0"


def check(resource: Resource, obj: JsonObject, previous: JsonObject | None) -> None:
    """ApiError 422 when the object, or the change from `previous`, is not allowed."""
    with causes.well_formed(resource):
        found = [*_metadata(resource, obj)]
        if resource.kind in _CHECKS:
            found += _CHECKS[resource.kind](obj)
        if previous is not None and resource.kind in _CHANGES:
            found += _CHANGES[resource.kind](previous, obj)
    if found:
        raise causes.refusal(resource, obj["metadata"].get("name", ""), found)


def _metadata(resource: Resource, obj: JsonObject) -> Iterator[Cause]:
    metadata = obj["metadata"]
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif resource.group == "rbac.authorization.k8s.io":
        pass  # these may hold colons
    else:
        rule = {"Namespace": causes.label_1123, "Service": causes.label_1035}.get(resource.kind, causes.subdomain)
        yield from rule("metadata.name", name)
    yield from causes.labels("metadata.labels", metadata.get("labels") or {})


# workloads


def _selected(obj: JsonObject) -> Iterator[Cause]:
    spec = obj["spec"]
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", selector, "empty selector is invalid for deployment")
    labels = spec["template"].get("metadata", {}).get("labels", {})
    if not match_selector(selector, labels):
        yield invalid("spec.template.metadata.labels", labels or None, _MISMATCH)
    if spec.get("replicas", 0) < 0:
        yield invalid("spec.replicas", spec["replicas"], _AT_LEAST_0)
    yield from pod_validation.template("spec.template", spec["template"])


def _deployment(obj: JsonObject) -> Iterator[Cause]:
    yield from _selected(obj)
    strategy = obj["spec"]["strategy"]
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] not in ("Recreate", "RollingUpdate"):
        yield unsupported("spec.strategy.type", strategy["type"], ("Recreate", "RollingUpdate"))
    elif strategy["type"] == "Recreate" and rolling is not None:
        yield forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif rolling is not None:
        unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
        for name, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
            yield from _share(f"spec.strategy.rollingUpdate.{name}", value)
        if _is_zero(unavailable) and _is_zero(surge):
            yield invalid(
                "spec.strategy.rollingUpdate.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"
            )
    deadline = obj["spec"]["progressDeadlineSeconds"]
    if deadline <= obj["spec"].get("minReadySeconds", 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _share(field: str, value: Any) -> Iterator[Cause]:
    """A whole number of at least 0 or a percentage."""
    if isinstance(value, str) and not re.fullmatch(r"\d+%", value):
        detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
        yield invalid(field, value, detail + "regex used for validation is '[0-9]+%')")
    elif isinstance(value, int) and value < 0:
        yield invalid(field, value, _AT_LEAST_0)
    elif field.endswith("maxUnavailable") and isinstance(value, str) and int(value[:-1]) > 100:
        yield invalid(field, value, "must not be greater than 100%")


def _is_zero(value: Any) -> bool:
    return value in (0, "0%")


def _immutable_selector(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    if old["spec"].get("selector") != new["spec"].get("selector"):
        yield invalid("spec.selector", new["spec"].get("selector"), "field is immutable")


def _immutable_job(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    yield from _immutable_selector(old, new)
    if old["spec"].get("template") != new["spec"].get("template"):
        yield invalid("spec.template", new["spec"].get("template"), "field is immutable")


def _immutable_address(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    address = new["spec"].get("clusterIP")
    if old["spec"].get("clusterIP") not in (None, "", address) and new["spec"].get("type") != "ExternalName":
        yield invalid("spec.clusterIPs[0]", [address], "may not change once set")


def _cron_job(obj: JsonObject) -> Iterator[Cause]:
    if not obj["spec"].get("schedule"):
        yield required("spec.schedule")
    job = obj["spec"]["jobTemplate"]["spec"]
    yield from pod_validation.template("spec.jobTemplate.spec.template", job["template"], ("OnFailure", "Never"))


def _job(obj: JsonObject) -> Iterator[Cause]:
    yield from pod_validation.template("spec.template", obj["spec"]["template"], ("OnFailure", "Never"))


def _pod(obj: JsonObject) -> Iterator[Cause]:
    yield from pod_validation.pod_spec("spec", obj["spec"])


def _autoscaler(obj: JsonObject) -> Iterator[Cause]:
    spec = obj["spec"]
    highest, lowest = spec.get("maxReplicas", 0), spec["minReplicas"]
    if lowest < 1:
        yield invalid("spec.minReplicas", lowest, "must be greater than or equal to 1")
    if highest < 1:
        yield invalid("spec.maxReplicas", highest, "must be greater than 0")
    elif highest < lowest:
        yield invalid("spec.maxReplicas", highest, "must be greater than or equal to `minReplicas`")
    for at, metric in enumerate(spec["metrics"]):
        if not metric.get("type"):
            yield required(f"spec.metrics[{at}].type", "must specify a metric source type")
    for field in ("kind", "name"):
        if not spec.get("scaleTargetRef", {}).get(field):
            yield required(f"spec.scaleTargetRef.{field}")


def _budget(obj: JsonObject) -> Iterator[Cause]:
    spec = obj["spec"]
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for field in ("minAvailable", "maxUnavailable"):
        yield from _share(f"spec.{field}", spec.get(field))


# networking


def _service(obj: JsonObject) -> Iterator[Cause]:
    spec = obj["spec"]
    if spec["type"] not in _SERVICE_TYPES:
        yield unsupported("spec.type", spec["type"], _SERVICE_TYPES)
    ports = spec.get("ports", ())
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    names: set[str] = set()
    for at, port in enumerate(ports):
        if not 1 <= (port.get("port") or 0) <= 65535:
            yield invalid(f"spec.ports[{at}].port", port.get("port", 0), "must be between 1 and 65535, inclusive")
        name = port.get("name", "")
        if len(ports) > 1 and not name:
            yield required(f"spec.ports[{at}].name")
        if name and name in names:
            yield duplicate(f"spec.ports[{at}].name", name)
        names.add(name)


def _ingress(obj: JsonObject) -> Iterator[Cause]:
    spec = obj["spec"]
    if "defaultBackend" not in spec and not spec.get("rules"):
        yield invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    for at, rule in enumerate(spec.get("rules", ())):
        for index, path in enumerate(rule.get("http", {}).get("paths", ())):
            field = f"spec.rules[{at}].http.paths[{index}]"
            if "pathType" not in path:
                yield required(f"{field}.pathType", "pathType must be specified")
            if not path.get("backend", {}).get("service", {}).get("name") and "resource" not in path.get("backend", {}):
                yield required(f"{field}.backend", "port name or number is required")


def _http_route(obj: JsonObject) -> Iterator[Cause]:
    for at, rule in enumerate(obj["spec"]["rules"]):
        for index, backend in enumerate(rule.get("backendRefs", ())):
            field = f"spec.rules[{at}].backendRefs[{index}]"
            weight = backend["weight"]
            if not backend.get("name"):
                yield required(f"{field}.name")
            if not isinstance(weight, int) or weight < 0:
                yield invalid(f"{field}.weight", weight, f"{field}.weight in body should be {_AT_LEAST_0[8:]}")
            elif weight > 1000000:
                yield invalid(
                    f"{field}.weight", weight, f"{field}.weight in body should be less than or equal to 1e+06"
                )


# configuration


def _data_keys(obj: JsonObject) -> Iterator[Cause]:
    for field in ("data", "binaryData"):
        for key in obj.get(field, {}):
            if not re.fullmatch(_DATA_KEY, key):
                yield invalid(
                    f"{field}[{key}]",
                    key,
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  "
                    f"or 'KEY_NAME',  or 'key-name', regex used for validation is '{_DATA_KEY}')",
                )


def _immutable_data(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    if old.get("immutable"):
        if not new.get("immutable"):
            yield forbidden("immutable", "field is immutable when `immutable` is set")
        for field in ("data", "binaryData"):
            if old.get(field) != new.get(field):
                yield forbidden(field, "field is immutable when `immutable` is set")


def _immutable_secret(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    yield from _immutable_data(old, new)
    if old.get("type") != new.get("type"):
        yield invalid("type", new.get("type"), "field is immutable")


def _lease(obj: JsonObject) -> Iterator[Cause]:
    spec = obj.get("spec", {})
    if spec.get("leaseDurationSeconds", 1) <= 0:
        yield invalid("spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0")
    if spec.get("leaseTransitions", 0) < 0:
        yield invalid("spec.leaseTransitions", spec["leaseTransitions"], _AT_LEAST_0)
    if spec.get("holderIdentity") == "":
        yield invalid("spec.holderIdentity", "", "must not be empty")


def _claim(obj: JsonObject) -> Iterator[Cause]:
    spec = obj["spec"]
    if not spec.get("accessModes"):
        yield required("spec.accessModes", "at least 1 access mode is required")
    if "storage" not in spec.get("resources", {}).get("requests", {}):
        yield required("spec.resources[storage]")


_CHECKS: dict[str, Check] = {
    "ConfigMap": _data_keys,
    "CronJob": _cron_job,
    "DaemonSet": _selected,
    "Deployment": _deployment,
    "HTTPRoute": _http_route,
    "HorizontalPodAutoscaler": _autoscaler,
    "Ingress": _ingress,
    "Job": _job,
    "Lease": _lease,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "PodDisruptionBudget": _budget,
    "ReplicaSet": _selected,
    "Secret": _data_keys,
    "Service": _service,
    "StatefulSet": _selected,
}
_CHANGES: dict[str, ChangeCheck] = {
    "ConfigMap": _immutable_data,
    "DaemonSet": _immutable_selector,
    "Deployment": _immutable_selector,
    "Job": _immutable_job,
    "Pod": pod_validation.pod_change,
    "ReplicaSet": _immutable_selector,
    "Secret": _immutable_secret,
    "Service": _immutable_address,
    "StatefulSet": _immutable_selector,
}
