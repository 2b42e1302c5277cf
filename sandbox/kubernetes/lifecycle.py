"""What happens to other objects when one is created, changed or deleted: finalizers, owners, namespaces."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.kubernetes import definitions
from sandbox.kubernetes.resources import RESOURCES, Resource, resource

if TYPE_CHECKING:
    from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

FOREGROUND = "foregroundDeletion"
DEFAULT_GRACE = 30
EVENTS_ARE_KEPT = timedelta(hours=1)


def owner_uids(obj: JsonObject | None) -> list[str]:
    """The uids of the owners that an object names."""
    if obj is None:
        return []
    return [owner["uid"] for owner in obj["metadata"].get("ownerReferences", ())]


def created(store: Store, kind: Resource, obj: JsonObject) -> None:
    """A new namespace gets the ServiceAccount that its Pods run as; a new definition is established."""
    if kind.kind == "Namespace":
        account = {"metadata": {"name": "default", "namespace": obj["metadata"]["name"]}}
        store.create(resource("serviceaccounts", ""), account, "kube-controller-manager")
    if kind.kind == "CustomResourceDefinition":
        definitions.establish(store, obj)


def updated(store: Store, kind: Resource, obj: JsonObject) -> None:
    """An object that is being deleted goes when its last finalizer is gone."""
    metadata = obj["metadata"]
    if "deletionTimestamp" in metadata and not metadata.get("finalizers") and kind.kind not in ("Pod", "Namespace"):
        remove(store, kind, obj)


def delete(
    store: Store,
    kind: Resource,
    namespace: str | None,
    name: str,
    propagation: str | None,
    grace: int | None,
    dry_run: bool,
) -> JsonObject:
    """Deletes an object, or marks it for deletion; returns its last state."""
    obj = store.get(kind, namespace, name)
    if dry_run:
        return obj
    if kind.kind == "Pod":
        seconds = _pod_grace(obj, grace)
        if seconds > 0:
            return _mark(store, kind, obj, seconds)
    if kind.kind == "Namespace":
        return _delete_namespace(store, kind, obj)
    if propagation == "Orphan":
        _orphan(store, obj)
    elif propagation == "Foreground" and store.dependents(obj["metadata"]["uid"]):
        return _delete_foreground(store, kind, obj)
    if obj["metadata"].get("finalizers"):
        return _mark(store, kind, obj, 0)
    return remove(store, kind, obj)


def remove(store: Store, kind: Resource, obj: JsonObject) -> JsonObject:
    """Takes an object away, then what it owned, then what waited for it."""
    previous = store.peek(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])
    store.commit("DELETED", kind, obj, previous)
    for dependent_kind, dependent in store.dependents(obj["metadata"]["uid"]):
        _let_go(store, dependent_kind, dependent, obj["metadata"]["uid"], None)
    for owner in obj["metadata"].get("ownerReferences", ()):
        _finish_foreground(store, owner, obj["metadata"].get("namespace"))
    if kind.namespaced:
        _finish_namespace(store, obj["metadata"]["namespace"])
    return obj


def forget_old_events(store: Store) -> None:
    """Events that have not been seen for an hour go, as in Kubernetes."""
    oldest = (store.clock() - EVENTS_ARE_KEPT).strftime("%Y-%m-%dT%H:%M:%SZ")
    kind = resource("events", "")
    for event in [*store.view(kind)]:
        metadata = event["metadata"]
        if (event.get("lastTimestamp") or metadata["creationTimestamp"]) < oldest:
            delete(store, kind, metadata["namespace"], metadata["name"], None, None, False)


def _pod_grace(pod: JsonObject, grace: int | None) -> int:
    """Seconds that a Pod may still run: none when no kubelet has it or it has ended."""
    spec, phase = pod.get("spec", {}), pod.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    seconds: int = spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE) if grace is None else grace
    return seconds


def _mark(store: Store, kind: Resource, obj: JsonObject, seconds: int) -> JsonObject:
    """Sets the time at which an object has to be gone; a later, longer one changes nothing."""
    metadata = obj["metadata"]
    if "deletionTimestamp" in metadata and metadata.get("deletionGracePeriodSeconds", 0) <= seconds:
        return obj
    previous = store.peek(kind, metadata.get("namespace"), metadata["name"])
    due = store.clock() + timedelta(seconds=seconds)
    metadata["deletionTimestamp"] = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata["deletionGracePeriodSeconds"] = seconds
    if kind.generation:
        metadata["generation"] = metadata.get("generation", 0) + 1
    store.commit("MODIFIED", kind, obj, previous)
    return store.get(kind, metadata.get("namespace"), metadata["name"])


def _let_go(store: Store, kind: Resource, obj: JsonObject, owner: str, propagation: str | None) -> None:
    """Deletes a dependent, or only forgets the owner while another one is left."""
    metadata = obj["metadata"]
    others = [reference for reference in metadata.get("ownerReferences", ()) if reference["uid"] != owner]
    if others:
        metadata["ownerReferences"] = others
        store.update(kind, obj, manager="kube-controller-manager")
    else:
        delete(store, kind, metadata.get("namespace"), metadata["name"], propagation, None, False)


def _orphan(store: Store, obj: JsonObject) -> None:
    uid = obj["metadata"]["uid"]
    for kind, dependent in store.dependents(uid):
        references = [other for other in dependent["metadata"]["ownerReferences"] if other["uid"] != uid]
        dependent["metadata"]["ownerReferences"] = references
        if not references:
            del dependent["metadata"]["ownerReferences"]
        store.update(kind, dependent, manager="kube-controller-manager")


def _delete_foreground(store: Store, kind: Resource, obj: JsonObject) -> JsonObject:
    """Marks the owner, deletes what it owns, and leaves the end to `_finish_foreground`."""
    metadata = obj["metadata"]
    if FOREGROUND not in metadata.get("finalizers", ()):
        metadata["finalizers"] = [*metadata.get("finalizers", ()), FOREGROUND]
    marked = _mark(store, kind, obj, 0)
    for dependent_kind, dependent in store.dependents(metadata["uid"]):
        _let_go(store, dependent_kind, dependent, metadata["uid"], "Foreground")
    return marked


def _finish_foreground(store: Store, reference: JsonObject, namespace: str | None) -> None:
    """Removes an owner that waited in the foreground for its last dependent."""
    group = reference["apiVersion"].rpartition("/")[0]
    try:
        kind = resource(reference["kind"], group)
    except KeyError:
        return
    owner = store.find(kind, namespace if kind.namespaced else None, reference["name"])
    if owner is None or FOREGROUND not in owner["metadata"].get("finalizers", ()):
        return
    if owner["metadata"]["uid"] != reference["uid"] or store.dependents(reference["uid"]):
        return
    owner["metadata"]["finalizers"] = [item for item in owner["metadata"]["finalizers"] if item != FOREGROUND]
    if owner["metadata"]["finalizers"]:
        store.update(kind, owner, manager="kube-controller-manager")
    else:
        del owner["metadata"]["finalizers"]
        remove(store, kind, owner)


def _delete_namespace(store: Store, kind: Resource, obj: JsonObject) -> JsonObject:
    """Marks a namespace, deletes all that is in it, and leaves the end to `_finish_namespace`."""
    name = obj["metadata"]["name"]
    obj["status"] = {"phase": "Terminating"}
    marked = _mark(store, kind, obj, 0)
    marked["metadata"].pop("deletionGracePeriodSeconds", None)
    for content in RESOURCES:
        for item in store.list(content, name) if content.namespaced else ():
            if store.find(content, name, item["metadata"]["name"]) is not None:
                delete(store, content, name, item["metadata"]["name"], "Background", None, False)
    _finish_namespace(store, name)
    return marked


def _finish_namespace(store: Store, name: str) -> None:
    kind = resource("namespaces", "")
    found = store.find(kind, None, name)
    if found is not None and "deletionTimestamp" in found["metadata"] and store.is_empty(name):
        store.commit("DELETED", kind, found, found)
