"""Keeps HAProxy equal to what the cluster says: servers to the ready Pods, maps to the routes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib.errors import Unreachable
from sandbox.gateway import slots
from sandbox.gateway.configuration import BACKEND, POOLS, SERVICE
from sandbox.gateway.routing import Rule, pairs, rules_of
from sandbox.gateway.runtime import Runtime
from sandbox.gateway.slots import Endpoints, endpoints_of

SERVICE_LABEL = "kubernetes.io/service-name"
# Rules keep their cells in one of two ranges in turn, so that the old ones hold until the new ones are all there.
BASES = (0, 10_000_000)


@dataclass(frozen=True)
class World:
    """What the cluster says; None is not known yet, and nothing is done about it."""

    endpoints: Mapping[str, Endpoints] | None = None
    routes: tuple[Mapping[str, Any], ...] | None = None
    ingresses: tuple[Mapping[str, Any], ...] | None = None
    rules: tuple[Rule, ...] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.routes is not None and self.ingresses is not None:
            object.__setattr__(self, "rules", rules_of(self.routes, self.ingresses))


def endpoints_by_service(slices: Iterable[Mapping[str, Any]]) -> dict[str, Endpoints]:
    """The endpoints of every Service; a Service without a selector has those that somebody wrote."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in slices:
        service = (one["metadata"].get("labels") or {}).get(SERVICE_LABEL, "")
        found.setdefault(service, []).append(one)
    return {service: endpoints_of(theirs) for service, theirs in found.items()}


class Keeper:
    """Holds the world known last and makes HAProxy equal to it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._world = World()
        self._pools = {SERVICE: BACKEND}
        self._one_at_a_time = threading.RLock()
        self._complaint = ""

    def learn(self, **known: Any) -> None:
        """Take note of a part of the world and act at once."""
        with self._one_at_a_time:
            self._world = replace(self._world, **known)
            self.keep()

    def keep(self) -> bool:
        """Compare and set; before the first list is read nothing is known, so nothing is done.

        True when HAProxy follows all of it, routes included.
        """
        with self._one_at_a_time:
            world = self._world
            if world.endpoints is None:
                return False
            try:
                lost = self._lead(world.endpoints, world.rules)
            except Unreachable as error:
                self._say(str(error))
                return False
            self._say(f"no slot is free for {', '.join(lost)}" if lost else "")
            return not lost and world.rules is not None

    def _lead(self, endpoints: Mapping[str, Endpoints], rules: tuple[Rule, ...] | None) -> list[str]:
        """Servers first, then the maps that send users to them, then the servers that nobody is sent to any more."""
        lost = self._take_pools(rules or ()) if rules is not None else []
        for service, pool in self._pools.items():
            lost += self._fill(pool, endpoints.get(service, Endpoints()))
        if rules is not None:
            self._direct(rules)
            used = {service for rule in rules for service, _ in rule.shares} | {SERVICE}
            for service in set(self._pools) - used:
                self._fill(self._pools.pop(service), Endpoints())
        return lost

    def _take_pools(self, rules: Iterable[Rule]) -> list[str]:
        """A backend for every Service that is named; returns the Services that find none."""
        lost = []
        for service in sorted({service for rule in rules for service, _ in rule.shares} - set(self._pools)):
            free = [pool for pool in POOLS if pool not in self._pools.values()]
            if free:
                self._pools[service] = free[0]
            else:
                self._pools[service] = "nobody"
                lost.append(f"the Service {service}")
        return lost

    def _fill(self, pool: str, wanted: Endpoints) -> list[str]:
        if pool == "nobody":
            return []
        step = slots.steps(pool, self._runtime.slots(pool), wanted)
        self._runtime.do(step.commands)
        if step.commands:
            print("; ".join(step.commands), flush=True)
        return [f"{one.address}:{one.port}" for one in step.without_slot]

    def _direct(self, rules: tuple[Rule, ...]) -> None:
        """Make the maps say these rules; at every moment each request finds a rule and a cell that belong together."""
        heads, shares = self._runtime.map("rules"), self._runtime.map("shares")
        if any((heads, shares) == pairs(rules, self._pools, base) for base in BASES):
            return
        taken = bool(heads) and int(heads[0].rpartition(" ")[2]) < BASES[1]
        new_heads, new_shares = pairs(rules, self._pools, BASES[1] if taken else BASES[0])
        self._runtime.fill("shares", [*shares, *new_shares])
        self._runtime.fill("rules", new_heads)
        self._runtime.fill("shares", new_shares)
        print(
            f"follows {len(rules)} rules: {', '.join(new_shares) or 'everything goes to the order service'}", flush=True
        )

    def _say(self, complaint: str) -> None:
        if complaint and complaint != self._complaint:
            print(complaint, flush=True)
        self._complaint = complaint
