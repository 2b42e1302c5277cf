"""The status of a Pod, worked out from its containers, in the words of the kubelet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

JsonObject = dict[str, Any]
Role = Literal["init", "sidecar", "main"]

OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
LOST = "The container could not be located when the pod was terminated"


@dataclass
class Record:
    """What is known of one container."""

    spec: JsonObject
    role: Role = "main"
    state: JsonObject = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: JsonObject = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0
    container_id: str = ""
    attempted: bool = False

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def exit_code(self) -> int | None:
        """The exit code where the container has ended for good or for now."""
        code: int | None = self.state.get("terminated", {}).get("exitCode")
        return code


@dataclass(frozen=True)
class Sandbox:
    """What is known of the Pod around its containers."""

    address: str
    node_address: str
    since: str
    mounted: bool = False
    stopping: bool = False
    ended: bool = False


def pod_status(pod: JsonObject, sandbox: Sandbox, records: list[Record], now: str) -> JsonObject:
    """The status to write; conditions of others (readiness gates) are kept, times only change with the state."""
    generation = pod["metadata"].get("generation", 1)
    old = pod.get("status", {})
    phase = _phase(pod["spec"], sandbox, records)
    conditions = [
        _dated(one | {"observedGeneration": generation}, old, now)
        for one in _conditions(pod, old, sandbox, records, phase)
    ]
    foreign = [one for one in old.get("conditions", ()) if one["type"] not in OWN_CONDITIONS]
    status: JsonObject = {
        "observedGeneration": generation,
        "phase": phase,
        "conditions": [*conditions, *foreign],
        "hostIP": sandbox.node_address,
        "hostIPs": [{"ip": sandbox.node_address}],
        "startTime": sandbox.since,
        "containerStatuses": [_container(one) for one in records if one.role == "main"],
        "qosClass": old.get("qosClass") or qos_class(pod["spec"]),
    }
    if any(one.attempted for one in records):
        status |= {"podIP": sandbox.address, "podIPs": [{"ip": sandbox.address}]}
    if early := [_container(one) for one in records if one.role != "main"]:
        status["initContainerStatuses"] = early
    return status


def _phase(spec: JsonObject, sandbox: Sandbox, records: list[Record]) -> str:
    main = [one for one in records if one.role == "main"]
    codes = [one.exit_code for one in main]
    if sandbox.ended or _is_over(spec, records):
        return "Succeeded" if all(code == 0 for code in codes) else "Failed"
    if not is_initialized(records) and not any(one.container_id for one in main):
        return "Pending"
    if any("waiting" in one.state and not one.last for one in main):
        return "Pending"
    return "Running"


def _is_over(spec: JsonObject, records: list[Record]) -> bool:
    """Nothing runs, and the restart policy starts nothing again."""
    codes = [one.exit_code for one in records if one.role == "main"]
    if None in codes or any("running" in one.state for one in records):
        return False
    policy = spec.get("restartPolicy", "Always")
    return bool(policy == "Never" or (policy == "OnFailure" and not any(codes)))


def is_initialized(records: Iterable[Record]) -> bool:
    """Every init container is done and every sidecar has started."""
    return all(one.started if one.role == "sidecar" else one.exit_code == 0 for one in records if one.role != "main")


def _conditions(
    pod: JsonObject, old: JsonObject, sandbox: Sandbox, records: list[Record], phase: str
) -> list[JsonObject]:
    early = [one.name for one in records if one.role != "main"]
    ready = _readiness(records, phase)
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates", ())]
    held = {one["type"]: one["status"] for one in old.get("conditions", ())}
    overall = ready
    closed = [gate for gate in gates if held.get(gate) != "True"]
    if closed and ready["status"] == "True":
        message = "\n".join(
            f'the status of pod readiness gate "{gate}" is not "True", but {held[gate]}'
            if gate in held
            else f'corresponding condition of pod readiness gate "{gate}" does not exist.'
            for gate in closed
        )
        overall = {"status": "False", "reason": "ReadinessGatesNotReady", "message": message}
    return [
        {"type": "PodReadyToStartContainers", "status": "True" if sandbox.mounted and not sandbox.ended else "False"},
        {"type": "Initialized", **(_initialized(records, phase) if early else {"status": "True"})},
        {"type": "Ready", **overall},
        {"type": "ContainersReady", **ready},
        {"type": "PodScheduled", "status": "True"},
    ]


def _initialized(records: list[Record], phase: str) -> JsonObject:
    if is_initialized(records) or phase == "Succeeded":
        return {"status": "True"} | ({"reason": "PodCompleted"} if phase == "Succeeded" else {})
    pending = [
        one.name
        for one in records
        if (one.role == "init" and one.exit_code != 0) or (one.role == "sidecar" and not one.started)
    ]
    message = f"containers with incomplete status: [{' '.join(pending)}]"
    return {"status": "False", "reason": "ContainersNotInitialized", "message": message}


def _readiness(records: list[Record], phase: str) -> JsonObject:
    if phase == "Succeeded":
        return {"status": "False", "reason": "PodCompleted"}
    if phase == "Failed" and any(one.container_id for one in records):
        return {"status": "False", "reason": "PodFailed"}
    unready = [one.name for one in records if one.role != "init" and not one.ready]
    if not unready:
        return {"status": "True"}
    message = f"containers with unready status: [{' '.join(unready)}]"
    return {"status": "False", "reason": "ContainersNotReady", "message": message}


def _dated(condition: JsonObject, old: JsonObject, now: str) -> JsonObject:
    known = next((one for one in old.get("conditions", ()) if one["type"] == condition["type"]), None)
    same = known is not None and known["status"] == condition["status"]
    since = known["lastTransitionTime"] if known is not None and same else now
    return condition | {"lastTransitionTime": since}


def _container(one: Record) -> JsonObject:
    status: JsonObject = {
        "name": one.name,
        "state": one.state,
        "lastState": one.last,
        "ready": one.ready,
        "restartCount": one.restarts,
        "image": one.spec["image"],
        "imageID": image_id(one.spec["image"]) if one.container_id else "",
        "started": one.started,
    }
    if one.container_id:
        resources = one.spec.get("resources", {})
        status |= {"containerID": one.container_id, "resources": resources}
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
    if one.spec.get("volumeMounts"):
        status["volumeMounts"] = [_mount(mount) for mount in one.spec["volumeMounts"]]
    return status


def _mount(mount: JsonObject) -> JsonObject:
    shown = {"name": mount["name"], "mountPath": mount["mountPath"]}
    return shown | ({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else {})


def image_id(image: str) -> str:
    """A digest for an image that is only a name."""
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def qos_class(spec: JsonObject) -> str:
    """BestEffort without requests and limits, Guaranteed where all are set and equal, else Burstable."""
    resources = [one.get("resources", {}) for one in [*spec.get("initContainers", ()), *spec["containers"]]]
    if not any(one.get("limits") or one.get("requests") for one in resources):
        return "BestEffort"
    for one in resources:
        limits = one.get("limits", {})
        if not {"cpu", "memory"} <= limits.keys() or (one.get("requests") or limits) != limits:
            return "Burstable"
    return "Guaranteed"
