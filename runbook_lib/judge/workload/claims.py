"""Claims: what the API server wants of them, and who can use one at the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.quantity import number_of
from runbook_lib.judge.workload.check import DOCS, Check, Seen, Subject, failed, passed
from runbook_lib.judge.workload.world import REPLICATED, Workload, World

LINK = DOCS + "concepts/storage/persistent-volumes/"
MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


def well_formed(world: World) -> Iterator[Seen]:
    for claim in world.of_kind("PersistentVolumeClaim"):
        yield _form(claim, claim.node.get("spec"))
    for workload in world.workloads("StatefulSet"):
        for template in workload.spec.get("volumeClaimTemplates").elements():
            yield _form(workload, template.get("spec"))


def _form(subject: Subject, spec: Node) -> Seen:
    modes = [mode.text() for mode in spec.get("accessModes").elements()]
    size = spec.get("resources", "requests", "storage")
    unknown_modes = [mode for mode in modes if mode not in MODES]
    if not modes or unknown_modes:
        wrong = f"{unknown_modes[0]!r} is none" if unknown_modes else "none is given"
        return failed(subject, spec.get("accessModes"), f"access mode: {wrong}, the API server refuses it")
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        message = "ReadWriteOncePod stands alone, the API server refuses it beside others"
        return failed(subject, spec.get("accessModes"), message)
    if not (number_of(size) or 0) > 0:
        message = f"storage {size.text('is not asked for')}: the API server refuses a claim without a size"
        return failed(subject, size, message)
    return passed(subject, spec, f"{size.text()}, {', '.join(modes)}")


def used_by_those_who_can(world: World) -> Iterator[Seen]:
    """ReadWriteOnce is one node, ReadWriteOncePod one Pod: whoever else mounts it waits for ever."""
    users: dict[int, list[tuple[Workload, Node]]] = defaultdict(list)
    claims: dict[int, Resource] = {}
    for workload in world.workloads():
        for volume in workload.volumes:
            node = volume.get("persistentVolumeClaim", "claimName")
            claim = world.named("PersistentVolumeClaim", node.text(), workload.resource) if node.text() else None
            if claim is not None:
                claims[id(claim)] = claim
                users[id(claim)].append((workload, node))
    for key, mounted in users.items():
        claim = claims[key]
        modes = {mode.text() for mode in claim.node.get("spec", "accessModes").elements()}
        single = bool(modes) and modes <= {"ReadWriteOnce", "ReadWriteOncePod"}
        for workload, node in mounted:
            others = [w.title for w, _ in mounted if w is not workload]
            several = workload.kind == "DaemonSet" or (workload.kind in REPLICATED and _most(world, workload) > 1)
            if single and (several or others):
                who = f"and {', '.join(others[:3])}" if others else "has several Pods"
                message = f"{claim.title} is {', '.join(sorted(modes))}, but {workload.title} {who}"
                yield failed(workload, node, f"{message}: on another node the Pod waits for ever")
            else:
                yield passed(workload, node, f"{claim.title} is {', '.join(sorted(modes)) or 'of no given mode'}")


def _most(world: World, workload: Workload) -> int:
    """How many Pods there may be at once, as far as what scales them goes."""
    for scaler, field, default in (
        (world.scaler(workload), "maxReplicas", 1),
        (world.scaled_by_events(workload), "maxReplicaCount", 100),
    ):
        if scaler is not None:
            return scaler.node.get("spec", field).integer(default) or default
    return world.replicas(workload)


CHECKS = (
    Check(
        "claim-form",
        "Claims have a mode and a size",
        "blocking",
        "The API server refuses the claim, and its Pods wait.",
        LINK + "#persistentvolumeclaims",
        well_formed,
    ),
    Check(
        "claim-shared",
        "A claim is shared only where it can be",
        "blocking",
        "On one machine all processes shared a disk; here a second node waits for it.",
        LINK + "#access-modes",
        used_by_those_who_can,
    ),
)
