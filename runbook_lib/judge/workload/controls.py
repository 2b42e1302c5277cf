"""What the source asks of the manifests: each place that binds the application, against the control that answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from runbook_lib.artefacts import Resource
from runbook_lib.judge.workload.answers import ANSWERS
from runbook_lib.judge.workload.check import DOCS, Check, Seen, Severity, failed, passed, unknown
from runbook_lib.judge.workload.world import World

# Users feel these from the first percent on; the others are due before the old side goes.
AT_ONCE = ("session", "local-file")


def controls(world: World) -> Iterator[Seen]:
    """Each place in the source that binds the application to its machine, against the control that answers it."""
    near = _by_namespace(world) if world.assessed.demands else {}
    for demand in world.assessed.demands:
        answer = ANSWERS.get(demand.topic)
        for workload, container in world.applications:
            more = f" and {len(demand.places) - 1} more" if len(demand.places) > 1 else ""
            place = f"{demand.places[0]}{more}" if demand.places else "the source"
            what = f"{demand.topic} ({place})"
            beside = near[world.space(workload.resource)]
            found = answer(beside, workload, container, demand) if answer else None
            severity: Severity = "blocking" if demand.topic in AT_ONCE else "warning"
            if found is None:
                message = f"{what}: no manifest shows whether it is answered; it takes {demand.control}"
                yield unknown((workload, container), container.node, message, severity="info")
            elif found:
                yield passed((workload, container), container.node, f"{what}: {found}")
            else:
                asked = f" ({', '.join(demand.captured[:3])})" if demand.captured else ""
                message = f"{what} is not answered{asked}; what answers it: {demand.control}"
                yield failed((workload, container), container.node, message, severity=severity)


def _by_namespace(world: World) -> dict[str, World]:
    """What answers lies in the application's namespace; looking there alone stays linear in a large set."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for resource in world.resources:
        found[world.space(resource)].append(resource)
    return {space: replace(world, resources=tuple(resources), image=world.images) for space, resources in found.items()}


CHECKS = (
    Check(
        "source-control",
        "The manifests answer what the source asks",
        "warning",
        "What the source takes from its machine has to come from somewhere.",
        DOCS + "concepts/workloads/",
        controls,
    ),
)
