"""The columns of each kind, as the API server prints them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

JsonObject = dict[str, Any]
Cell = Callable[[JsonObject, datetime], Any]

NONE = "<none>"
UNKNOWN = "<unknown>"


@dataclass(frozen=True)
class Column:
    """One column; `priority` 1 is shown only by `-o wide`."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0


def age(moment: str | None, now: datetime) -> str:
    """The time since a timestamp as Kubernetes shortens it: 5s, 3m2s, 4h5m, 2d3h, 10d."""
    if not moment:
        return UNKNOWN
    seconds = int((now - datetime.fromisoformat(moment).astimezone(UTC)).total_seconds())
    if seconds < 0:
        return "0s" if seconds > -2 else "<invalid>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    return f"{days}d" if days < 730 else _two(days // 365, "y", days % 365, "d")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def at(*path: str, default: Any = None) -> Cell:
    """The cell of a field, or the default."""

    def cell(obj: JsonObject, _: datetime) -> Any:
        value: Any = obj
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return default if value is None else value

    return cell


def _selector(selector: JsonObject | None) -> str:
    if not selector:
        return NONE
    labels = (
        selector.get("matchLabels", {}) if "matchLabels" in selector or "matchExpressions" in selector else selector
    )
    pairs = [f"{key}={value}" for key, value in sorted(labels.items())]
    for item in selector.get("matchExpressions") or ():
        values = f" ({','.join(item['values'])})" if item.get("values") else ""
        pairs.append(f"{item['key']} {item['operator'].lower()}{values}")
    return ",".join(pairs) or NONE


def _selected(*path: str) -> Cell:
    return lambda obj, now: _selector(at(*path)(obj, now))


def _containers(field: str, *path: str) -> Cell:
    found = at(*path, "containers", default=())
    return lambda obj, now: ",".join(item.get(field, "") for item in found(obj, now))


def _ready_of(replicas: str) -> Cell:
    def cell(obj: JsonObject, _: datetime) -> str:
        return f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec'].get(replicas, 0)}"

    return cell


def _count(field: str) -> Cell:
    return lambda obj, _: len(obj.get(field) or {})


NAME = Column("Name", at("metadata", "name"))
AGE = Column("Age", lambda obj, now: age(obj["metadata"].get("creationTimestamp"), now))
TEMPLATE = ("spec", "template", "spec")
_WIDE = (
    Column("Containers", _containers("name", *TEMPLATE), priority=1),
    Column("Images", _containers("image", *TEMPLATE), priority=1),
)
_SELECTOR = Column("Selector", _selected("spec", "selector"), priority=1)


# Pods


def _pod_ready(pod: JsonObject, _: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return f"{sum(1 for item in statuses if item.get('ready'))}/{len(pod['spec']['containers'])}"


def _pod_status(pod: JsonObject, _: datetime) -> str:
    status = pod.get("status", {})
    reason = str(status.get("reason") or status.get("phase", UNKNOWN))
    running = False
    for item in reversed(status.get("containerStatuses", ())):
        state = item.get("state", {})
        waiting, terminated = state.get("waiting", {}), state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif terminated is not None:
            reason = terminated.get("reason") or f"ExitCode:{terminated.get('exitCode', 0)}"
        elif item.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        reason = "Running"
    return "Terminating" if "deletionTimestamp" in pod["metadata"] else reason


def _pod_restarts(pod: JsonObject, now: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    count = sum(item.get("restartCount", 0) for item in statuses)
    ends = [item.get("lastState", {}).get("terminated", {}).get("finishedAt") for item in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def _gates(pod: JsonObject, _: datetime) -> str:
    gates = pod["spec"].get("readinessGates", ())
    if not gates:
        return NONE
    conditions = {item["type"]: item["status"] for item in pod.get("status", {}).get("conditions", ())}
    return f"{sum(1 for gate in gates if conditions.get(gate['conditionType']) == 'True')}/{len(gates)}"


# other kinds


def _ports(service: JsonObject, _: datetime) -> str:
    ports = service["spec"].get("ports", ())
    texts = [
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in ports
    ]
    return ",".join(texts) or NONE


def _slice_ports(item: JsonObject, _: datetime) -> str:
    return ",".join(str(port.get("port", "*")) for port in item.get("ports") or ()) or "<unset>"


def _slice_endpoints(item: JsonObject, _: datetime) -> str:
    addresses = [address for endpoint in item.get("endpoints") or () for address in endpoint["addresses"]]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return ",".join(addresses[:3]) + more if addresses else "<unset>"


def _endpoints(item: JsonObject, _: datetime) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in item.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    return ",".join(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "") if found else NONE


def _targets(autoscaler: JsonObject, _: datetime) -> str:
    texts = []
    for metric in autoscaler["spec"].get("metrics") or ():
        source = metric.get(metric["type"][0].lower() + metric["type"][1:], {})
        target = source.get("target", {})
        wanted = (
            f"{target['averageUtilization']}%" if "averageUtilization" in target else target.get("averageValue", "")
        )
        texts.append(f"{source.get('name', metric['type'])}: <unknown>/{wanted}")
    return ", ".join(texts) or NONE


def _hosts(ingress: JsonObject, _: datetime) -> str:
    hosts = [rule["host"] for rule in ingress["spec"].get("rules", ()) if rule.get("host")]
    return ",".join(hosts) or "*"


def _addresses(obj: JsonObject, _: datetime) -> str:
    found = obj.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    return ",".join(item.get("ip") or item.get("hostname", "") for item in found)


def _ingress_ports(ingress: JsonObject, _: datetime) -> str:
    return "80, 443" if ingress["spec"].get("tls") else "80"


def _involved(event: JsonObject, _: datetime) -> str:
    involved = event.get("involvedObject") or event.get("regarding") or {}
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _seen(*fields: str) -> Cell:
    def cell(event: JsonObject, now: datetime) -> str:
        moment = next((event[field] for field in fields if event.get(field)), None)
        return age(moment, now)

    return cell


def _source(event: JsonObject, _: datetime) -> str:
    source = event.get("source") or {}
    parts = [source.get("component") or event.get("reportingComponent", ""), source.get("host", "")]
    return ", ".join(part for part in parts if part)


def _node_status(node: JsonObject, _: datetime) -> str:
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", ())}
    text = "Ready" if conditions.get("Ready") == "True" else "NotReady"
    return f"{text},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else text


def _suspended(job: JsonObject, _: datetime) -> str:
    return str(job["spec"].get("suspend", False))


def _last_schedule(job: JsonObject, now: datetime) -> str:
    moment = job.get("status", {}).get("lastScheduleTime")
    return age(moment, now) if moment else NONE


def _job_status(job: JsonObject, _: datetime) -> str:
    for condition in job.get("status", {}).get("conditions", ()):
        if condition.get("status") == "True":
            return str(condition["type"])
    return "Running"


JOB_TEMPLATE = ("spec", "jobTemplate", "spec", "template", "spec")
DEFAULT: tuple[Column, ...] = (NAME, AGE)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "ConfigMap": (NAME, Column("Data", _count("data")), AGE),
    "Secret": (NAME, Column("Type", at("type")), Column("Data", _count("data")), AGE),
    "Service": (
        NAME,
        Column("Type", at("spec", "type")),
        Column("Cluster-IP", at("spec", "clusterIP", default=NONE)),
        Column("External-IP", lambda obj, now: _addresses(obj, now) or NONE),
        Column("Port(s)", _ports),
        AGE,
        _SELECTOR,
    ),
    "Endpoints": (NAME, Column("Endpoints", _endpoints), AGE),
    "EndpointSlice": (
        NAME,
        Column("AddressType", at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_endpoints),
        AGE,
    ),
    "Namespace": (NAME, Column("Status", at("status", "phase")), AGE),
    "Node": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", lambda _, __: NONE),
        AGE,
        Column("Version", at("status", "nodeInfo", "kubeletVersion")),
    ),
    "Pod": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        Column("IP", at("status", "podIP", default=NONE), priority=1),
        Column("Node", at("spec", "nodeName", default=NONE), priority=1),
        Column("Nominated Node", at("status", "nominatedNodeName", default=NONE), priority=1),
        Column("Readiness Gates", _gates, priority=1),
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column(
            "Reference",
            lambda obj, _: f"{obj['spec']['scaleTargetRef']['kind']}/{obj['spec']['scaleTargetRef']['name']}",
        ),
        Column("Targets", _targets),
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
    "NetworkPolicy": (NAME, Column("Pod-Selector", _selected("spec", "podSelector")), AGE),
    "Ingress": (
        NAME,
        Column("Class", at("spec", "ingressClassName", default=NONE)),
        Column("Hosts", _hosts),
        Column("Address", _addresses),
        Column("Ports", _ingress_ports),
        AGE,
    ),
    "HTTPRoute": (
        NAME,
        Column("Hostnames", at("spec", "hostnames")),
        Column("Age", AGE.cell, "date"),
    ),
    "Lease": (NAME, Column("Holder", at("spec", "holderIdentity", default="")), AGE),
    "Event": (
        Column("Last Seen", _seen("lastTimestamp", "eventTime")),
        Column("Type", at("type")),
        Column("Reason", at("reason")),
        Column("Object", _involved),
        Column("Subobject", at("involvedObject", "fieldPath", default=""), priority=1),
        Column("Source", _source, priority=1),
        Column("Message", lambda obj, _: str(obj.get("message", "")).strip()),
        Column("First Seen", _seen("firstTimestamp", "eventTime"), priority=1),
        Column("Count", lambda obj, _: max(obj.get("count", 1), 1), priority=1),
        Column("Name", NAME.cell, priority=1),
    ),
    "Deployment": (
        NAME,
        Column("Ready", _ready_of("replicas")),
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
    "StatefulSet": (NAME, Column("Ready", _ready_of("replicas")), AGE, *_WIDE),
    "CronJob": (
        NAME,
        Column("Schedule", at("spec", "schedule")),
        Column("Timezone", at("spec", "timeZone", default=NONE)),
        Column("Suspend", _suspended, "boolean"),
        Column("Active", lambda obj, _: len(obj.get("status", {}).get("active", ())), "integer"),
        Column("Last Schedule", _last_schedule),
        AGE,
        Column("Containers", _containers("name", *JOB_TEMPLATE), priority=1),
        Column("Images", _containers("image", *JOB_TEMPLATE), priority=1),
        Column("Selector", lambda _, __: NONE, priority=1),
    ),
    "Job": (
        NAME,
        Column("Status", _job_status),
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
