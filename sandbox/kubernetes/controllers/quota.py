"""The status of a ResourceQuota: what it allows, and what its namespace uses."""

from __future__ import annotations

from sandbox.kubernetes import quota
from sandbox.kubernetes.controllers.deployment import Controller

MANAGER = "kube-controller-manager"


def reconcile(controller: Controller, namespace: str, name: str) -> float | None:
    """Counts once more."""
    one = controller.store.find(quota.QUOTAS, namespace, name)
    if one is not None:
        status = {"hard": one["spec"].get("hard") or {}, "used": quota.used(controller.store, one)}
        if status != one.get("status"):
            controller.store.update(quota.QUOTAS, one | {"status": status}, "status", MANAGER)
    return None
