"""A cluster without its API server for tests: store, controllers and kubelet in one event loop."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.claim import claim
from sandbox.kubernetes import controllers
from sandbox.kubernetes.kubelet import Kubelet, Options
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.settings import Settings, from_plan
from sandbox.kubernetes.store import Event, Store

JsonObject = dict[str, Any]

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
DEPLOYMENTS = resource("deployments", "apps")
REPLICA_SETS = resource("replicasets", "apps")
PODS = resource("pods", "")
EVENTS = resource("events", "")
NAMESPACE = "golden"

# Serves / with 200 and the rest with 404; like any first process of a container it ignores SIGTERM.
SERVER = """
import http.server, os

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()

    def log_message(self, *ignored):
        pass

http.server.HTTPServer((os.environ["POD_IP"], 8080), Answer).serve_forever()
"""
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def new_store() -> Store:
    """A store with one namespace."""
    store = Store()
    store.create(resource("namespaces", ""), {"metadata": {"name": NAMESPACE}})
    return store


@dataclass
class World:
    """A running cluster and everything that has happened in it."""

    store: Store
    settings: Settings
    kubelet: Kubelet
    seen: list[Event] = field(default_factory=list)

    def create(self, kind: str, body: JsonObject) -> JsonObject:
        body["metadata"].setdefault("namespace", NAMESPACE)
        return self.store.create(resource(kind), body)

    def get(self, kind: str, name: str) -> JsonObject:
        return self.store.get(resource(kind), NAMESPACE, name)

    def pods(self, app: str) -> list[JsonObject]:
        return [one for one in self.store.list(PODS) if one["metadata"].get("labels", {}).get("app") == app]

    def statuses(self, app: str) -> list[JsonObject]:
        """The container statuses of all Pods of an app."""
        return [one for pod in self.pods(app) for one in pod.get("status", {}).get("containerStatuses", ())]

    def history(self, kind: str) -> list[JsonObject]:
        """All states of all objects of a kind, as a watch would have seen them."""
        return [event.object for event in self.seen if event.resource.kind == kind and event.type != "DELETED"]

    async def until(self, what: str, found: Callable[[], Any], seconds: float = 90) -> Any:
        """Waits for something to be so."""
        try:
            async with asyncio.timeout(seconds):
                while not (value := found()):  # noqa: ASYNC110 - what is waited for is anything
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise AssertionError(f"{what}: not so within {seconds} s") from error
        return value


@asynccontextmanager
async def running(folder: Path, options: Options | None = None) -> AsyncIterator[World]:
    """A cluster for as long as the context lasts, on a network of its own."""
    with claim(f"world-{os.getpid()}", folder) as chosen:
        settings = from_plan(chosen)
        settings.folder.mkdir(parents=True, exist_ok=True)
        store = new_store()
        world = World(store, settings, Kubelet(store, settings, options))
        queue = store.subscribe()
        tasks = [
            asyncio.create_task(controllers.run(store)),
            asyncio.create_task(world.kubelet.run()),
            asyncio.create_task(_note(queue, world.seen)),
        ]
        try:
            yield world
        finally:
            while not queue.empty():
                world.seen.append(queue.get_nowait())
            store.unsubscribe(queue)  # what the end of the world does is no part of it
            broken = [task.exception() for task in tasks if task.done() and not task.cancelled()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert not broken, broken


async def _note(queue: asyncio.Queue[Event], seen: list[Event]) -> None:
    while True:
        seen.append(await queue.get())


def conversation(name: str) -> list[JsonObject]:
    """A recorded conversation with a real cluster."""
    with gzip.open(GOLDEN / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def watched(rows: list[JsonObject], plural: str) -> list[JsonObject]:
    """The events of the recorded watch of all objects of a kind."""
    found = [row for row in rows if "events" in row and f"/{plural}?watch" in row["path"]]
    return list(found[0]["events"])


def without_repeats(items: list[Any]) -> list[Any]:
    """Each item that differs from the one before."""
    return [item for index, item in enumerate(items) if index == 0 or item != items[index - 1]]
