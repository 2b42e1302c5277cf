"""The Deployment controller: makes ReplicaSets of templates and moves replicas from the old to the new.

The steps, their order and their messages are those of Kubernetes' own controller, so that a rollout seen by a
watch looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.controllers import progress, revisions, rollout
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

DEPLOYMENTS = resource("deployments", "apps")
REPLICA_SETS = resource("replicasets", "apps")
MANAGER = "kube-controller-manager"


@dataclass(frozen=True)
class Controller:
    """What a step of the controller needs."""

    store: Store
    recorder: Recorder


def reconcile(controller: Controller, namespace: str, name: str) -> float | None:
    """Takes one Deployment a step on; returns the seconds after which to look again, if it must."""
    d = controller.store.find(DEPLOYMENTS, namespace, name)
    if d is None:
        return None
    sets = _owned(controller.store, d)
    new, _ = revisions.split(d, sets)
    if "deletionTimestamp" in d["metadata"]:
        _write_status(controller, d, sets, new, progressing=False)
        return None
    d = _pause_condition(controller, d)
    if d["spec"].get("paused") or _is_scaled(d, sets):
        _scale(controller, d)
    elif rollout.is_rolling(d):
        _roll(controller, d)
    else:
        _recreate(controller, d)
    current = controller.store.find(DEPLOYMENTS, namespace, name)
    left = progress.seconds_left(current, controller.store.clock()) if current else None
    # Times are whole seconds: look a little after the deadline.
    return None if left is None else max(left, 0) + 0.1


def _owned(store: Store, d: JsonObject) -> list[JsonObject]:
    uid = d["metadata"]["uid"]
    return [one for kind, one in store.dependents(uid) if kind == REPLICA_SETS and revisions.controller_uid(one) == uid]


def _roll(controller: Controller, d: JsonObject) -> None:
    d, new, old = _with_new_set(controller, d)
    if not _grow(controller, d, new, old):
        sizes = rollout.old_set_sizes(d, old, new)
        for one in old:
            if one["metadata"]["name"] in sizes:
                _resize(controller, d, one, sizes[one["metadata"]["name"]])
        if not sizes and progress.is_complete(d, d.get("status", {})):
            _prune(controller, d, old)
    _write_status(controller, d, _owned(controller.store, d), new)


def _recreate(controller: Controller, d: JsonObject) -> None:
    new, old = revisions.split(d, _owned(controller.store, d))
    active = [one for one in old if rollout.replicas(one)]
    for one in active:
        _resize(controller, d, one, 0)
    still = rollout.actual(old) + rollout.actual(old, "terminatingReplicas")
    if not active and not still:
        d, new, old = _with_new_set(controller, d)
        if not _grow(controller, d, new, old) and progress.is_complete(d, d.get("status", {})):
            _prune(controller, d, old)
    _write_status(controller, d, _owned(controller.store, d), new)


def _scale(controller: Controller, d: JsonObject) -> None:
    """Shares a changed number of replicas out among the ReplicaSets, without a rollout."""
    new, old = revisions.split(d, _owned(controller.store, d))
    if new is not None:
        d, new, old = _with_new_set(controller, d)
    everything = [*old, *([new] if new else [])]
    active = [one for one in everything if rollout.replicas(one)]
    if len(active) <= 1:
        latest = [*active, *([new] if new else []), *reversed(old)][:1]
        for one in latest:
            if rollout.replicas(one) != rollout.replicas(d):
                _resize(controller, d, one, rollout.replicas(d))
    elif new and _is_saturated(d, new):
        for one in active:
            if one is not new:
                _resize(controller, d, one, 0)
    elif rollout.is_rolling(d):
        for name, size in rollout.proportional_sizes(d, active).items():
            _resize(controller, d, next(one for one in active if one["metadata"]["name"] == name), size)
    if d["spec"].get("paused"):
        _prune(controller, d, old)
    _write_status(controller, d, _owned(controller.store, d), new, progressing=False)


def _is_scaled(d: JsonObject, sets: list[JsonObject]) -> bool:
    remembered = [one["metadata"].get("annotations", {}).get(rollout.DESIRED) for one in sets if rollout.replicas(one)]
    return any(size is not None and int(size) != rollout.replicas(d) for size in remembered)


def _is_saturated(d: JsonObject, new: JsonObject) -> bool:
    wanted = rollout.replicas(d)
    remembered = new["metadata"].get("annotations", {}).get(rollout.DESIRED)
    return (
        rollout.replicas(new) == wanted
        and str(wanted) == remembered
        and rollout.actual([new], "availableReplicas") == wanted
    )


def _with_new_set(controller: Controller, d: JsonObject) -> tuple[JsonObject, JsonObject, list[JsonObject]]:
    """The Deployment at its revision, the ReplicaSet of its template (made when there is none), and the old ones."""
    new, old = revisions.split(d, _owned(controller.store, d))
    if new is not None:
        wanted = revisions.brought_up_to_date(d, new, revisions.next_revision(old))
        new = controller.store.update(REPLICA_SETS, wanted, manager=MANAGER)
        d = _at_revision(controller, d, new)
        if progress.condition(d.get("status", {}), "Progressing") is None:
            d = _note_set(controller, d, "FoundNewReplicaSet", f'Found new replica set "{new["metadata"]["name"]}"')
        return d, new, old
    try:
        new = controller.store.create(REPLICA_SETS, revisions.made(d, old), MANAGER)
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
        # Another template has this hash: count it, and try the next one.
        status = d.get("status", {}) | {"collisionCount": d.get("status", {}).get("collisionCount", 0) + 1}
        return _with_new_set(
            controller, controller.store.update(DEPLOYMENTS, d | {"status": status}, "status", MANAGER)
        )
    if size := rollout.replicas(new):
        controller.recorder.record(
            d, "Normal", "ScalingReplicaSet", f"Scaled up replica set {new['metadata']['name']} from 0 to {size}"
        )
    d = _at_revision(controller, d, new)
    return (
        _note_set(controller, d, "NewReplicaSetCreated", f'Created new replica set "{new["metadata"]["name"]}"'),
        new,
        old,
    )


def _at_revision(controller: Controller, d: JsonObject, new: JsonObject) -> JsonObject:
    annotations = d["metadata"].get("annotations", {}) | {revisions.REVISION: str(revisions.revision(new))}
    wanted = d | {"metadata": d["metadata"] | {"annotations": annotations}}
    return controller.store.update(DEPLOYMENTS, wanted, "status", MANAGER)  # /status keeps annotations, too


def _note_set(controller: Controller, d: JsonObject, reason: str, message: str) -> JsonObject:
    if progress.deadline(d) is None:
        return d
    status = progress.with_condition(
        d.get("status", {}), "Progressing", "True", reason, message, controller.store.clock()
    )
    return controller.store.update(DEPLOYMENTS, d | {"status": status}, "status", MANAGER)


def _pause_condition(controller: Controller, d: JsonObject) -> JsonObject:
    current = progress.condition(d.get("status", {}), "Progressing")
    if progress.deadline(d) is None or (current and current["reason"] == "ProgressDeadlineExceeded"):
        return d
    noted = bool(current and current["reason"] == "DeploymentPaused")
    paused = bool(d["spec"].get("paused"))
    if paused == noted:
        return d
    word = "paused" if paused else "resumed"
    status = progress.with_condition(
        d.get("status", {}),
        "Progressing",
        "Unknown",
        f"Deployment{word.title()}",
        f"Deployment is {word}",
        controller.store.clock(),
    )
    return controller.store.update(DEPLOYMENTS, d | {"status": status}, "status", MANAGER)


def _grow(controller: Controller, d: JsonObject, new: JsonObject, old: list[JsonObject]) -> bool:
    """Brings the new ReplicaSet nearer to its size; False when it may not change now."""
    wanted, now = rollout.replicas(d), rollout.replicas(new)
    size = wanted if now > wanted else rollout.new_set_size(d, [*old, new], new)
    if size == now:
        return False
    _resize(controller, d, new, size)
    return True


def _resize(controller: Controller, d: JsonObject, one: JsonObject, size: int) -> None:
    before = rollout.replicas(one)
    annotations = one["metadata"].get("annotations", {}) | revisions.sized_annotations(d)
    wanted = one | {
        "metadata": one["metadata"] | {"annotations": annotations},
        "spec": one["spec"] | {"replicas": size},
    }
    controller.store.update(REPLICA_SETS, wanted, manager=MANAGER)
    if size != before:
        way = "up" if size > before else "down"
        message = f"Scaled {way} replica set {one['metadata']['name']} from {before} to {size}"
        controller.recorder.record(d, "Normal", "ScalingReplicaSet", message)


def _prune(controller: Controller, d: JsonObject, old: list[JsonObject]) -> None:
    for one in revisions.surplus(d, old):
        controller.store.delete(REPLICA_SETS, d["metadata"]["namespace"], one["metadata"]["name"])


def _write_status(
    controller: Controller, d: JsonObject, sets: list[JsonObject], new: JsonObject | None, *, progressing: bool = True
) -> None:
    now = controller.store.clock()
    if new is not None:  # the counts of the stored one, not of the copy before this step
        new = next((one for one in sets if one["metadata"]["uid"] == new["metadata"]["uid"]), None)
    status = progress.counted(d, sets, new, now)
    if progressing:
        status = progress.with_progress(d, status, new, now)
    status = progress.with_failures(status, sets, now)
    if status != d.get("status"):
        controller.store.update(DEPLOYMENTS, d | {"status": status}, "status", MANAGER)
