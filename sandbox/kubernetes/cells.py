"""What stands in the cells of tables: one function for each thing that `kubectl get` shows of an object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

JsonObject = dict[str, Any]
Cell = Callable[[JsonObject, datetime], Any]

NONE = "<none>"
UNKNOWN = "<unknown>"


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


def selector_text(selector: JsonObject | None) -> str:
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


def selected(*path: str) -> Cell:
    return lambda obj, now: selector_text(at(*path)(obj, now))


def containers(field: str, *path: str) -> Cell:
    found = at(*path, "containers", default=())
    return lambda obj, now: ",".join(item.get(field, "") for item in found(obj, now))


def ready_of(replicas: str) -> Cell:
    def cell(obj: JsonObject, _: datetime) -> str:
        return f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec'].get(replicas, 0)}"

    return cell


def count_of(field: str) -> Cell:
    return lambda obj, _: len(obj.get(field) or {})


# Pods


def pod_ready(pod: JsonObject, _: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return f"{sum(1 for item in statuses if item.get('ready'))}/{len(pod['spec']['containers'])}"


def pod_status(pod: JsonObject, _: datetime) -> str:
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


def pod_restarts(pod: JsonObject, now: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    count = sum(item.get("restartCount", 0) for item in statuses)
    ends = [item.get("lastState", {}).get("terminated", {}).get("finishedAt") for item in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def gates(pod: JsonObject, _: datetime) -> str:
    gates = pod["spec"].get("readinessGates", ())
    if not gates:
        return NONE
    conditions = {item["type"]: item["status"] for item in pod.get("status", {}).get("conditions", ())}
    return f"{sum(1 for gate in gates if conditions.get(gate['conditionType']) == 'True')}/{len(gates)}"


# other kinds


def service_ports(service: JsonObject, _: datetime) -> str:
    ports = service["spec"].get("ports", ())
    texts = [
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in ports
    ]
    return ",".join(texts) or NONE


def slice_ports(item: JsonObject, _: datetime) -> str:
    return ",".join(str(port.get("port", "*")) for port in item.get("ports") or ()) or "<unset>"


def slice_endpoints(item: JsonObject, _: datetime) -> str:
    addresses = [address for endpoint in item.get("endpoints") or () for address in endpoint["addresses"]]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return ",".join(addresses[:3]) + more if addresses else "<unset>"


def endpoints(item: JsonObject, _: datetime) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in item.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    return ",".join(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "") if found else NONE


def targets(autoscaler: JsonObject, _: datetime) -> str:
    texts = []
    for metric in autoscaler["spec"].get("metrics") or ():
        source = metric.get(metric["type"][0].lower() + metric["type"][1:], {})
        target = source.get("target", {})
        wanted = (
            f"{target['averageUtilization']}%" if "averageUtilization" in target else target.get("averageValue", "")
        )
        texts.append(f"{source.get('name', metric['type'])}: <unknown>/{wanted}")
    return ", ".join(texts) or NONE


def ingress_hosts(ingress: JsonObject, _: datetime) -> str:
    hosts = [rule["host"] for rule in ingress["spec"].get("rules", ()) if rule.get("host")]
    return ",".join(hosts) or "*"


def addresses(obj: JsonObject, _: datetime) -> str:
    found = obj.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    return ",".join(item.get("ip") or item.get("hostname", "") for item in found)


def ingress_ports(ingress: JsonObject, _: datetime) -> str:
    return "80, 443" if ingress["spec"].get("tls") else "80"


def involved(event: JsonObject, _: datetime) -> str:
    involved = event.get("involvedObject") or event.get("regarding") or {}
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def since(*fields: str) -> Cell:
    def cell(event: JsonObject, now: datetime) -> str:
        moment = next((event[field] for field in fields if event.get(field)), None)
        return age(moment, now)

    return cell


def event_source(event: JsonObject, _: datetime) -> str:
    source = event.get("source") or {}
    parts = [source.get("component") or event.get("reportingComponent", ""), source.get("host", "")]
    return ", ".join(part for part in parts if part)


def node_status(node: JsonObject, _: datetime) -> str:
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", ())}
    text = "Ready" if conditions.get("Ready") == "True" else "NotReady"
    return f"{text},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else text


def suspended(job: JsonObject, _: datetime) -> str:
    return str(job["spec"].get("suspend", False))


def last_schedule(job: JsonObject, now: datetime) -> str:
    moment = job.get("status", {}).get("lastScheduleTime")
    return age(moment, now) if moment else NONE


def job_status(job: JsonObject, _: datetime) -> str:
    for condition in job.get("status", {}).get("conditions", ()):
        if condition.get("status") == "True":
            return str(condition["type"])
    return "Running"
