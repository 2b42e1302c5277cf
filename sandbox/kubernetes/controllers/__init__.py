"""The controllers of the embedded cluster: Deployments, ReplicaSets, Endpoints, disruption budgets and quotas.

They are level-triggered: a change of any object queues the keys it may concern, and each key is then looked at
from the stored state alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.kubernetes.controllers import deployment, disruption, endpoints, quota, replicaset
from sandbox.kubernetes.controllers.deployment import Controller
from sandbox.kubernetes.controllers.pods import PODS
from sandbox.kubernetes.controllers.queue import Queue
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.quota import QUOTAS
from sandbox.kubernetes.store import Event, Store

JsonObject = dict[str, Any]
Key = tuple[str, str, str]  # kind, namespace, name
Reconcile = Callable[[Controller, str, str], float | None]

RETRY_SECONDS = 1.0
log = logging.getLogger(__name__)

RECONCILERS: dict[str, tuple[str, Reconcile]] = {
    "Deployment": ("deployment-controller", deployment.reconcile),
    "ReplicaSet": ("replicaset-controller", replicaset.reconcile),
    "Service": ("endpoint-slice-controller", endpoints.reconcile),
    "PodDisruptionBudget": ("controllermanager", disruption.reconcile),
    "ResourceQuota": ("resourcequota-controller", quota.reconcile),
}


async def run(store: Store) -> None:
    """Reconciles until cancelled."""
    controllers = {kind: Controller(store, Recorder(store, component)) for kind, (component, _) in RECONCILERS.items()}
    events = store.subscribe()
    queue: Queue[Key] = Queue()
    for key in _everything(store):
        queue.add(key)
    follower = asyncio.create_task(_follow(store, events, queue))
    try:
        while True:
            _step(controllers, queue, await queue.get())
            await asyncio.sleep(0)  # let watches and requests in between two steps
    finally:
        follower.cancel()
        queue.close()
        store.unsubscribe(events)


def _step(controllers: dict[str, Controller], queue: Queue[Key], key: Key) -> None:
    kind, namespace, name = key
    try:
        again = RECONCILERS[kind][1](controllers[kind], namespace, name)
    except ApiError as error:  # for instance a namespace that is going away
        log.info("%s %s/%s: %s", kind, namespace, name, error.message)
        again = RETRY_SECONDS if error.code == 409 else None
    if again is not None:
        queue.add_later(key, again)


async def _follow(store: Store, events: asyncio.Queue[Event], queue: Queue[Key]) -> None:
    while True:
        event = await events.get()
        for key in concerned(store, event):
            queue.add(key)


def concerned(store: Store, event: Event) -> Iterator[Key]:
    """The keys to look at after a change."""
    kind, metadata = event.resource.kind, event.object["metadata"]
    if kind in RECONCILERS:
        yield kind, metadata["namespace"], metadata["name"]
    for owner in metadata.get("ownerReferences", ()):
        if owner.get("controller") and owner["kind"] in RECONCILERS:
            yield owner["kind"], metadata["namespace"], owner["name"]
    if event.type != "MODIFIED" or event.resource == PODS:
        for one in store.view(QUOTAS, metadata.get("namespace", "")):
            yield "ResourceQuota", metadata["namespace"], one["metadata"]["name"]
    if event.resource == PODS:
        yield from _around_pod(store, event)


def _around_pod(store: Store, event: Event) -> Iterator[Key]:
    """Services and budgets that choose the Pod now or did before, and the set that could adopt an orphan."""
    namespace = event.object["metadata"]["namespace"]
    labels = event.object["metadata"].get("labels", {})
    before = event.previous["metadata"].get("labels", {}) if event.previous else labels
    for service in store.view(endpoints.SERVICES, namespace):
        selector = service["spec"].get("selector", {})
        if selector and (selector.items() <= labels.items() or selector.items() <= before.items()):
            yield "Service", namespace, service["metadata"]["name"]
    for kind, resource in (("PodDisruptionBudget", disruption.BUDGETS), ("ReplicaSet", deployment.REPLICA_SETS)):
        if kind == "ReplicaSet" and event.object["metadata"].get("ownerReferences"):
            continue
        for one in store.view(resource, namespace):
            yield kind, namespace, one["metadata"]["name"]


def _everything(store: Store) -> Iterator[Key]:
    resources = (deployment.DEPLOYMENTS, deployment.REPLICA_SETS, endpoints.SERVICES, disruption.BUDGETS, QUOTAS)
    for resource in resources:
        for one in store.view(resource):
            yield resource.kind, one["metadata"]["namespace"], one["metadata"]["name"]
