"""What the gateway reports on an HTTPRoute, as controllers do: accepted or not, and whether its Services are found."""

from __future__ import annotations

import http.client
import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sandbox.gateway.routing import backends, refusal
from sandbox.plan import Address

Object = dict[str, Any]

CONTROLLER = "practice-range.example/gateway"
PATIENCE = 5.0


def status_of(route: Object, services: Collection[str]) -> Object:
    """The status that a route should have."""
    refused, lost = refusal(route), sorted(backends(route) - set(services))
    conditions = [
        _condition(route, "Accepted", not refused, "Accepted" if not refused else "UnsupportedValue", refused),
        _condition(
            route,
            "ResolvedRefs",
            not lost,
            "ResolvedRefs" if not lost else "BackendNotFound",
            f"there is no Service {', '.join(lost)}" if lost else "",
        ),
    ]
    parents = route["spec"].get("parentRefs") or [{"name": "shop", "namespace": "gateway"}]
    named = [
        {key: value for key, value in ref.items() if key in ("group", "kind", "namespace", "name")} for ref in parents
    ]
    return {
        "parents": [{"parentRef": ref, "controllerName": CONTROLLER, "conditions": conditions} for ref in named],
    }


def is_so(route: Object, wanted: Object) -> bool:
    """True when the route says so already, whenever that was written."""
    return _timeless(route.get("status") or {}) == _timeless(wanted)


def write(server: Address, route: Object, wanted: Object) -> None:
    """Write the status; raises OSError or HTTPException, and what is refused is tried again with the next change."""
    metadata = route["metadata"]
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{metadata['namespace']}/httproutes/{metadata['name']}/status"
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    try:
        body = json.dumps({"status": wanted})
        connection.request("PATCH", path, body, {"Content-Type": "application/merge-patch+json"})
        connection.getresponse().read()
    finally:
        connection.close()


def _condition(route: Object, kind: str, holds: bool, reason: str, message: str) -> Object:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "reason": reason,
        "message": message,
        "observedGeneration": route["metadata"].get("generation", 1),
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _timeless(status: Object) -> list[Any]:
    return [
        (parent.get("parentRef"), [{**c, "lastTransitionTime": ""} for c in parent.get("conditions") or []])
        for parent in status.get("parents") or []
    ]
