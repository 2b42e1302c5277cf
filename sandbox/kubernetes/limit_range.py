"""LimitRange: sizes for containers that name none, and the refusal of those that are too large or too small."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.quantity import amount
from sandbox.kubernetes.resources import resource

if TYPE_CHECKING:
    from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

LIMIT_RANGES = resource("limitranges", "")


def admit(store: Store, pod: JsonObject) -> None:
    """Fills in the defaults of the namespace, in place; ApiError 403 for what it does not allow."""
    ranges = list(store.view(LIMIT_RANGES, pod["metadata"].get("namespace", "")))
    items = [item for one in ranges for item in one["spec"].get("limits") or ()]
    containers = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]
    for item in items:
        if item.get("type") == "Container":
            for container in containers:
                _fill(container, item)
    reasons = [reason for item in items for reason in _against(item, pod["spec"], containers)]
    if reasons:
        name = pod["metadata"]["name"]
        said = reasons[0] if len(reasons) == 1 else f"[{', '.join(reasons)}]"
        details = {"name": name, "kind": "pods"}
        raise ApiError(403, f'pods "{name}" is forbidden: {said}', reason="Forbidden", details=details)


def _fill(container: JsonObject, item: JsonObject) -> None:
    resources = container.setdefault("resources", {})
    own = dict(resources.get("limits") or {})
    limits = (item.get("default") or {}) | own
    # a limit that the container names itself stands for its request, before the default of the namespace does
    requests = (item.get("defaultRequest") or {}) | own | (resources.get("requests") or {})
    for field, sizes in (("limits", limits), ("requests", requests)):
        if sizes:
            resources[field] = sizes


def _against(item: JsonObject, spec: JsonObject, containers: list[JsonObject]) -> Iterator[str]:
    """What this item says against a Pod, in the words of the API server."""
    if item.get("type") == "Container":
        for container in containers:
            resources = container.get("resources") or {}
            yield from _bounds(item, resources.get("requests") or {}, resources.get("limits") or {})
    elif item.get("type") == "Pod":
        yield from _bounds(item, _sum(spec, "requests"), _sum(spec, "limits"))


def _sum(spec: JsonObject, field: str) -> dict[str, Any]:
    total: dict[str, Decimal] = {}
    for container in spec["containers"]:
        for name, size in ((container.get("resources") or {}).get(field) or {}).items():
            total[name] = total.get(name, Decimal(0)) + amount(size)
    return dict(total)


def _bounds(item: JsonObject, requests: JsonObject, limits: JsonObject) -> Iterator[str]:
    of = item["type"]
    for name, least in sorted((item.get("min") or {}).items()):
        if name not in requests:
            yield f"minimum {name} usage per {of} is {least}.  No request is specified"
        elif amount(requests[name]) < amount(least):
            yield f"minimum {name} usage per {of} is {least}, but request is {requests[name]}"
    for name, most in sorted((item.get("max") or {}).items()):
        if name not in limits:
            yield f"maximum {name} usage per {of} is {most}.  No limit is specified"
        elif amount(limits[name]) > amount(most):
            yield f"maximum {name} usage per {of} is {most}, but limit is {limits[name]}"
