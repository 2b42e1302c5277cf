"""NetworkPolicies: who may come, whether users and DNS get through, whether they apply to anything."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, new_object, passed
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World

POLICIES = DOCS + "concepts/services-networking/network-policies/"


def isolated(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*LONG_RUNNING):
        policies = _policies(world, workload)
        if policies:
            yield passed(workload, policies[0].node, f"{', '.join(p.title for p in policies)} names who may come")
        else:
            ports = [
                {"protocol": "TCP", "port": p.get("containerPort").value}
                for c in workload.containers
                for p in c.node.get("ports").elements()
            ]
            spec = {
                "podSelector": workload.spec.get("selector").plain(),
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"namespaceSelector": {}}], "ports": ports}] if ports else [{}],
            }
            mend = new_object("networking.k8s.io/v1", "NetworkPolicy", workload.resource, spec)
            yield failed(
                workload, workload.resource.node, "no NetworkPolicy: the VMs' firewall rules have no successor", mend
            )


def policies_let_users_in(world: World) -> Iterator[Seen]:
    """Policies of one Pod add up: a port that a Service uses must be open in at least one of them."""
    for workload in world.workloads(*LONG_RUNNING):
        policies = [p for p in _policies(world, workload) if "Ingress" in _types(p)]
        if not policies or not world.services(workload):
            continue
        names = {
            p.get("containerPort").text(): p.get("name").text()
            for c in workload.containers
            if c.runs_on
            for p in c.node.get("ports").elements()
        }
        for service in world.services(workload):
            for port in service.node.get("spec", "ports").elements():
                target = (port.get("targetPort") if port.get("targetPort").exists else port.get("port")).text()
                same = (
                    {target}
                    | {number for number, name in names.items() if name == target}
                    | {names.get(target, target)}
                )
                if any(_opens(policy, same) for policy in policies):
                    yield passed(
                        workload, policies[0].node.get("spec"), f"port {target} of {service.title} is open to somebody"
                    )
                else:
                    shown = ", ".join(policy.title for policy in policies)
                    yield failed(
                        workload,
                        policies[0].node.get("spec"),
                        f"{shown} lets nobody in at port {target}, which {service.title} uses",
                    )


def names_resolve(world: World) -> Iterator[Seen]:
    """Whoever restricts what goes out has to let DNS out, or no name resolves."""
    for workload in world.workloads(*LONG_RUNNING):
        policies = [p for p in _policies(world, workload) if "Egress" in _types(p)]
        if not policies:
            continue
        rules = [rule for p in policies for rule in p.node.get("spec", "egress").elements()]
        ports = {port.get("port").text() for rule in rules for port in rule.get("ports").elements()}
        node = policies[0].node.get("spec", "egress")
        if "53" in ports or any(not rule.get("ports").exists for rule in rules):
            yield passed(workload, node, "DNS may go out")
        else:
            yield failed(workload, node, "egress is restricted and port 53 is not open: no name resolves")


def policies_apply(world: World) -> Iterator[Seen]:
    for policy in world.of_kind("NetworkPolicy"):
        selector = policy.node.get("spec", "podSelector")
        found = world.taken_in(policy, selector)
        if found or (isinstance(selector.value, dict) and not selector.value):
            yield passed(policy, selector, f"applies to {', '.join(w.title for w in found) or 'the whole namespace'}")
        else:
            yield failed(policy, selector, "selects no Pod among the objects given: it protects nothing")


def _policies(world: World, workload: Workload) -> list[Resource]:
    return list(world.selecting("NetworkPolicy", "podSelector", workload))


def _types(policy: Resource) -> set[str]:
    """Ingress always unless the types say otherwise; Egress when there is an egress section."""
    given = {item.text() for item in policy.node.get("spec", "policyTypes").elements()}
    return given or ({"Ingress", "Egress"} if policy.node.get("spec", "egress").exists else {"Ingress"})


def _opens(policy: Resource, same: set[str]) -> bool:
    for rule in policy.node.get("spec", "ingress").elements():
        ports = rule.get("ports").elements()
        if not ports or any(_port_in(port, same) for port in ports):
            return True
    return False


def _port_in(port: Node, same: set[str]) -> bool:
    first, last = port.get("port").integer(), port.get("endPort").integer()
    if first is not None and last is not None:
        return any(text.isdigit() and first <= int(text[:6]) <= last for text in same)
    return not port.get("port").exists or port.get("port").text() in same


CHECKS = (
    Check(
        "network-policy",
        "A NetworkPolicy names who may come",
        "warning",
        "The VMs had firewall rules.",
        POLICIES,
        isolated,
    ),
    Check(
        "network-policy-ingress",
        "Policies let users in",
        "blocking",
        "The first percent of users would time out.",
        POLICIES,
        policies_let_users_in,
    ),
    Check(
        "network-policy-dns",
        "Policies let DNS out",
        "blocking",
        "The service cannot find its database.",
        POLICIES,
        names_resolve,
    ),
    Check(
        "network-policy-target",
        "Policies apply to something",
        "warning",
        "A slip in a label leaves the Pods open.",
        POLICIES,
        policies_apply,
    ),
)
