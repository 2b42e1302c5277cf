"""The status of a PodDisruptionBudget: how many Pods may be taken away."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.controllers import pods as pod
from sandbox.kubernetes.controllers import rollout
from sandbox.kubernetes.controllers.deployment import MANAGER, REPLICA_SETS, Controller
from sandbox.kubernetes.controllers.revisions import controller_uid
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import timestamp

JsonObject = dict[str, Any]

BUDGETS = resource("poddisruptionbudgets", "policy")


def reconcile(controller: Controller, namespace: str, name: str) -> float | None:
    """Counts the healthy Pods of one budget."""
    budget = controller.store.find(BUDGETS, namespace, name)
    if budget is None:
        return None
    selector = budget["spec"].get("selector", {})
    chosen = [
        each
        for each in controller.store.view(pod.PODS, namespace)
        if pod.is_active(each) and pod.matches(selector, each["metadata"].get("labels", {}))
    ]
    expected, wanted = _expected(controller, namespace, budget, chosen)
    healthy = sum(pod.is_ready(each) for each in chosen)
    allowed = max(healthy - wanted, 0) if expected else 0
    status: JsonObject = {
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": budget["metadata"]["generation"],
    }
    status["conditions"] = [_condition(controller, budget, allowed)]
    if not chosen:
        controller.recorder.record(budget, "Normal", "NoPods", "No matching pods found")
    if status != budget.get("status"):
        controller.store.update(BUDGETS, budget | {"status": status}, "status", MANAGER)
    return None


def _expected(controller: Controller, namespace: str, budget: JsonObject, chosen: list[JsonObject]) -> tuple[int, int]:
    """Pods that should be there (those their owners ask for), and how many of them must stay healthy."""
    owners = {controller_uid(each) for each in chosen}
    sets = [one for one in controller.store.view(REPLICA_SETS, namespace) if one["metadata"]["uid"] in owners]
    asked = sum(rollout.replicas(one) for one in sets)
    expected = asked + sum(controller_uid(each) is None for each in chosen)
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        return expected, max(expected - rollout.scaled(spec["maxUnavailable"], expected, up=True), 0)
    minimum = spec.get("minAvailable", 0)
    if isinstance(minimum, int):
        return len(chosen), minimum
    return expected, rollout.scaled(minimum, expected, up=True)


def _condition(controller: Controller, budget: JsonObject, allowed: int) -> JsonObject:
    truth, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    known = next((one for one in budget.get("status", {}).get("conditions", ())), None)
    since = known["lastTransitionTime"] if known and known["status"] == truth else timestamp(controller.store.clock())
    return {
        "type": "DisruptionAllowed",
        "status": truth,
        "reason": reason,
        "message": "",
        "observedGeneration": budget["metadata"]["generation"],
        "lastTransitionTime": since,
    }
