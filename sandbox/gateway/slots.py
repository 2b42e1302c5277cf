"""Which slot should hold which Pod: a pure comparison of what HAProxy has with what the EndpointSlices say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ready", "drain", "maint"]


@dataclass(frozen=True, order=True)
class Target:
    """Where a Pod answers."""

    address: str
    port: int


@dataclass(frozen=True)
class Slot:
    """One server of the backend; in ``maint`` it is free, whatever address it still shows."""

    name: str
    target: Target
    state: State


@dataclass(frozen=True)
class Endpoints:
    """The Pods of a Service: those that take requests, and all that are still there."""

    ready: frozenset[Target] = frozenset()
    present: frozenset[Target] = frozenset()


def endpoints_of(slices: Iterable[Mapping[str, Any]]) -> Endpoints:
    """Join EndpointSlices; a Pod that is terminating takes no new request even while it is called ready."""
    ready: set[Target] = set()
    present: set[Target] = set()
    for one in slices:
        ports = [port["port"] for port in one.get("ports") or () if port.get("port")][:1]
        for endpoint in one.get("endpoints") or ():
            targets = {Target(address, port) for address in endpoint.get("addresses") or () for port in ports}
            conditions = endpoint.get("conditions") or {}
            present |= targets
            # A missing condition means ready, so says the API.
            if conditions.get("ready") is not False and not conditions.get("terminating"):
                ready |= targets
    return Endpoints(frozenset(ready), frozenset(present))


@dataclass(frozen=True)
class Steps:
    """Commands for the runtime API, and the Pods that find no free slot."""

    commands: list[str]
    without_slot: list[Target]


def steps(backend: str, slots: Iterable[Slot], wanted: Endpoints) -> Steps:
    """What has to be said to HAProxy so that exactly the ready Pods get new requests.

    A Pod that is no longer ready is drained: it finishes what it has. Its slot is free when the Pod is gone.
    """
    held: set[Target] = set()
    free: list[Slot] = []
    changes: list[str] = []
    for slot in slots:
        if slot.state == "maint":
            free.append(slot)
            continue
        state = _state(slot, wanted, held)
        if state != slot.state:
            changes.append(f"set server {backend}/{slot.name} state {state}")
    missing = sorted(wanted.ready - held)
    # New Pods first: when all change at once there is no moment without any.
    arrivals = [
        command for slot, target in zip(free, missing, strict=False) for command in _fill(backend, slot, target)
    ]
    return Steps(arrivals + changes, missing[len(free) :])


def _state(slot: Slot, wanted: Endpoints, held: set[Target]) -> State:
    if slot.target in wanted.ready and slot.target not in held:
        held.add(slot.target)
        return "ready"
    return "drain" if slot.target in wanted.present - wanted.ready else "maint"


def _fill(backend: str, slot: Slot, target: Target) -> list[str]:
    server = f"set server {backend}/{slot.name}"
    return [f"{server} addr {target.address} port {target.port}", f"{server} state ready"]
