"""The columns of each kind, as the API server prints them."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.kubernetes.cells import (
    NONE,
    Cell,
    addresses,
    age,
    at,
    containers,
    count_of,
    endpoints,
    event_source,
    gates,
    ingress_hosts,
    ingress_ports,
    involved,
    job_status,
    last_schedule,
    node_status,
    pod_ready,
    pod_restarts,
    pod_status,
    ready_of,
    selected,
    service_ports,
    since,
    slice_endpoints,
    slice_ports,
    suspended,
    targets,
)


@dataclass(frozen=True)
class Column:
    """One column; `priority` 1 is shown only by `-o wide`."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0


NAME = Column("Name", at("metadata", "name"))
AGE = Column("Age", lambda obj, now: age(obj["metadata"].get("creationTimestamp"), now))
TEMPLATE = ("spec", "template", "spec")
_WIDE = (
    Column("Containers", containers("name", *TEMPLATE), priority=1),
    Column("Images", containers("image", *TEMPLATE), priority=1),
)
_SELECTOR = Column("Selector", selected("spec", "selector"), priority=1)


JOB_TEMPLATE = ("spec", "jobTemplate", "spec", "template", "spec")
DEFAULT: tuple[Column, ...] = (NAME, AGE)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "ConfigMap": (NAME, Column("Data", count_of("data")), AGE),
    "Secret": (NAME, Column("Type", at("type")), Column("Data", count_of("data")), AGE),
    "Service": (
        NAME,
        Column("Type", at("spec", "type")),
        Column("Cluster-IP", at("spec", "clusterIP", default=NONE)),
        Column("External-IP", lambda obj, now: addresses(obj, now) or NONE),
        Column("Port(s)", service_ports),
        AGE,
        _SELECTOR,
    ),
    "Endpoints": (NAME, Column("Endpoints", endpoints), AGE),
    "EndpointSlice": (
        NAME,
        Column("AddressType", at("addressType")),
        Column("Ports", slice_ports),
        Column("Endpoints", slice_endpoints),
        AGE,
    ),
    "Namespace": (NAME, Column("Status", at("status", "phase")), AGE),
    "Node": (
        NAME,
        Column("Status", node_status),
        Column("Roles", lambda _, __: NONE),
        AGE,
        Column("Version", at("status", "nodeInfo", "kubeletVersion")),
    ),
    "Pod": (
        NAME,
        Column("Ready", pod_ready),
        Column("Status", pod_status),
        Column("Restarts", pod_restarts),
        AGE,
        Column("IP", at("status", "podIP", default=NONE), priority=1),
        Column("Node", at("spec", "nodeName", default=NONE), priority=1),
        Column("Nominated Node", at("status", "nominatedNodeName", default=NONE), priority=1),
        Column("Readiness Gates", gates, priority=1),
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column(
            "Reference",
            lambda obj, _: f"{obj['spec']['scaleTargetRef']['kind']}/{obj['spec']['scaleTargetRef']['name']}",
        ),
        Column("Targets", targets),
        Column("MinPods", lambda obj, _: str(obj["spec"].get("minReplicas", 1))),
        Column("MaxPods", at("spec", "maxReplicas")),
        Column("Replicas", at("status", "currentReplicas", default=0)),
        AGE,
    ),
    "PodDisruptionBudget": (
        NAME,
        Column("Min Available", lambda obj, _: str(obj["spec"].get("minAvailable", "N/A"))),
        Column("Max Unavailable", lambda obj, _: str(obj["spec"].get("maxUnavailable", "N/A"))),
        Column("Allowed Disruptions", at("status", "disruptionsAllowed", default=0), "integer"),
        AGE,
    ),
    "NetworkPolicy": (NAME, Column("Pod-Selector", selected("spec", "podSelector")), AGE),
    "Ingress": (
        NAME,
        Column("Class", at("spec", "ingressClassName", default=NONE)),
        Column("Hosts", ingress_hosts),
        Column("Address", addresses),
        Column("Ports", ingress_ports),
        AGE,
    ),
    "HTTPRoute": (
        NAME,
        Column("Hostnames", at("spec", "hostnames")),
        Column("Age", AGE.cell, "date"),
    ),
    "Lease": (NAME, Column("Holder", at("spec", "holderIdentity", default="")), AGE),
    "Event": (
        Column("Last Seen", since("lastTimestamp", "eventTime")),
        Column("Type", at("type")),
        Column("Reason", at("reason")),
        Column("Object", involved),
        Column("Subobject", at("involvedObject", "fieldPath", default=""), priority=1),
        Column("Source", event_source, priority=1),
        Column("Message", lambda obj, _: str(obj.get("message", "")).strip()),
        Column("First Seen", since("firstTimestamp", "eventTime"), priority=1),
        Column("Count", lambda obj, _: max(obj.get("count", 1), 1), priority=1),
        Column("Name", NAME.cell, priority=1),
    ),
    "Deployment": (
        NAME,
        Column("Ready", ready_of("replicas")),
        Column("Up-to-date", at("status", "updatedReplicas", default=0)),
        Column("Available", at("status", "availableReplicas", default=0)),
        AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "ReplicaSet": (
        NAME,
        Column("Desired", at("spec", "replicas", default=0)),
        Column("Current", at("status", "replicas", default=0)),
        Column("Ready", at("status", "readyReplicas", default=0)),
        AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "StatefulSet": (NAME, Column("Ready", ready_of("replicas")), AGE, *_WIDE),
    "CronJob": (
        NAME,
        Column("Schedule", at("spec", "schedule")),
        Column("Timezone", at("spec", "timeZone", default=NONE)),
        Column("Suspend", suspended, "boolean"),
        Column("Active", lambda obj, _: len(obj.get("status", {}).get("active", ())), "integer"),
        Column("Last Schedule", last_schedule),
        AGE,
        Column("Containers", containers("name", *JOB_TEMPLATE), priority=1),
        Column("Images", containers("image", *JOB_TEMPLATE), priority=1),
        Column("Selector", lambda _, __: NONE, priority=1),
    ),
    "Job": (
        NAME,
        Column("Status", job_status),
        Column(
            "Completions",
            lambda obj, _: f"{obj.get('status', {}).get('succeeded', 0)}/{obj['spec'].get('completions', 1)}",
        ),
        AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "ResourceQuota": (NAME, AGE),
}
