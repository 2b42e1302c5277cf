"""References between workloads and their Services, looked for across everything given: selectors and ports."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_template, unknown
from runbook_lib.judge.workload.world import LONG_RUNNING, World, includes, selects

SERVICES = DOCS + "concepts/services-networking/service/"


def own_selector(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*LONG_RUNNING):
        selector = workload.spec.get("selector")
        if selects(selector, workload.labels) and (
            selector.get("matchLabels").value or selector.get("matchExpressions").value
        ):
            yield passed(workload, selector, "the selector takes in its own Pods")
        else:
            mend = patch_template(workload, {"metadata": {"labels": selector.get("matchLabels").labels()}})
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
        else:
            yield failed(
                service, selector, f"{_pairs(selector)} selects no Pod among the objects given: it has no endpoint"
            )


def service_ports(world: World) -> Iterator[Seen]:
    """A named target must exist in the containers; a number that no container declares is a slip if others are."""
    for service in world.of_kind("Service"):
        pods = world.pods(service)
        for port in service.node.get("spec", "ports").elements() if pods else ():
            target = port.get("targetPort") if port.get("targetPort").exists else port.get("port")
            for workload in pods:
                ports = [p for c in workload.containers if c.runs_on for p in c.node.get("ports").elements()]
                names = {p.get("name").text() for p in ports}
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
                    yield failed(service, target, f"targetPort {target.text()}, but {workload.title} has {shown}")


def headless_for_stateful(world: World) -> Iterator[Seen]:
    for workload in world.workloads("StatefulSet"):
        node = workload.spec.get("serviceName")
        service = world.named("Service", node.text(), workload.resource) if node.text() else None
        if service is None:
            yield failed(
                workload,
                node,
                f"serviceName {node.text('not set')}: that Service is not among the objects given, Pods have no names",
            )
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
