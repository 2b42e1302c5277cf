"""Room for the Pods: the quota and the limits of the namespace, and what the nodes have left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runbook_lib.judge.preflight.seen import Demand, NodeRoom, PodsWanted, Quota, Sizes, Unknown
from runbook_lib.model import Outcome, Verdict


def quota(demand: Demand, quotas: Sequence[Quota] | Unknown) -> Verdict:
    """What the release adds and what is used already against each ResourceQuota; unread quotas are INCONCLUSIVE."""
    if isinstance(quotas, Unknown):
        return Verdict(
            "quota", Outcome.INCONCLUSIVE, f"not known: {quotas.why}; the rollout tells when Pods are refused"
        )
    over = [said for one in quotas for said in _over(demand.sizes, one)]
    unsaid = [said for one in quotas for said in _unsaid(demand, one)]
    numbers = {"quotas": float(len(quotas)), "exceeded": float(len(over)), "unsaid": float(len(unsaid))}
    if over or unsaid:
        todo = "have it raised, or lower requests, replicas or maxSurge" if over else "name them in the manifests"
        return Verdict("quota", Outcome.FAIL, f"{'; '.join([*over, *unsaid])}; {todo}", numbers)
    if not quotas:
        return Verdict("quota", Outcome.PASS, "0 quotas <= 0: nothing limits this namespace", numbers)
    return Verdict("quota", Outcome.PASS, "; ".join(_within(demand.sizes, one) for one in quotas), numbers)


def _over(sizes: Sizes, one: Quota) -> Iterator[str]:
    for name, wanted, used, hard in _compared(sizes, one):
        if used + wanted > hard:
            parts = f"{words(name, used)} used + {words(name, wanted)} more > {words(name, hard)}"
            yield f"quota {one.name}: {name} {parts}"


def _within(sizes: Sizes, one: Quota) -> str:
    rows = list(_compared(sizes, one))
    if not rows:
        return f"quota {one.name} counts nothing that the release adds"
    name, wanted, used, hard = max(rows, key=lambda row: (row[1] + row[2]) / row[3] if row[3] else 0.0)
    parts = f"{words(name, used)} used + {words(name, wanted)} more <= {words(name, hard)}"
    return f"quota {one.name}: tightest is {name}, {parts}"


def _compared(sizes: Sizes, one: Quota) -> Iterator[tuple[str, float, float, float]]:
    """Each size that the release adds to: its name, what it adds, what is used, what is allowed."""
    for name, hard in sorted(one.hard.items()):
        if wanted := sizes.get(name, 0.0):
            yield name, wanted, one.used.get(name, 0.0), hard


def _unsaid(demand: Demand, one: Quota) -> Iterator[str]:
    for name in sorted(one.hard):
        if silent := demand.unsaid.get(name):
            yield f"quota {one.name} counts {name}, and {', '.join(silent)} names none: such Pods are refused"


def limits(demand: Demand) -> Verdict:
    """What the LimitRanges of the namespace will refuse."""
    number = {"refused": float(len(demand.against_limits))}
    if demand.against_limits:
        said = "; ".join(demand.against_limits)
        return Verdict("limits", Outcome.FAIL, f"{said}; correct the resources in the manifests", number)
    return Verdict("limits", Outcome.PASS, "0 containers outside of the limits of the namespace", number)


def capacity(wanted: Sequence[PodsWanted], nodes: Sequence[NodeRoom] | Unknown) -> Verdict:
    """Every Pod that comes on top is put on a node that has room for it; unseen nodes are INCONCLUSIVE.

    First fit, the largest first: it may be wrong by a Pod where nodes are nearly full, and knows no affinity.
    """
    asked = {
        "pods": float(sum(one.count for one in wanted)),
        "cores": sum(_cores(one.sizes) * one.count + _cores(one.growth) * one.larger for one in wanted),
        "bytes": sum(_memory(one.sizes) * one.count + _memory(one.growth) * one.larger for one in wanted),
    }
    said = f"{asked['pods']:.0f} Pods more than run now, {_room(asked['cores'], asked['bytes'])}"
    if isinstance(nodes, Unknown):
        message = f"wanted: {said}; what the nodes have left is not known ({nodes.why}); the rollout tells"
        return Verdict("capacity", Outcome.INCONCLUSIVE, message, asked)
    free = {"free_cores": sum(one.cores for one in nodes), "free_bytes": sum(one.memory for one in nodes)}
    left = _left_over(wanted, nodes)
    numbers = asked | free | {"nodes": float(len(nodes)), "without_room": float(sum(left.values()))}
    have = f"free on {len(nodes)} ready nodes {_room(free['free_cores'], free['free_bytes'])}"
    if left:
        where = ", ".join(f"{count} of {workload}" for workload, count in left.items())
        message = f"wanted: {said} > {have}: no node has room for {where}; add nodes, or lower requests or maxSurge"
        return Verdict("capacity", Outcome.FAIL, message, numbers)
    return Verdict("capacity", Outcome.PASS, f"wanted: {said} <= {have}", numbers)


def _left_over(wanted: Sequence[PodsWanted], nodes: Sequence[NodeRoom]) -> dict[str, int]:
    """By workload the Pods that no node has room for."""
    left: dict[str, int] = {}
    free = {one.name: [one.cores, one.memory, one.pods] for one in nodes}
    units = [(one, one.sizes, 1) for one in wanted for _ in range(one.count)]
    units += [(one, one.growth, 0) for one in wanted for _ in range(one.larger)]
    for one, sizes, pods in sorted(units, key=lambda unit: (-_memory(unit[1]), -_cores(unit[1]))):
        need = (_cores(sizes), _memory(sizes), pods)
        places = [node for node in nodes if _takes(node, one)]
        fits = next((n for n in places if all(a >= b - 1e-9 for a, b in zip(free[n.name], need, strict=True))), None)
        if fits is None:
            left[one.workload] = left.get(one.workload, 0) + 1
        else:
            free[fits.name] = [a - b for a, b in zip(free[fits.name], need, strict=True)]
    return left


def _takes(node: NodeRoom, one: PodsWanted) -> bool:
    tolerates = "*" in one.tolerated or set(node.taints) <= set(one.tolerated)
    return tolerates and one.node_selector.items() <= node.labels.items()


def _cores(sizes: Mapping[str, float]) -> float:
    return sizes.get("requests.cpu", 0.0)


def _memory(sizes: Mapping[str, float]) -> float:
    return sizes.get("requests.memory", 0.0)


def _room(cores: float, memory: float) -> str:
    return f"{cores:.2f} cores and {memory / 2**20:.0f} MiB"


def words(name: str, size: float) -> str:
    """A size as people say it: MiB for bytes, cores for processors, else a plain number."""
    if name.endswith(("memory", "storage")):
        return f"{size / 2**20:.0f} MiB"
    return f"{size:.2f} cores" if name.endswith("cpu") else f"{size:g}"
