"""The whole embedded cluster: API server, controllers, kubelet and exporters in one event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes import controllers, exporters, lifecycle, schema, server
from sandbox.kubernetes.kubelet import Kubelet
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
EVENT_SECONDS = 60  # how often old Events are looked for

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its objects and where it really listens."""

    store: Store
    settings: Settings


def new_store() -> Store:
    """A store with the namespaces that every cluster has."""
    store = Store()
    for name in NAMESPACES:
        store.create(resource("namespaces", ""), {"metadata": {"name": name}}, "kube-apiserver")
    return store


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Cluster]:
    """The cluster for as long as the context lasts; its Pods end with it."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    store = new_store()
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(server.serving(store, settings))
        node = Kubelet(store, settings)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(controllers.run(store), name="controllers"),
            asyncio.create_task(node.run(), name="kubelet"),
            asyncio.create_task(exporters.run(store, settings, node), name="exporters"),
            asyncio.create_task(_forget_old_events(store), name="expiry of events"),
            asyncio.create_task(asyncio.to_thread(schema.load), name="schema"),  # before the first write asks for it
        ]
        for task in tasks:
            task.add_done_callback(_report)
        try:
            yield Cluster(store, settings)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _forget_old_events(store: Store) -> None:
    while True:
        await asyncio.sleep(EVENT_SECONDS)
        lifecycle.forget_old_events(store)


def _report(task: asyncio.Task[Any]) -> None:
    """A part that fails says so at once, not when the cluster ends."""
    if not task.cancelled() and task.exception() is not None:
        log.error("the %s ended", task.get_name(), exc_info=task.exception())
