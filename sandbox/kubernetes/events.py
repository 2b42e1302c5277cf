"""The Events that controllers and the kubelet write: repeated ones are counted, old ones forgotten."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store, timestamp

JsonObject = dict[str, Any]
Key = tuple[str, ...]

EVENTS = resource("events", "")
LIFETIME = timedelta(hours=1)
SIMILAR = 10  # events of one object and reason that are told apart; what follows is combined, as client-go does
SIMILAR_WITHIN = timedelta(minutes=10)


@dataclass
class Recorder:
    """Writes the Events of one component, as `component` on node `host`."""

    store: Store
    component: str
    host: str = ""
    _names: dict[Key, tuple[str, str]] = field(default_factory=dict)
    _recent: dict[Key, deque[datetime]] = field(default_factory=dict)
    _ages: deque[tuple[datetime, str, str, Key]] = field(default_factory=deque)

    def record(self, obj: JsonObject, kind: str, reason: str, message: str, container: str = "") -> None:
        """Writes or counts one Event: `kind` is Normal or Warning, `container` the one that it is about."""
        now = self.store.clock()
        self._forget(now)
        place = f"spec.containers{{{container}}}" if container else ""
        involved = reference(obj, place)
        message = self._combined((involved["uid"], place, kind, reason), message, now)
        key = (involved["uid"], place, kind, reason, message)
        if key in self._names and self._count(key, now):
            return
        event = {
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": self.component} | ({"host": self.host} if self.host else {}),
            "firstTimestamp": timestamp(now),
            "lastTimestamp": timestamp(now),
            "count": 1,
            "type": kind,
            "reportingComponent": self.component,
            "reportingInstance": self.host,
        }
        self._write(key, obj, event, now)

    def announce(self, obj: JsonObject, kind: str, reason: str, message: str, action: str) -> None:
        """Writes one Event of the newer form, as the scheduler does."""
        now = self.store.clock()
        self._forget(now)
        involved = reference(obj)
        event = {
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {},
            "type": kind,
            "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "action": action,
            "reportingComponent": self.component,
            "reportingInstance": f"{self.component}-{self.host}",
        }
        self._write((involved["uid"], kind, reason, message, str(now)), obj, event, now)

    def _write(self, key: Key, obj: JsonObject, event: JsonObject, now: datetime) -> None:
        namespace = obj["metadata"].get("namespace", "default")
        name = f"{obj['metadata']['name']}.{int(now.timestamp() * 1e9) + len(self._ages):x}"
        event["metadata"] = {"name": name, "namespace": namespace}
        with contextlib.suppress(ApiError):  # the namespace is going away: nobody will read it
            self.store.create(EVENTS, event, self.component)
            self._names[key] = (namespace, name)
            self._ages.append((now, namespace, name, key))

    def _count(self, key: Key, now: datetime) -> bool:
        """Counts an Event that is there already; False when it is gone."""
        event = self.store.find(EVENTS, *self._names[key])
        if event is None:
            return False
        event["count"] = event.get("count", 1) + 1
        event["lastTimestamp"] = timestamp(now)
        self.store.update(EVENTS, event, manager=self.component)
        return True

    def _combined(self, key: Key, message: str, now: datetime) -> str:
        recent = self._recent.setdefault(key, deque())
        while recent and now - recent[0] > SIMILAR_WITHIN:
            recent.popleft()
        if (*key, message) in self._names:
            return message
        recent.append(now)
        return message if len(recent) <= SIMILAR else f"(combined from similar events): {message}"

    def _forget(self, now: datetime) -> None:
        """Deletes what is older than an hour, as the API server does."""
        while self._ages and now - self._ages[0][0] > LIFETIME:
            _, namespace, name, key = self._ages.popleft()
            if self._names.get(key) == (namespace, name):
                del self._names[key]
            self._recent.pop(key[:4], None)
            with contextlib.suppress(ApiError):
                self.store.delete(EVENTS, namespace, name)


def reference(obj: JsonObject, field_path: str = "") -> JsonObject:
    """The `involvedObject` of an Event."""
    metadata = obj["metadata"]
    involved = {
        "kind": obj["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": obj["apiVersion"],
        "resourceVersion": metadata["resourceVersion"],
    }
    if field_path:
        involved["fieldPath"] = field_path
    return involved
