"""The process kubelet: Pods of the embedded cluster as processes of this machine.

Each Pod has an address of its own out of the Pod network. There are no cgroups: memory limits are enforced by
watching, CPU limits are not enforced at all; the `throttle` fault stops processes for a part of each CPU period.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.kubernetes.controllers.pods import PODS, has_ended
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.kubelet import limits, node
from sandbox.kubernetes.kubelet.container import Container
from sandbox.kubernetes.kubelet.host import Host
from sandbox.kubernetes.kubelet.options import Options
from sandbox.kubernetes.kubelet.pod import PodRunner
from sandbox.kubernetes.kubelet.schedule import refusal
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Event, Store, timestamp

__all__ = ["Kubelet", "Options"]

JsonObject = dict[str, Any]

LAST_GRACE = 3.0  # seconds that containers have when the kubelet ends


class Kubelet:
    """Scheduler and kubelet of the one node."""

    def __init__(self, store: Store, settings: Settings, options: Options | None = None) -> None:
        self.host = Host(store, settings, options or Options())
        self.runners: dict[str, PodRunner] = {}
        self._scheduler = Recorder(store, "default-scheduler", self.host.options.node)
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Runs Pods until cancelled, then ends all their processes."""
        events = self.host.store.subscribe()
        node.register(self.host)
        for pod in self.host.store.list(PODS):
            self._look_at(pod)
        guard = asyncio.create_task(
            limits.enforce(self.containers, self.host.settings.faults_file, self.host.options.tick)
        )
        heart = asyncio.create_task(node.beat(self.host))
        try:
            while True:
                self._handle(await events.get())
        finally:
            heart.cancel()
            self.host.store.unsubscribe(events)
            guard.cancel()
            await self._close()

    def containers(self) -> list[Container]:
        """All containers of all Pods of the node."""
        return [container for runner in self.runners.values() for container in runner.containers]

    def _handle(self, event: Event) -> None:
        kind = event.resource.kind
        if kind in ("ConfigMap", "Secret"):
            for runner in self.runners.values():
                if runner.pod["metadata"]["namespace"] == event.object["metadata"]["namespace"]:
                    runner.refresh()
        elif kind == "Node":
            self._schedule_waiting()
        elif kind == "Pod":
            if event.type == "DELETED":
                self._gone(event.object)
            else:
                # what is stored now may be newer than the event
                metadata = event.object["metadata"]
                pod = self.host.store.find(PODS, metadata["namespace"], metadata["name"])
                if pod is not None and pod["metadata"]["uid"] == metadata["uid"]:
                    self._look_at(pod)

    def _look_at(self, pod: JsonObject) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self.runners:
            self.runners[uid].update(pod)
        elif pod["spec"].get("nodeName") == self.host.options.node:
            if not has_ended(pod):
                self.runners[uid] = PodRunner(self.host, pod)
                self.runners[uid].update(pod)
        elif "nodeName" not in pod["spec"]:
            self._schedule(pod)

    def _gone(self, pod: JsonObject) -> None:
        runner = self.runners.pop(pod["metadata"]["uid"], None)
        if runner is not None:
            runner.end(0, gone=True)
            closing = asyncio.create_task(runner.closed())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._schedule_waiting()

    def _schedule_waiting(self) -> None:
        waiting = [pod for pod in self.host.store.view(PODS) if "nodeName" not in pod["spec"]]
        for pod in sorted(waiting, key=lambda one: int(one["metadata"]["resourceVersion"])):
            self._schedule(self.host.store.get(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def _schedule(self, pod: JsonObject) -> None:
        store = self.host.store
        if "deletionTimestamp" in pod["metadata"]:
            return
        here = store.find(node.NODES, None, self.host.options.node)
        others = [
            one
            for one in store.view(PODS)
            if one["spec"].get("nodeName") == self.host.options.node and not has_ended(one)
        ]
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        if here is None:
            return
        reason = refusal(pod, here, others)
        if reason is None:
            bound = store.update(PODS, pod | {"spec": pod["spec"] | {"nodeName": self.host.options.node}}, "binding")
            self._note_scheduled(bound, {"status": "True"})
            message = f"Successfully assigned {name} to {self.host.options.node}"
            self._scheduler.announce(bound, "Normal", "Scheduled", message, "Binding")
        elif self._note_scheduled(pod, {"status": "False", "reason": "Unschedulable", "message": reason}):
            self._scheduler.announce(pod, "Warning", "FailedScheduling", reason, "Scheduling")

    def _note_scheduled(self, pod: JsonObject, outcome: JsonObject) -> bool:
        """Writes the PodScheduled condition; False when it said so already."""
        status = pod.get("status", {})
        known: JsonObject = next((one for one in status.get("conditions", ()) if one["type"] == "PodScheduled"), {})
        if outcome.items() <= known.items():
            return False
        generation = pod["metadata"].get("generation", 1)
        condition = {
            "type": "PodScheduled",
            "observedGeneration": generation,
            **outcome,
            "lastTransitionTime": timestamp(self.host.store.clock()),
        }
        others = [one for one in status.get("conditions", ()) if one["type"] != "PodScheduled"]
        written = {"phase": "Pending"} | status | {"conditions": [*others, condition]}
        self.host.store.update(PODS, pod | {"status": written}, "status", "kube-scheduler")
        return True

    async def _close(self) -> None:
        """Ends every process that is left: asked first, then killed."""
        for runner in self.runners.values():
            runner.end(LAST_GRACE, gone=True)
        left = [asyncio.create_task(runner.closed()) for runner in self.runners.values()]
        if left or self._closing:
            _, pending = await asyncio.wait([*left, *self._closing], timeout=LAST_GRACE + 2)
            for task in pending:
                task.cancel()
        for runner in self.runners.values():
            runner.kill()
