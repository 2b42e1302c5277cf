"""The objects of the embedded cluster, in memory, with revisions, a history for watches, and optimistic locking."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.kubernetes import defaults, lifecycle, limit_range, ownership, quota, replacement, validation
from sandbox.kubernetes.clone import clone
from sandbox.kubernetes.errors import ApiError, already_exists, not_found, stale
from sandbox.kubernetes.resources import Resource, resource

JsonObject = dict[str, Any]
Objects = list[JsonObject]  # inside the class, `list` is the method
Owned = list[tuple[Resource, JsonObject]]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]

HISTORY = 2000  # events kept for each resource; a watch from before them is told 410
FIRST_REVISION = 1000
NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, as in Kubernetes
LONGEST_PREFIX = 58


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `object` and `previous` are the stored ones: read them, never change them."""

    type: EventType
    resource: Resource
    object: JsonObject
    revision: int
    previous: JsonObject | None = None


Events = list[Event]


def timestamp(moment: datetime) -> str:
    """A time as Kubernetes writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def system_clock() -> datetime:
    return datetime.now(UTC)


class Store:
    """All objects by resource, namespace and name. Not thread-safe: it lives in one event loop.

    Everything returned is a copy; everything given is copied. Methods raise ApiError.
    """

    def __init__(self, clock: Callable[[], datetime] = system_clock, history: int = HISTORY) -> None:
        self.clock = clock
        self.revision = FIRST_REVISION
        self.key = secrets.token_bytes(32)  # signs tokens of ServiceAccounts
        self._objects: dict[Resource, dict[str, dict[str, JsonObject]]] = defaultdict(lambda: defaultdict(dict))
        self._dependents: dict[str, dict[tuple[Resource, str, str], None]] = defaultdict(dict)
        self._history: dict[Resource, deque[Event]] = defaultdict(lambda: deque(maxlen=history))
        self._forgotten: dict[Resource, int] = {}
        self._subscribers: list[tuple[Resource | None, asyncio.Queue[Event]]] = []

    # reading

    def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject:
        """The object; ApiError 404 when it is not there."""
        found: JsonObject = clone(self.peek(resource, namespace, name))
        return found

    def peek(self, resource: Resource, namespace: str | None, name: str) -> JsonObject:
        """The stored object itself, not to be changed; ApiError 404 when it is not there."""
        found = self._objects[resource].get(namespace or "", {}).get(name)
        if found is None:
            raise not_found(resource.qualified, resource.group, resource.plural, name)
        return found

    def find(self, resource: Resource, namespace: str | None, name: str) -> JsonObject | None:
        """The object, or None."""
        found: JsonObject | None = clone(self._objects[resource].get(namespace or "", {}).get(name))
        return found

    def list(self, resource: Resource, namespace: str | None = None) -> Objects:
        """All objects of a resource, of one namespace or of all, by namespace and name."""
        return [clone(item) for item in self.view(resource, namespace)]

    def view(self, resource: Resource, namespace: str | None = None) -> Iterator[JsonObject]:
        """The stored objects themselves, not to be changed, by namespace and name."""
        spaces = self._objects[resource]
        for space in sorted(spaces) if namespace is None else [namespace]:
            objects = spaces.get(space, {})
            for name in sorted(objects):
                yield objects[name]

    def is_empty(self, namespace: str) -> bool:
        """Whether a namespace holds nothing."""
        return not any(spaces.get(namespace) for spaces in self._objects.values())

    def dependents(self, uid: str) -> Owned:
        """Copies of the objects that name this uid as an owner."""
        keys = self._dependents.get(uid, {})
        return [(kind, clone(self._objects[kind][space][name])) for kind, space, name in keys]

    # writing

    def create(
        self,
        resource: Resource,
        obj: JsonObject,
        manager: str = "range",
        *,
        dry_run: bool = False,
        managed: Objects | None = None,
    ) -> JsonObject:
        """Stores a new object with everything the server fills in; ApiError 409 when the name is taken.

        `managed`: managedFields worked out by the caller (server-side apply), instead of an update by `manager`.
        """
        created = self._prepared(resource, obj)
        metadata = created["metadata"]
        self._require_namespace(resource, metadata.get("namespace", ""))
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = self._free_name(resource, metadata)
        validation.check(resource, created, None)
        space, name = metadata.get("namespace", ""), metadata["name"]
        if name in self._objects[resource][space]:
            raise already_exists(resource.qualified, resource.group, resource.plural, name)
        now = timestamp(self.clock())
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": now}
        metadata.pop("deletionTimestamp", None)
        metadata.pop("resourceVersion", None)
        if resource.generation:
            metadata["generation"] = 1
        metadata["managedFields"] = (
            managed if managed is not None else ownership.updated(resource, None, created, manager, now)
        )
        if not metadata["managedFields"]:
            del metadata["managedFields"]
        defaults.on_create(resource, created, self)
        if resource.kind == "Pod":
            limit_range.admit(self, created)
        quota.admit(self, resource, created)
        if not dry_run:
            self.commit("ADDED", resource, created, None)
            lifecycle.created(self, resource, created)
        copy: JsonObject = clone(created)
        return copy

    def update(
        self,
        resource: Resource,
        obj: JsonObject,
        subresource: Literal["status", "scale", "binding"] | None = None,
        manager: str = "range",
        *,
        dry_run: bool = False,
        managed: Objects | None = None,
    ) -> JsonObject:
        """Replaces an object, or with subresource="status" only its status and annotations.

        ApiError 404 when it is not there, 409 when `metadata.resourceVersion` is given and stale or the uid differs.
        A write that changes nothing keeps the resourceVersion.
        """
        metadata = obj.get("metadata", {})
        previous = self.peek(resource, metadata.get("namespace"), metadata.get("name", ""))
        old = previous["metadata"]
        given = metadata.get("resourceVersion") or old["resourceVersion"]
        if given != old["resourceVersion"] or metadata.get("uid", old["uid"]) != old["uid"]:
            raise stale(resource.qualified, resource.group, resource.plural, old["name"])
        if subresource == "status":
            updated = self._prepared(resource, replacement.with_new_status(obj, previous))
        else:
            updated = self._prepared(resource, replacement.with_server_fields(resource, obj, previous))
            defaults.on_update(resource, updated, previous)
        validation.check(resource, updated, previous)
        updated["metadata"]["managedFields"] = old.get("managedFields", []) if managed is None else managed
        if replacement.same(updated, previous, compare_managed=managed is not None):
            unchanged: JsonObject = clone(previous)
            return unchanged
        if resource.generation and subresource != "status" and replacement.spec_differs(resource, updated, previous):
            updated["metadata"]["generation"] = old.get("generation", 0) + 1
        if managed is None:
            now = timestamp(self.clock())
            entries = ownership.updated(resource, previous, updated, manager, now, subresource)
            updated["metadata"]["managedFields"] = entries
        if not updated["metadata"]["managedFields"]:
            del updated["metadata"]["managedFields"]
        if not dry_run:
            self.commit("MODIFIED", resource, updated, previous)
            lifecycle.updated(self, resource, updated)
        copy: JsonObject = clone(updated)
        return copy

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        propagation: str | None = "Background",
        grace: int | None = None,
        *,
        dry_run: bool = False,
    ) -> JsonObject:
        """Deletes an object, or marks it where finalizers or a Pod's grace period keep it for a while.

        A Pod on a node keeps running until the kubelet deletes it with grace=0. Returns its last state.
        """
        return lifecycle.delete(self, resource, namespace, name, propagation, grace, dry_run)

    def commit(self, kind: EventType, resource: Resource, obj: JsonObject, previous: JsonObject | None) -> None:
        """Stores or removes an object under a new revision and tells everybody who watches."""
        self.revision += 1
        metadata = obj["metadata"]
        metadata["resourceVersion"] = str(self.revision)
        key = (resource, metadata.get("namespace", ""), metadata["name"])
        for owner in lifecycle.owner_uids(previous):
            self._dependents[owner].pop(key, None)
            if not self._dependents[owner]:
                del self._dependents[owner]
        if kind == "DELETED":
            del self._objects[resource][key[1]][key[2]]
        else:
            self._objects[resource][key[1]][key[2]] = obj
            for owner in lifecycle.owner_uids(obj):
                self._dependents[owner][key] = None
        event = Event(kind, resource, obj, self.revision, previous)
        history = self._history[resource]
        if len(history) == history.maxlen:
            self._forgotten[resource] = history[0].revision
        history.append(event)
        for wanted, queue in self._subscribers:
            if wanted is None or wanted == resource:
                queue.put_nowait(event)

    # following

    def subscribe(self, resource: Resource | None = None) -> asyncio.Queue[Event]:
        """A queue of all changes from now on, of one resource or of all; end with `unsubscribe`."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._subscribers.append((resource, queue))
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Event]) -> None:
        self._subscribers = [(wanted, other) for wanted, other in self._subscribers if other is not queue]

    def since(self, resource: Resource, revision: int) -> Events:
        """The changes after a revision; ApiError 410 when some of them are forgotten."""
        oldest = self._forgotten.get(resource, FIRST_REVISION)
        if revision < oldest:
            message = f"too old resource version: {revision} ({oldest})"
            raise ApiError(410, message, reason="Expired")
        newer = itertools.takewhile(lambda event: event.revision > revision, reversed(self._history[resource]))
        return [*newer][::-1]

    # parts of create and update

    def _prepared(self, resource: Resource, obj: JsonObject) -> JsonObject:
        """A copy with nulls pruned, kind and apiVersion set, and defaults filled in."""
        prepared: JsonObject = defaults.pruned(obj)
        prepared |= {"kind": resource.kind, "apiVersion": resource.api_version}
        prepared.setdefault("metadata", {})
        if not resource.namespaced:
            prepared["metadata"].pop("namespace", None)
        defaults.fill(resource, prepared)
        return prepared

    def _require_namespace(self, resource_: Resource, namespace: str) -> None:
        if not resource_.namespaced:
            return
        found = self.peek(resource("namespaces", ""), None, namespace)
        if "deletionTimestamp" in found["metadata"]:
            message = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise ApiError(403, message, reason="Forbidden")

    def _free_name(self, resource: Resource, metadata: JsonObject) -> str:
        taken = self._objects[resource][metadata.get("namespace", "")]
        prefix = metadata["generateName"][:LONGEST_PREFIX]
        while True:
            name: str = prefix + "".join(random.choices(NAME_LETTERS, k=5))
            if name not in taken:
                return name
