"""What a Service is in itself: a valid form, no wider open than needed, only Pods that serve behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World

LINK = DOCS + "concepts/services-networking/service/"
PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?")


def well_formed(world: World) -> Iterator[Seen]:
    for service in world.of_kind("Service"):
        found = list(_wrong(service))
        for node, message, change in found:
            mend = patch(service, {"spec": {"ports": [change]}}) if change else None
            yield failed(service, node, f"{message}: the API server refuses it", mend)
        if not found:
            yield passed(service, service.node.get("spec"), f"{service.node.get('spec', 'type').text('ClusterIP')}")


def _wrong(service: Resource) -> Iterator[tuple[Node, str, dict[str, Any] | None]]:
    """Where, what, and what to change of the port that it is about."""
    spec = service.node.get("spec")
    kind, ports = spec.get("type").text("ClusterIP"), spec.get("ports").elements()
    headless = spec.get("clusterIP").text() == "None"
    if kind == "ExternalName":
        if not spec.get("externalName").text():
            yield spec, "ExternalName without externalName", None
        return
    if headless and kind != "ClusterIP":
        yield spec.get("clusterIP"), f"a {kind} cannot be headless", None
    if not ports and not headless:
        yield spec, "no port", None
    names: dict[str, int] = {}
    pairs: dict[tuple[str, str], int] = {}
    for port in ports:
        name, pair = port.get("name").text(), (port.get("port").text(), port.get("protocol").text("TCP"))
        number = port.get("port").integer()
        if number is not None and not 1 <= number <= 65535:
            yield port.get("port"), f"port {number} is none", None
        if not name and len(ports) > 1:
            yield (
                port,
                f"port {pair[0]} has no name, which each of several ports needs",
                {
                    "port": port.get("port").value,
                    "name": f"port-{pair[0]}",
                },
            )
        elif name and name in names:
            yield port, f"the name {name} is given twice (line {names[name]})", None
        if pair in pairs:
            yield port, f"{'/'.join(pair)} is given twice (line {pairs[pair]})", None
        names[name], pairs[pair] = port.line, port.line
        if port.get("nodePort").integer() and kind == "ClusterIP":
            change = {"port": port.get("port").value, "nodePort": None}
            yield port.get("nodePort"), "nodePort in a ClusterIP", change


def container_ports(world: World) -> Iterator[Seen]:
    """Containers of a Pod share one network: two of them cannot listen on the same port."""
    for workload in world.workloads():
        found = list(_clashes(workload))
        for node, message in found:
            yield failed(workload, node, message)
        if not found and any(c.node.get("ports").exists for c in workload.containers):
            yield passed(workload, workload.pod.get("containers"), "each port has one container and a valid name")


def _clashes(workload: Workload) -> Iterator[tuple[Node, str]]:
    taken: dict[tuple[str, str], str] = {}
    for container in workload.containers:
        names: set[str] = set()
        for port in container.node.get("ports").elements():
            name, number = port.get("name").text(), port.get("containerPort").text()
            pair = (number, port.get("protocol").text("TCP"))
            if container.runs_on and number and taken.setdefault(pair, container.name) != container.name:
                yield port, f"{container.name} and {taken[pair]} both listen on {number}: the second one cannot start"
            host = port.get("hostPort")
            if workload.pod.get("hostNetwork").is_true() and host.integer() and host.text() != number:
                yield host, f"hostPort {host.text()} is not containerPort {number}, as hostNetwork wants: it is refused"
            if name and not PORT_NAME.fullmatch(name):
                yield port, f"port name {name[:40]!r}: at most 15 of a-z, 0-9 and -, the API server refuses it"
            elif name and name in names:
                yield port, f"port name {name} is given twice in {container.name}: the API server refuses it"
            names.add(name)


def not_exposed(world: World) -> Iterator[Seen]:
    """A NodePort is an address of a node again; externalIPs takes traffic of others."""
    for service in world.of_kind("Service"):
        spec = service.node.get("spec")
        kind, addresses, ranges = spec.get("type"), spec.get("externalIPs"), spec.get("loadBalancerSourceRanges")
        if addresses.elements():
            message = f"externalIPs {addresses.elements()[0].text()}: the cluster takes what is sent to that address"
            yield failed(service, addresses, message, patch(service, {"spec": {"externalIPs": None}}), "blocking")
        elif kind.text() == "NodePort":
            mend = patch(service, {"spec": {"type": "ClusterIP", "ports": _without_node_ports(spec)}})
            yield failed(service, kind, "NodePort: open on every node, past the gateway and its weights", mend)
        elif kind.text() == "LoadBalancer" and not ranges.elements():
            yield failed(service, kind, "LoadBalancer without loadBalancerSourceRanges: open to all who reach it")
        elif kind.text() == "LoadBalancer" and any(r.text().strip().endswith("/0") for r in ranges.elements()):
            yield failed(service, ranges, "loadBalancerSourceRanges takes in every address: open to all who reach it")
        elif kind.text("ClusterIP") in ("ClusterIP", "LoadBalancer"):
            yield passed(service, kind if kind.exists else spec, f"{kind.text('ClusterIP')}, for those who should come")


def _without_node_ports(spec: Node) -> list[dict[str, object]]:
    return [
        {"port": port.get("port").value, "nodePort": None}
        for port in spec.get("ports").elements()
        if port.get("nodePort").exists
    ]


def only_ready(world: World) -> Iterator[Seen]:
    for service in world.of_kind("Service"):
        node = service.node.get("spec", "publishNotReadyAddresses")
        headless = service.node.get("spec", "clusterIP").text() == "None"
        if not node.is_true():
            yield passed(service, service.node.get("spec"), "only Pods that are ready get traffic")
        elif headless:
            yield passed(service, node, "headless: peers find each other while they start")
        else:
            mend = patch(service, {"spec": {"publishNotReadyAddresses": None}})
            yield failed(service, node, "publishNotReadyAddresses: users reach Pods that are not ready", mend)


def only_servers(world: World) -> Iterator[Seen]:
    """Pods of a job carry the labels of its service more often than anybody means."""
    for service in world.of_kind("Service"):
        taken = world.pods(service)
        serving = [w for w in taken if w.kind in LONG_RUNNING]
        jobs = [w.title for w in taken if w.kind in ("Job", "CronJob")]
        selector = service.node.get("spec", "selector")
        if serving and jobs:
            yield failed(service, selector, f"selects the Pods of {', '.join(jobs[:3])}, too: users reach a job")
        elif serving:
            yield passed(service, selector, f"only {', '.join(w.title for w in serving[:3])}")


CHECKS = (
    Check("service-form", "Services have a valid form", "blocking", "It cannot be applied.", LINK, well_formed),
    Check(
        "container-ports",
        "Ports of a Pod do not clash",
        "blocking",
        "On the machine each service had its own address or port; a Pod has one address.",
        DOCS + "concepts/workloads/pods/#pod-networking",
        container_ports,
    ),
    Check(
        "service-exposed",
        "A Service is no wider open than needed",
        "warning",
        "What comes past the gateway is in no weight, and in no rollback.",
        LINK + "#publishing-services-service-types",
        not_exposed,
    ),
    Check(
        "service-ready-only",
        "Users reach only Pods that are ready",
        "blocking",
        "Each rollout would be felt.",
        LINK,
        only_ready,
    ),
    Check(
        "service-only-servers",
        "Only what serves is behind a Service",
        "blocking",
        "Requests are refused for as long as the job runs.",
        LINK + "#services-in-kubernetes",
        only_servers,
    ),
)
