"""A small world for a guard: an embedded API for its Lease, counters that a test sets, and nginx as a file."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from fake_prometheus import FakePrometheus
from kubernetes.client import CoreV1Api

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import Clients, connect
from runbook_lib.guard.lease import Lease
from runbook_lib.guard.rounds import Rounds
from runbook_lib.parameters import Parameters, check
from runbook_lib.record.archive import Attempt, attempts
from sandbox.kubernetes import cluster, server
from sandbox.kubernetes.settings import Settings

SPLIT = "split_clients $request_id $order_service_side { %s }\n"


@dataclass
class Clock:
    """Time that passes when a test says so."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class World:
    """Everything that a guard touches; ``said`` is what it told."""

    values: dict[str, Any]
    prometheus: FakePrometheus
    api: Path
    clock: Clock = field(default_factory=Clock)
    said: list[str] = field(default_factory=list)
    guards: list[Rounds] = field(default_factory=list)
    counted: int = 0

    @property
    def parameters(self) -> Parameters:
        return check(self.values, "the test's parameters")

    @property
    def clients(self) -> Clients:
        return connect(self.parameters)

    @property
    def weight(self) -> int:
        return read_weight(self.clients)

    @property
    def attempts(self) -> list[Attempt]:
        return attempts(Path(self.values["records"]))

    def users_at(self, weight: int) -> None:
        shares = {0: "* legacy;", 100: "* kubernetes;"}.get(weight, f"{weight}% kubernetes; * legacy;")
        Path("nginx.conf").write_text(SPLIT % shares)

    def requests(self, bad: int = 0) -> None:
        """A thousand more on the old side, three hundred on the new one."""
        self.counted += 1
        self.prometheus.serve("legacy", "vm-1", 1000 * self.counted)
        self.prometheus.serve("kubernetes", "pod-1", 300 * self.counted, bad)

    def api_down(self, down: bool = True) -> None:
        (self.api / "faults.tmp").write_text(json.dumps({"range": {"api_down": down}}))
        (self.api / "faults.tmp").replace(self.api / "faults.json")

    def lease(self, identity: str) -> Lease:
        return Lease(self.clients, identity, self.clock)

    def guard(self, identity: str = "guard-1") -> Rounds:
        self.guards.append(Rounds(self.clients, self.lease(identity), self.said.append))
        return self.guards[-1]


@contextmanager
def api(folder: Path) -> Iterator[str]:
    """The embedded Kubernetes API on a free port."""
    found: list[str] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with server.serving(cluster.new_store(), Settings("127.0.0.1", 0, "127.20.16.0/20", folder)) as settings:
            found.append(settings.url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield found[0]
    loop.call_soon_threadsafe(over.set)
    thread.join(60)


def kubeconfig(url: str) -> str:
    """A kubeconfig for it."""
    cluster_, context = {"server": url}, {"cluster": "here", "user": "me"}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster_}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "here", "context": context}],
            "current-context": "here",
        }
    )


def make_namespace(world: World) -> None:
    CoreV1Api(world.clients.kubernetes).create_namespace({"metadata": {"name": "shop"}})
