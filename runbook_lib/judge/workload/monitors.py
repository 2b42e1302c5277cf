"""Whether metrics are collected: monitors that select something, and ports that they can ask."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed
from runbook_lib.judge.workload.labels import Labelled
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World

LINK = DOCS + "concepts/cluster-administration/system-metrics/"
ANY = "*"


def monitors_see(world: World) -> Iterator[Seen]:
    """Without metrics of the new side no stage can be judged."""
    watched: set[int] = set()
    known = _labelled(world)
    for monitor in world.of_kind("ServiceMonitor", "PodMonitor"):
        selector = monitor.node.get("spec", "selector")
        services, workloads = _selected(world, monitor, known)
        if services or workloads:
            watched |= {id(workload.resource) for workload in workloads}
            yield passed(monitor, selector, f"selects {', '.join(one.title for one in (services or workloads)[:5])}")
        else:
            yield failed(monitor, selector, "selects nothing among the objects given")
    for workload in world.workloads(*LONG_RUNNING):
        annotation = workload.template.get("metadata", "annotations", "prometheus.io/scrape")
        told = [s.title for s in world.services(workload) if _scraped(s)]
        if annotation.text() == "true" or told:
            yield passed(workload, annotation, "Prometheus is told to scrape its Pods")
        elif world.services(workload) and id(workload.resource) not in watched:
            message = "no ServiceMonitor, PodMonitor or prometheus.io/scrape: its metrics are not collected"
            yield failed(workload, workload.template, message)


def _scraped(service: Resource) -> bool:
    return service.node.get("metadata", "annotations", "prometheus.io/scrape").text() == "true"


def _labelled(world: World) -> dict[str, Labelled[Resource]]:
    """What monitors look for, by its labels, in its namespace and in any: Services, and the objects that make Pods."""
    services = [(s.node.get("metadata", "labels").labels(), s) for s in world.of_kind("Service")]
    pods = [(w.labels, w.resource) for w in world.workloads()]
    return {
        kind: Labelled((space, labels, one) for labels, one in found for space in (world.space(one), ANY))
        for kind, found in (("ServiceMonitor", services), ("PodMonitor", pods))
    }


def _selected(
    world: World, monitor: Resource, known: dict[str, Labelled[Resource]]
) -> tuple[list[Resource], list[Workload]]:
    """A monitor looks in its own namespace unless its namespaceSelector says otherwise."""
    selector, where = monitor.node.get("spec", "selector"), monitor.node.get("spec", "namespaceSelector")
    names = {name.text() for name in where.get("matchNames").elements()} or {world.space(monitor)}
    if where.get("any").is_true():
        names = {ANY}
    found = [one for name in sorted(names) for one in known[monitor.kind].selected(name, selector)]
    if monitor.kind == "PodMonitor":
        return [], [workload for one in found if (workload := world.workload(one))]
    return found, [workload for service in found for workload in world.pods(service)]


def monitors_can_ask(world: World) -> Iterator[Seen]:
    """A ServiceMonitor names a port of the Service, a PodMonitor one of a container; neither takes a number."""
    known = _labelled(world)
    for monitor in world.of_kind("ServiceMonitor", "PodMonitor"):
        services, workloads = _selected(world, monitor, known)
        if not services and not workloads:
            continue
        if monitor.kind == "ServiceMonitor":
            field, ports = "endpoints", [p for s in services for p in s.node.get("spec", "ports").elements()]
        else:
            field, ports = "podMetricsEndpoints", list(_ports(workloads))
        names = {port.get("name").text() for port in ports} - {""}
        for endpoint in monitor.node.get("spec", field).elements():
            port = endpoint.get("port")
            if port.text() in names:
                yield passed(monitor, port, f"asks port {port.text()}")
            elif port.exists:
                shown = ", ".join(sorted(names)) or "none that has a name"
                yield failed(
                    monitor, port, f"asks a port named {port.text()!r}, there is {shown}: nothing is collected"
                )
    for workload in world.workloads(*LONG_RUNNING):
        port = workload.template.get("metadata", "annotations", "prometheus.io/port")
        numbers = {one.get("containerPort").text() for one in _ports([workload])}
        if not port.exists or not numbers:
            continue
        if port.text() in numbers:
            yield passed(workload, port, f"Prometheus asks port {port.text()}")
        else:
            shown = ", ".join(sorted(numbers))
            message = f"Prometheus asks port {port.text()}, the containers declare {shown}"
            yield failed(workload, port, f"{message}: right only when something listens there", severity="warning")


def _ports(workloads: list[Workload]) -> Iterator[Node]:
    for workload in workloads:
        for container in workload.containers:
            if container.runs_on:
                yield from container.node.get("ports").elements()


CHECKS = (
    Check(
        "monitoring",
        "Metrics are collected",
        "blocking",
        "Without metrics of the new side no stage can be judged.",
        LINK,
        monitors_see,
    ),
    Check(
        "monitor-port",
        "Metrics are asked at a port that is there",
        "blocking",
        "The target never appears, and the new side looks as if it had no traffic.",
        LINK,
        monitors_can_ask,
    ),
)
