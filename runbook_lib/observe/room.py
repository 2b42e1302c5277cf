"""What a release adds while it is rolled out, and what its namespace and the nodes have left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kubernetes.utils import parse_quantity

from runbook_lib.judge.preflight.seen import Demand, NodeRoom, PodsWanted, Quota, Sizes, Unknown
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.listing import listed

_ENDED = ("Succeeded", "Failed")
_SHORT = ("cpu", "memory", "ephemeral-storage")
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
    return Demand(pods, sizes, _unsaid(specs, items), tuple(refused))


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


def sizes_of(spec: Object, ranges: Sequence[Object] = ()) -> Sizes:
    """What one Pod takes of a quota: containers and sidecars together, or the largest init container."""
    found: Sizes = {"pods": 1.0, "count/pods": 1.0}
    for field in ("requests", "limits"):
        first, together = {}, {}  # type: dict[str, float], dict[str, float]
        for container, alone in _containers(spec):
            for name, size in asked(container, field, ranges).items():
                if alone:
                    first[name] = max(first.get(name, 0.0), size)
                else:
                    together[name] = together.get(name, 0.0) + size
        for name in {*first, *together}:
            size = max(first.get(name, 0.0), together.get(name, 0.0))
            found |= {f"{field}.{name}": size} | ({name: size} if field == "requests" and name in _SHORT else {})
    return found


def _containers(spec: Object) -> Iterator[tuple[Object, bool]]:
    """Each container, and whether it runs before the others and alone."""
    yield from ((one, False) for one in spec.get("containers") or [])
    yield from ((one, one.get("restartPolicy") != "Always") for one in spec.get("initContainers") or [])


def asked(container: Object, field: str, ranges: Sequence[Object] = ()) -> Sizes:
    """Requests or limits of a container, with what the namespace fills in; a limit stands for its missing request."""
    own = container.get("resources") or {}
    filled: dict[str, Any] = {}
    for item in ranges:
        if item.get("type") == "Container":
            filled |= item.get("default" if field == "limits" else "defaultRequest") or {}
    given = filled | (own.get("limits") or {})
    if field == "requests":
        given |= own.get("requests") or {}
    return {name: float(parse_quantity(size)) for name, size in given.items()}


def _unsaid(specs: Mapping[str, Object], ranges: Sequence[Object]) -> dict[str, tuple[str, ...]]:
    """By the name of a quota's size: the containers that name none, in the way that a quota of it refuses."""
    found: dict[str, tuple[str, ...]] = {}
    for field in ("requests", "limits"):
        for size in ("cpu", "memory"):
            silent = tuple(
                f"{title}/{container['name']}"
                for title, spec in specs.items()
                for container, _ in _containers(spec)
                if size not in asked(container, field, ranges)
            )
            found |= {f"{field}.{size}": silent} | ({size: silent} if field == "requests" else {})
    return {name: silent for name, silent in found.items() if silent}


def against(spec: Object, ranges: Sequence[Object]) -> Iterator[str]:
    """What the LimitRanges of a namespace forbid in a Pod."""
    for item in ranges:
        kind = item.get("type")
        if kind == "Container":
            for container, _ in _containers(spec):
                sizes = {field: asked(container, field, ranges) for field in ("requests", "limits")}
                yield from _outside(f"container {container['name']}", item, sizes)
        elif kind == "Pod":
            whole = sizes_of(spec, ranges)
            fields = ("requests", "limits")
            cut = {f: {n.partition(".")[2]: s for n, s in whole.items() if n.startswith(f"{f}.")} for f in fields}
            yield from _outside("the Pod", item, cut)


def _outside(what: str, item: Object, sizes: Mapping[str, Sizes]) -> Iterator[str]:
    for name, most in (item.get("max") or {}).items():
        found = sizes["limits"].get(name)
        if found is None or found > float(parse_quantity(most)):
            yield f"{what} has a {name} limit of {'none' if found is None else f'{found:g}'} > {most}"
    for name, least in (item.get("min") or {}).items():
        found = sizes["requests"].get(name)
        if found is None or found < float(parse_quantity(least)):
            yield f"{what} requests {name} of {'none' if found is None else f'{found:g}'} < {least}"


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
