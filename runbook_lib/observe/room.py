"""What a release adds while it is rolled out, and what its namespace and the nodes have left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubernetes.utils import parse_quantity

from runbook_lib.judge.preflight.seen import Demand, NodeRoom, PodsWanted, Quota, Sizes, Unknown
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.listing import listed
from runbook_lib.observe.sizes import against, sizes_of, unsaid

_ENDED = ("Succeeded", "Failed")
_EFFECTS = ("NoSchedule", "NoExecute")


def demand(objects: Sequence[Object], live: Mapping[str, Object], ranges: Sequence[Object]) -> Demand:
    """Everything that these objects add to what runs; ``live`` are the workloads as they stand, by ``Kind/name``.

    ``ranges`` are the LimitRanges of the namespace: what they fill in counts, and what they forbid is told.
    """
    items = [item for one in ranges for item in one["spec"].get("limits") or []]
    pods = tuple(pods_wanted(item, objects, live.get(_title(item)), items) for item in objects if _runs_pods(item))
    sizes: Sizes = {}
    for one in pods:
        _add(sizes, one.sizes, one.count)
        _add(sizes, one.growth, one.larger)
    for item in objects:
        if _title(item) not in live:
            _add(sizes, _counted(item), 1)
    # each ConfigMap and each Secret is copied into a Secret before it is changed
    copies = sum(item["kind"] in ("ConfigMap", "Secret") for item in objects)
    _add(sizes, {"secrets": 1.0, "count/secrets": 1.0}, copies)
    specs = {_title(item): _pod_spec(item) for item in objects if _runs_pods(item)}
    refused = [f"{name}: {said}" for name, spec in specs.items() for said in against(spec, items)]
    return Demand(pods, sizes, unsaid(specs, items), tuple(refused))


def pods_wanted(
    item: Object, objects: Iterable[Object], live: Object | None = None, ranges: Sequence[Object] = ()
) -> PodsWanted:
    """The Pods that come on top of those that run: new replicas, and what maxSurge adds, now and in the drill."""
    spec, title = _pod_spec(item), _title(item)
    sizes = sizes_of(spec, ranges)
    before = int((live or {}).get("spec", {}).get("replicas", 1)) if live else 0
    wanted = max(int(item["spec"].get("replicas", before or 1)), _least(item, objects))
    surge = _surge(item, wanted) if item["kind"] == "Deployment" else 0
    old = sizes_of(_pod_spec(live), ranges) if live else {}
    growth = {name: size - old[name] for name, size in sizes.items() if live and size > old.get(name, size)}
    return PodsWanted(
        title,
        surge + max(0, wanted - before),
        sizes,
        dict(spec.get("nodeSelector") or {}),
        _tolerated(spec),
        min(before, wanted) if growth else 0,
        growth,
    )


def _title(item: Object) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def _runs_pods(item: Object) -> bool:
    return item["kind"] in ("Deployment", "StatefulSet")


def _pod_spec(item: Object) -> Object:
    spec: Object = item["spec"]["template"]["spec"]
    return spec


def _least(item: Object, objects: Iterable[Object]) -> int:
    """What an autoscaler of the release brings it to at once."""
    target = (item["kind"], item["metadata"]["name"])
    for one in objects:
        named = (one.get("spec") or {}).get("scaleTargetRef") or {}
        if one["kind"] == "HorizontalPodAutoscaler" and (named.get("kind"), named.get("name")) == target:
            return int(one["spec"].get("minReplicas", 1))
    return 0


def _surge(item: Object, replicas: int) -> int:
    strategy = item["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    surge = (strategy.get("rollingUpdate") or {}).get("maxSurge", "25%")
    return math.ceil(replicas * float(surge[:-1]) / 100) if isinstance(surge, str) else int(surge)


def _tolerated(spec: Object) -> tuple[str, ...]:
    found = [one for one in spec.get("tolerations") or [] if one.get("effect") in (None, "", *_EFFECTS)]
    return tuple(one.get("key") or "*" for one in found)


_BY_NAME = ("PersistentVolumeClaim", "ConfigMap", "Secret", "Service")


def _counted(item: Object) -> Sizes:
    """What a new object takes of a quota that counts objects."""
    group = item["apiVersion"].rpartition("/")[0]
    kind = item["kind"]
    plural = f"{kind[:-1]}ies" if kind.endswith("cy") else f"{kind}es" if kind.endswith("s") else f"{kind}s"
    plural = plural.lower()
    found: Sizes = {f"count/{plural}{'.' + group if group else ''}": 1.0}
    if kind in _BY_NAME:
        found[plural] = 1.0
    if kind == "PersistentVolumeClaim":
        size = ((item["spec"].get("resources") or {}).get("requests") or {}).get("storage", 0)
        found["requests.storage"] = float(parse_quantity(size))
    return found


def _add(total: Sizes, sizes: Mapping[str, float], times: int) -> None:
    for name, size in sizes.items():
        total[name] = total.get(name, 0.0) + size * times


def quotas(cluster: Cluster) -> tuple[Quota, ...] | Unknown:
    """The quotas of the namespace that count what runs long; those of Pods that end, or that name no size, do not."""
    found = listed(cluster, "v1", "ResourceQuota")
    if isinstance(found, Unknown):
        return found
    return tuple(
        Quota(one["metadata"]["name"], _sizes(one["spec"].get("hard")), _sizes((one.get("status") or {}).get("used")))
        for one in found
        if not {"Terminating", "BestEffort"} & set(one["spec"].get("scopes") or ())
    )


def _sizes(quantities: Mapping[str, Any] | None) -> Sizes:
    return {name: float(parse_quantity(size)) for name, size in (quantities or {}).items()}


def nodes(cluster: Cluster, found: Sequence[Object] | Unknown) -> tuple[NodeRoom, ...] | Unknown:
    """What each ready node has left; ``found`` are the nodes."""
    if isinstance(found, Unknown):
        return found
    pods = listed(cluster, "v1", "Pod", everywhere=True)
    if isinstance(pods, Unknown):
        return pods
    taken: dict[str, Sizes] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _ENDED and (node := pod["spec"].get("nodeName")):
            _add(taken.setdefault(node, {}), sizes_of(pod["spec"]), 1)
    return tuple(_room_of(one, taken.get(one["metadata"]["name"], {})) for one in found if is_ready(one))


def is_ready(node: Object) -> bool:
    """Whether a node takes Pods."""
    conditions = {c["type"]: c["status"] for c in (node.get("status") or {}).get("conditions") or []}
    return conditions.get("Ready") == "True" and not (node.get("spec") or {}).get("unschedulable")


def _room_of(node: Object, taken: Sizes) -> NodeRoom:
    size = _sizes((node.get("status") or {}).get("allocatable"))
    taints = [one["key"] for one in (node.get("spec") or {}).get("taints") or [] if one.get("effect") in _EFFECTS]
    return NodeRoom(
        node["metadata"]["name"],
        size.get("cpu", 0.0) - taken.get("cpu", 0.0),
        size.get("memory", 0.0) - taken.get("memory", 0.0),
        size.get("pods", 110.0) - taken.get("pods", 0.0),
        dict(node["metadata"].get("labels") or {}),
        tuple(taints),
    )
