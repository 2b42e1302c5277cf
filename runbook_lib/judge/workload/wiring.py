"""References between workloads and their Services, looked for across everything given: selectors and ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import (
    DOCS,
    Check,
    Seen,
    Severity,
    failed,
    new_object,
    passed,
    patch,
    patch_template,
    unknown,
)
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World, includes, selects

SERVICES = DOCS + "concepts/services-networking/service/"


def own_selector(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*LONG_RUNNING):
        selector = workload.spec.get("selector")
        if selects(selector, workload.labels) and (
            selector.get("matchLabels").value or selector.get("matchExpressions").value
        ):
            yield passed(workload, selector, "the selector takes in its own Pods")
        else:
            labels = selector.get("matchLabels").labels()
            mend = patch_template(workload, {"metadata": {"labels": labels}}) if labels else None
            if not selector.exists and workload.labels:
                mend = patch(workload.resource, {"spec": {"selector": {"matchLabels": workload.labels}}})
            message = (
                f"selector {_pairs(selector.get('matchLabels'))} does not take in the "
                "template's labels: the API server refuses it"
            )
            yield failed(workload, selector, message, mend)


def service_has_pods(world: World) -> Iterator[Seen]:
    for service in world.of_kind("Service"):
        selector = service.node.get("spec", "selector")
        if service.node.get("spec", "type").text() == "ExternalName" or not selector.exists:
            continue
        found = world.pods(service)
        if found:
            yield passed(service, selector, f"selects {', '.join(w.title for w in found[:5])}")
        elif others := world.unjudged(service, selector):
            names = ", ".join(resource.title for resource in others[:5])
            message = f"{_pairs(selector)} selects Pods of {names}, which no check looks at"
            yield unknown(service, selector, message, "warning")
        else:
            yield failed(
                service, selector, f"{_pairs(selector)} selects no Pod among the objects given: it has no endpoint"
            )


def service_ports(world: World) -> Iterator[Seen]:
    """A named target must exist in the containers, by its protocol; a number that none declares is mostly a slip."""
    for service in world.of_kind("Service"):
        pods = world.pods(service)
        for port in service.node.get("spec", "ports").elements() if pods else ():
            target = port.get("targetPort") if port.get("targetPort").exists else port.get("port")
            if isinstance(target.value, str) and target.value.isdecimal():
                message = f"targetPort {target.value!r} is a name because of its quotes, and a name has a letter"
                mend = _aimed(service, port, int(target.value[:6]))
                yield failed(service, target, f"{message}: the API server refuses it", mend)
                continue
            for workload in pods:
                ports = [p for c in workload.containers if c.runs_on for p in c.node.get("ports").elements()]
                by = port.get("protocol").text("TCP")
                alike = [p for p in ports if p.get("protocol").text("TCP") == by]
                names = {p.get("name").text() for p in alike}
                numbers = {p.get("containerPort").text() for p in ports}
                if target.text() in names | numbers:
                    yield passed(service, target, f"targetPort {target.text()} is a port of {workload.title}")
                elif target.text().isdigit() and not numbers:
                    yield unknown(
                        service,
                        target,
                        f"{workload.title} declares no port, so {target.text()} cannot be checked",
                        "warning",
                    )
                else:
                    shown = ", ".join(sorted(filter(None, names | numbers))) or "no port"
                    shown += f", none of them by {by}" if ports and not alike else ""
                    message = f"targetPort {target.text()}, but {workload.title} has {shown}"
                    # a number works when something listens, declared or not; a name has to be declared
                    severity: Severity | None = "warning" if target.text().isdigit() else None
                    yield failed(service, target, message, _to_the_only_one(service, port, alike), severity)


def _to_the_only_one(service: Resource, port: Node, ports: list[Node]) -> dict[str, Any] | None:
    """A patch to the only port there is; None when there are several."""
    if len(ports) != 1:
        return None
    name = ports[0].get("name")
    return _aimed(service, port, name.value if name.exists else ports[0].get("containerPort").value)


def _aimed(service: Resource, port: Node, target: Any) -> dict[str, Any] | None:
    """A patch of one entry; None when there are several that it could be about."""
    number = port.get("port").value
    entries = [p.get("port").value for p in service.node.get("spec", "ports").elements()]
    if entries.count(number) != 1:
        return None
    return patch(service, {"spec": {"ports": [{"port": number, "targetPort": target}]}})


def headless_for_stateful(world: World) -> Iterator[Seen]:
    for workload in world.workloads("StatefulSet"):
        node = workload.spec.get("serviceName")
        service = world.named("Service", node.text(), workload.resource) if node.text() else None
        if service is None:
            message = f"serviceName {node.text()}: that Service is not among the objects given"
            message = message if node.text() else "no serviceName"
            spec = {"clusterIP": "None", "selector": dict(workload.labels), "ports": _declared(workload)}
            mend = new_object("v1", "Service", workload.resource, spec, node.text()) if node.text() else None
            yield failed(workload, node, f"{message}, Pods have no names", mend)
        elif service.node.get("spec", "clusterIP").text() != "None" or not includes(
            service.node.get("spec", "selector").labels(), workload.labels
        ):
            yield failed(
                workload,
                node,
                f"{service.title} is not headless (clusterIP: None) over these Pods: they have no names of their own",
            )
        else:
            yield passed(workload, node, f"{service.title} gives each Pod a name")


def _declared(workload: Workload) -> list[dict[str, Any]]:
    """Ports of a Service for the ports of the containers, each with a name."""
    ports = [p for c in workload.containers if c.runs_on for p in c.node.get("ports").elements()]
    numbers = {p.get("containerPort").value: p.get("name").text() for p in ports if p.get("containerPort").integer()}
    return [{"name": name or f"port-{number}", "port": number} for number, name in numbers.items()]


def _pairs(node: Node) -> str:
    return ", ".join(f"{key}={value}" for key, value in node.labels().items()) or "(empty)"


CHECKS = (
    Check(
        "selector",
        "The selector takes in its own Pods",
        "blocking",
        "The API server refuses the workload.",
        DOCS + "concepts/workloads/controllers/deployment/#selector",
        own_selector,
    ),
    Check(
        "service-pods",
        "Every Service has Pods",
        "blocking",
        "The gateway would send users to nowhere.",
        SERVICES,
        service_has_pods,
    ),
    Check(
        "service-port",
        "Services lead to a port that is there",
        "blocking",
        "Connections are refused although all Pods are ready.",
        SERVICES,
        service_ports,
    ),
    Check(
        "stateful-names",
        "A StatefulSet has its headless Service",
        "blocking",
        "Its Pods have no stable names without one.",
        DOCS + "concepts/workloads/controllers/statefulset/",
        headless_for_stateful,
    ),
)
