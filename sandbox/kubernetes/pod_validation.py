"""What makes a Pod, or a template of Pods, invalid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.kubernetes.causes import (
    Cause,
    duplicate,
    forbidden,
    invalid,
    label_1123,
    labels,
    missing,
    required,
    unsupported,
)
from sandbox.kubernetes.quantity import amount

JsonObject = dict[str, Any]

_PULL = ("Always", "IfNotPresent", "Never")
_RESTART = ("Always", "OnFailure", "Never")
_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
_MUTABLE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")


def template(field: str, found: JsonObject, restart: tuple[str, ...] = ("Always",)) -> Iterator[Cause]:
    """Causes in a template whose Pods may restart only in these ways."""
    yield from labels(f"{field}.metadata.labels", found.get("metadata", {}).get("labels", {}))
    spec = found.get("spec", {})
    yield from pod_spec(f"{field}.spec", spec)
    if spec.get("restartPolicy", restart[0]) not in restart:
        yield unsupported(f"{field}.spec.restartPolicy", spec["restartPolicy"], restart)


def pod_spec(field: str, spec: JsonObject) -> Iterator[Cause]:
    """Causes in the spec of a Pod."""
    volumes: set[str] = set()
    for at, volume in enumerate(spec.get("volumes", ())):
        name = volume.get("name", "")
        if name in volumes:
            yield duplicate(f"{field}.volumes[{at}].name", name)
        volumes.add(name)
    if not spec.get("containers"):
        yield required(f"{field}.containers")
    seen: set[str] = set()
    for list_name in ("initContainers", "containers"):
        for at, container in enumerate(spec.get(list_name, ())):
            place = f"{field}.{list_name}[{at}]"
            yield from _container(place, container, volumes)
            if container.get("name") in seen:
                yield duplicate(f"{place}.name", container["name"])
            seen.add(container.get("name", ""))
    if spec.get("restartPolicy", "Always") not in _RESTART:
        yield unsupported(f"{field}.restartPolicy", spec["restartPolicy"], _RESTART)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        grace = spec["terminationGracePeriodSeconds"]
        yield invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0")


def _container(field: str, container: JsonObject, volumes: set[str]) -> Iterator[Cause]:
    if not container.get("name"):
        yield required(f"{field}.name")
    else:
        yield from label_1123(f"{field}.name", container["name"])
    if not container.get("image"):
        yield required(f"{field}.image")
    if container.get("imagePullPolicy", "Always") not in _PULL:
        yield unsupported(f"{field}.imagePullPolicy", container["imagePullPolicy"], _PULL)
    yield from _ports(f"{field}.ports", container.get("ports", ()))
    for at, variable in enumerate(container.get("env", ())):
        if not variable.get("name"):
            yield required(f"{field}.env[{at}].name")
        if variable.get("value") and variable.get("valueFrom"):
            yield invalid(f"{field}.env[{at}].valueFrom", "", "may not be specified when `value` is not empty")
    yield from _mounts(f"{field}.volumeMounts", container.get("volumeMounts", ()), volumes)
    yield from _resources(f"{field}.resources", container.get("resources", {}))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            yield from _probe(f"{field}.{name}", container[name])


def _ports(field: str, ports: list[JsonObject]) -> Iterator[Cause]:
    names: set[str] = set()
    for at, port in enumerate(ports):
        number = port.get("containerPort")
        if number is None:
            yield required(f"{field}[{at}].containerPort")
        elif not 1 <= number <= 65535:
            yield invalid(f"{field}[{at}].containerPort", number, "must be between 1 and 65535, inclusive")
        name = port.get("name")
        if name in names:
            yield duplicate(f"{field}[{at}].name", name)
        names |= {name} if name else set()


def _mounts(field: str, mounts: list[JsonObject], volumes: set[str]) -> Iterator[Cause]:
    paths: set[str] = set()
    for at, mount in enumerate(mounts):
        name, path = mount.get("name"), mount.get("mountPath")
        if not name:
            yield required(f"{field}[{at}].name")
        elif name not in volumes:
            yield missing(f"{field}[{at}].name", name)
        if not path:
            yield required(f"{field}[{at}].mountPath")
        elif path in paths:
            yield invalid(f"{field}[{at}].mountPath", path, "must be unique")
        paths.add(path or "")


def _resources(field: str, found: JsonObject) -> Iterator[Cause]:
    limits = found.get("limits", {})
    for name, value in found.get("requests", {}).items():
        if name in limits and amount(value) > amount(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid(f"{field}.requests", value, detail)
    for part in ("limits", "requests"):
        for name, value in found.get(part, {}).items():
            if amount(value) < 0:
                yield invalid(f"{field}.{part}[{name}]", value, "must be greater than or equal to 0")


def _probe(field: str, probe: JsonObject) -> Iterator[Cause]:
    handlers = [name for name in _HANDLERS if name in probe]
    if not handlers:
        yield required(field, "must specify a handler type")
    for extra in handlers[1:]:
        yield forbidden(f"{field}.{extra}", "may not specify more than 1 handler type")
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"):
        if probe.get(name, 0) < 0:
            yield invalid(f"{field}.{name}", probe[name], "must be greater than or equal to 0")
    if not field.endswith("readinessProbe") and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1")


def pod_change(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    """A running Pod's spec is fixed, but for its images and a few others."""
    if _fixed(old["spec"], old["spec"]) != _fixed(new["spec"], old["spec"]):
        yield forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)",
        )


def _fixed(spec: JsonObject, old: JsonObject) -> JsonObject:
    kept = {key: value for key, value in spec.items() if key not in _MUTABLE}
    if not old.get("nodeName"):  # the scheduler gives it
        kept.pop("nodeName", None)
    for name in ("containers", "initContainers"):
        if name in kept:
            kept[name] = [{key: value for key, value in item.items() if key != "image"} for item in kept[name]]
    return kept
