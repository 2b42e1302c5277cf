"""Where Pods may run: ties to one node, rules that count other Pods, and what never leaves a dead node."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_pod, unknown
from runbook_lib.judge.workload.world import LONG_RUNNING, REPLICATED, Workload, World, selects

SCHEDULING = DOCS + "concepts/scheduling-eviction/"
HOST = "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def any_node(world: World) -> Iterator[Seen]:
    """A name in nodeName passes the scheduler by; a label that one node alone has does the same by another way."""
    for workload in world.workloads(*LONG_RUNNING, "Job", "CronJob"):
        tied = _tie(workload)
        if tied is None:
            yield passed(workload, workload.pod, "no single node is named")
        else:
            node, what = tied
            change = {"nodeName": None} if node.path.endswith("nodeName") else {"nodeSelector": {HOST: None}}
            mend = None if "affinity" in node.path else patch_pod(workload, change)
            yield failed(workload, node, f"{what}: when that node goes, the Pods wait for it", mend)


def _tie(workload: Workload) -> tuple[Node, str] | None:
    name, chosen = workload.pod.get("nodeName"), workload.pod.get("nodeSelector", HOST)
    if name.text():
        return name, f"nodeName {name.text()}"
    if chosen.text():
        return chosen, f"nodeSelector {chosen.text()}"
    terms = workload.pod.get("affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms").elements()
    hosts = [_hosts(term) for term in terms]
    # terms are OR: only when each of them names hosts the Pods are bound to these
    if hosts and all(hosts):
        named = sorted({name for names in hosts for name in names})
        return terms[0], f"nodeAffinity wants {', '.join(named[:3])}"
    return None


def _hosts(term: Node) -> set[str]:
    found: set[str] = set()
    for part, key in (("matchExpressions", HOST), ("matchFields", "metadata.name")):
        for rule in term.get(part).elements():
            if rule.get("key").text() == key and rule.get("operator").text() == "In":
                found |= {value.text() for value in rule.get("values").elements()}
    return found


def rules_count_themselves(world: World) -> Iterator[Seen]:
    """A spread or an anti-affinity whose selector does not take in the Pods themselves keeps none of them apart."""
    for workload in world.workloads(*REPLICATED):
        for rule, selector, what in rules(workload):
            if not rule.get("topologyKey").text():
                yield failed(workload, rule, f"{what} without topologyKey: the API server refuses it")
            elif selects(selector, workload.labels):
                yield passed(
                    workload, rule, f"{what} by {rule.get('topologyKey').text()} counts the workload's own Pods"
                )
            else:
                yield failed(
                    workload,
                    rule,
                    f"{what} counts other Pods than its own: nothing keeps these apart",
                    _own(workload, rule),
                )


def rules(workload: Workload) -> Iterator[tuple[Node, Node, str]]:
    """Each rule that keeps Pods apart, its selector and what it is called."""
    for rule in workload.pod.get("topologySpreadConstraints").elements():
        yield rule, rule.get("labelSelector"), "topologySpreadConstraints"
    against = workload.pod.get("affinity", "podAntiAffinity")
    terms = [*against.get(REQUIRED).elements(), *(p.get("podAffinityTerm") for p in against.get(PREFERRED).elements())]
    # an anti-affinity may be meant for others; only when none is about the own Pods something is missing
    if terms and not any(selects(term.get("labelSelector"), workload.labels) for term in terms):
        yield terms[0], terms[0].get("labelSelector"), "podAntiAffinity"
    else:
        yield from (
            (t, t.get("labelSelector"), "podAntiAffinity")
            for t in terms
            if selects(t.get("labelSelector"), workload.labels)
        )


def _own(workload: Workload, rule: Node) -> dict[str, object] | None:
    """Lists of spread rules are merged by topologyKey, those of an affinity are not."""
    key = rule.get("topologyKey").text()
    if "affinity" in rule.path:
        return None
    change = {"topologyKey": key, "labelSelector": workload.spec.get("selector").plain()}
    return patch_pod(workload, {"topologySpreadConstraints": [change]})


def leaves_a_dead_node(world: World) -> Iterator[Seen]:
    """A toleration of everything holds for not-ready and unreachable, too, and without end."""
    for workload in world.workloads(*REPLICATED, "Job", "CronJob"):
        endless = [
            rule
            for rule in workload.pod.get("tolerations").elements()
            if rule.get("effect").text("NoExecute") == "NoExecute"
            and not rule.get("tolerationSeconds").exists
            and rule.get("operator").text("Equal") == "Exists"
            and rule.get("key").text("node.kubernetes.io/unreachable")
            in ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
        ]
        if endless:
            yield failed(workload, endless[0], "tolerates a dead node for ever: its Pods are never made anew elsewhere")
        else:
            yield passed(workload, workload.pod, "a dead node is left after a while")


def priorities(world: World) -> Iterator[Seen]:
    """A class that is not there keeps every Pod from being made; those of the system are for the system."""
    classes = {found.name: found for found in world.of_kind("PriorityClass")}
    for workload in world.workloads():
        node = workload.pod.get("priorityClassName")
        name = node.text()
        if not name:
            continue
        if name in ("system-cluster-critical", "system-node-critical"):
            yield failed(workload, node, f"{name}: others are evicted for it, the cluster's own services among them")
        elif name in classes:
            yield passed(workload, node, f"{classes[name].title} {classes[name].node.get('value').text()}")
        else:
            yield unknown(
                workload, node, f"PriorityClass/{name} is not among the objects given: make sure the cluster has it"
            )


CHECKS = (
    Check(
        "node-tie",
        "No single node is named",
        "warning",
        "It ties the service to a machine again.",
        SCHEDULING + "assign-pod-node/",
        any_node,
    ),
    Check(
        "spread-own",
        "Rules of spreading count the workload's own Pods",
        "warning",
        "All Pods may share one node although a rule seems to forbid it.",
        SCHEDULING + "topology-spread-constraints/",
        rules_count_themselves,
    ),
    Check(
        "dead-node",
        "Pods leave a dead node",
        "warning",
        "What fails over is the Pod; tolerating everything keeps it where it was.",
        SCHEDULING + "taint-and-toleration/#taint-based-evictions",
        leaves_a_dead_node,
    ),
    Check(
        "priority-class",
        "The priority is one that is there and meant",
        "warning",
        "Without its class no Pod is made.",
        SCHEDULING + "pod-priority-preemption/",
        priorities,
    ),
)
