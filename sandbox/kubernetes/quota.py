"""ResourceQuota: what the objects of a namespace use, and the refusal of what would use too much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.kubernetes.canonical import quantity_text
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.quantity import amount
from sandbox.kubernetes.resources import RESOURCES, Resource, resource

if TYPE_CHECKING:
    from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]
Usage = dict[str, Decimal]

QUOTAS = resource("resourcequotas", "")
PODS = resource("pods", "")
_COUNTED = ("configmaps", "persistentvolumeclaims", "resourcequotas", "secrets", "services")
_SIZES = ("cpu", "memory", "ephemeral-storage")


def usage_of(kind: Resource, obj: JsonObject) -> Usage:
    """What one object uses, under every name that a quota may give it."""
    found: Usage = {f"count/{kind.qualified}": Decimal(1)}
    if kind == PODS:
        if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return found
        return found | {"pods": Decimal(1)} | _of_containers(obj["spec"])
    if kind.group == "" and kind.plural in _COUNTED:
        found[kind.plural] = Decimal(1)
    if kind.kind == "PersistentVolumeClaim":
        found["requests.storage"] = amount(obj["spec"]["resources"]["requests"]["storage"])
    if kind.kind == "Service":
        ports = len(obj["spec"].get("ports") or ())
        given = {"NodePort": {"services.nodeports": ports}, "LoadBalancer": {"services.loadbalancers": 1}}
        found |= {name: Decimal(n) for name, n in given.get(obj["spec"].get("type", ""), {}).items()}
    return found


def _of_containers(spec: JsonObject) -> Usage:
    found: Usage = {}
    for field in ("requests", "limits"):
        for name, size in _sum(spec, field).items():
            found[f"{field}.{name}"] = size
            if field == "requests" and name in _SIZES:
                found[name] = size
    return found


def _sum(spec: JsonObject, field: str) -> Usage:
    """Containers and sidecars together, or the largest init container; a limit stands for a missing request."""
    total: Usage = {}
    first = [one for one in spec.get("initContainers", ()) if one.get("restartPolicy") != "Always"]
    for one in [
        *spec["containers"],
        *(o for o in spec.get("initContainers", ()) if o.get("restartPolicy") == "Always"),
    ]:
        for name, size in _asked(one, field).items():
            total[name] = total.get(name, Decimal(0)) + size
    for one in first:
        for name, size in _asked(one, field).items():
            total[name] = max(total.get(name, Decimal(0)), size)
    return total


def _asked(container: JsonObject, field: str) -> Usage:
    given = container.get("resources") or {}
    wanted = given.get("limits") or {}
    if field == "requests":
        wanted = wanted | (given.get("requests") or {})
    return {name: amount(size) for name, size in wanted.items()}


def used(store: Store, quota: JsonObject) -> dict[str, str]:
    """`status.used`: for each name of the quota what the namespace uses now."""
    hard, space = quota["spec"].get("hard") or {}, quota["metadata"]["namespace"]
    total = dict.fromkeys(hard, Decimal(0))
    for kind in RESOURCES:
        if kind.namespaced and _may_count(kind, hard):
            for obj in store.view(kind, space):
                if _covers(quota, kind, obj):
                    for name, size in usage_of(kind, obj).items():
                        if name in total:
                            total[name] += size
    return {name: quantity_text(name, size) for name, size in sorted(total.items())}


def _may_count(kind: Resource, hard: Mapping[str, Any]) -> bool:
    names = {f"count/{kind.qualified}", kind.plural}
    if kind == PODS:
        names |= {name for name in hard if name in _SIZES or name.startswith(("requests.", "limits."))}
    if kind.kind in ("Service", "PersistentVolumeClaim"):
        names |= {name for name in hard if name.startswith(("services.", "requests.storage"))}
    return not names.isdisjoint(hard)


def _covers(quota: JsonObject, kind: Resource, obj: JsonObject) -> bool:
    """Whether the quota's scopes are about this object; they are about Pods only."""
    scopes = quota["spec"].get("scopes") or ()
    if not scopes:
        return True
    if kind != PODS:
        return False
    asks = any(
        one.get("resources", {}).get(field) for one in obj["spec"]["containers"] for field in ("requests", "limits")
    )
    ends = obj["spec"].get("activeDeadlineSeconds") is not None
    holds = {"BestEffort": not asks, "NotBestEffort": asks, "Terminating": ends, "NotTerminating": not ends}
    return all(holds.get(scope, True) for scope in scopes)


def admit(store: Store, kind: Resource, obj: JsonObject) -> None:
    """ApiError 403 when a new object would take more than a quota of its namespace leaves, or does not say how much."""
    space = obj["metadata"].get("namespace")
    if not space:
        return
    for quota in store.view(QUOTAS, space):
        if _covers(quota, kind, obj):
            _admit(store, quota, kind, obj)


def _admit(store: Store, quota: JsonObject, kind: Resource, obj: JsonObject) -> None:
    hard = {name: amount(size) for name, size in (quota["spec"].get("hard") or {}).items()}
    if kind == PODS and (silent := _unsaid(hard, obj["spec"])):
        raise _refused(kind, obj, f"failed quota: {quota['metadata']['name']}: must specify {silent}")
    wanted = {name: size for name, size in usage_of(kind, obj).items() if name in hard and size}
    if not wanted:
        return
    now = {name: amount(size) for name, size in used(store, quota).items()}
    over = sorted(name for name, size in wanted.items() if now[name] + size > hard[name])
    if over:
        parts = (("requested", wanted), ("used", now), ("limited", hard))
        said = ", ".join(f"{word}: {_listed(over, sizes)}" for word, sizes in parts)
        raise _refused(kind, obj, f"exceeded quota: {quota['metadata']['name']}, {said}")


def _unsaid(hard: Iterable[str], spec: JsonObject) -> str:
    """`limits.cpu for: web; requests.memory for: web,log`: what a quota needs to be said of each container."""
    found = []
    for name in sorted(hard):
        field, _, size = name.rpartition(".")
        if size not in ("cpu", "memory"):
            continue
        containers = [*spec["containers"], *spec.get("initContainers", ())]
        silent = [one["name"] for one in containers if size not in _asked(one, field or "requests")]
        if silent:
            found.append(f"{name} for: {','.join(sorted(silent))}")
    return "; ".join(found)


def _listed(names: Iterable[str], sizes: Mapping[str, Decimal]) -> str:
    return ",".join(f"{name}={quantity_text(name, sizes[name])}" for name in names)


def _refused(kind: Resource, obj: JsonObject, why: str) -> ApiError:
    name = obj["metadata"]["name"]
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    message = f'{kind.qualified} "{name}" is forbidden: {why}'
    return ApiError(403, message, reason="Forbidden", details={key: value for key, value in details.items() if value})
