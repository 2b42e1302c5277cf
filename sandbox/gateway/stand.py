"""The Gateway that the sample routes hang on, and its class: made by the gateway itself, as a chart would do it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.gateway.status import CONTROLLER
from sandbox.plan import Address

Object = dict[str, Any]

NAMESPACE, CLASS, NAME = "gateway", "practice-range", "shop"
PATIENCE = 5.0
LOOK_EVERY = 5.0  # a cluster that was started anew knows nothing of it


def objects(address: Address) -> list[tuple[str, Object]]:
    """Path and object of all that stands there."""
    api = "gateway.networking.k8s.io/v1"
    listener = {"name": "http", "port": address.port, "protocol": "HTTP"}
    listener |= {"allowedRoutes": {"namespaces": {"from": "All"}}}
    gateway = {
        "apiVersion": api,
        "kind": "Gateway",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"gatewayClassName": CLASS, "listeners": [listener]},
        "status": {
            "addresses": [{"type": "IPAddress", "value": address.host}],
            "conditions": [_condition("Accepted"), _condition("Programmed")],
        },
    }
    kind = {"apiVersion": api, "kind": "GatewayClass", "metadata": {"name": CLASS}}
    kind |= {"spec": {"controllerName": CONTROLLER}, "status": {"conditions": [_condition("Accepted")]}}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return [
        ("/api/v1/namespaces", space),
        (f"/apis/{api}/gatewayclasses", kind),
        (f"/apis/{api}/namespaces/{NAMESPACE}/gateways", gateway),
    ]


def _condition(kind: str) -> Object:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": kind, "status": "True", "reason": kind, "message": "", "lastTransitionTime": moment}


def stand(server: Address, address: Address) -> bool:
    """Create what is missing; False when the API did not take it. Raises OSError, HTTPException."""
    taken = True
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    try:
        for path, made in objects(address):
            connection.request("POST", path, json.dumps(made), {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            taken = taken and response.status in (201, 409)
    finally:
        connection.close()
    return taken


def keep_standing(server: Address, address: Address, sleep: Callable[[float], None] = time.sleep) -> None:
    """For ever; an API that is away is asked again."""
    while True:
        try:
            well = stand(server, address)
        except (OSError, http.client.HTTPException):
            well = False
        sleep(LOOK_EVERY if well else 0.5)
