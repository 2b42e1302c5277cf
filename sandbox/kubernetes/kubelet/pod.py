"""The life of one Pod on this node: volumes, init containers, containers, and its end."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
from pathlib import Path
from typing import Any

from sandbox.kubernetes.controllers.pods import PODS
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.kubelet import volumes
from sandbox.kubernetes.kubelet.container import Container, Surroundings, pause
from sandbox.kubernetes.kubelet.host import Host
from sandbox.kubernetes.kubelet.status import LOST, Sandbox, is_initialized, pod_status
from sandbox.kubernetes.kubelet.volumes import NotMounted
from sandbox.kubernetes.store import timestamp

JsonObject = dict[str, Any]

log = logging.getLogger(__name__)
FORCED_GRACE = 2.0  # seconds for a Pod that was taken away without any


class PodRunner:
    """Runs one Pod from its binding to this node until it is gone."""

    def __init__(self, host: Host, pod: JsonObject) -> None:
        self.host = host
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self.address = host.addresses.take()
        self.stopping = asyncio.Event()
        self.changed = asyncio.Event()
        self.mounted = False
        self.ended = False
        self.volumes: dict[str, Path] = {}
        self.began = host.store.clock()
        self._gone = False
        self._ending: asyncio.Task[None] | None = None
        around = Surroundings(host, self.folder, self.address, self.volumes, self._known, self.changed, self.publish)
        spec = pod["spec"]
        self.early = [
            Container(one, "sidecar" if one.get("restartPolicy") == "Always" else "init", around)
            for one in spec.get("initContainers", ())
        ]
        self.main = [Container(one, "main", around) for one in spec["containers"]]
        if self.early:
            for container in self.main:
                container.record.state = {"waiting": {"reason": "PodInitializing"}}
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(self._report)

    @property
    def folder(self) -> Path:
        """Its volumes and logs."""
        metadata = self.pod["metadata"]
        name = f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
        return self.host.settings.pods_folder / name

    @property
    def containers(self) -> list[Container]:
        return [*self.early, *self.main]

    def _runs(self) -> bool:
        return any(container.process is not None for container in self.containers)

    def _report(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and life.exception() is not None:
            log.error("the Pod %s is no longer looked after", self.pod["metadata"]["name"], exc_info=life.exception())

    def _known(self) -> JsonObject:
        """The Pod with the addresses that the downward API tells, before its status does."""
        address = {"podIP": self.address, "hostIP": self.host.settings.host}
        return self.pod | {"status": self.pod.get("status", {}) | address}

    def update(self, pod: JsonObject) -> None:
        """Takes in what clients wrote: labels and annotations, readiness gates, deletion."""
        before, self.pod = self.pod["metadata"], pod
        if any(before.get(field) != pod["metadata"].get(field) for field in ("labels", "annotations")):
            self.refresh()
        if "deletionTimestamp" in pod["metadata"]:
            self.end(float(pod["metadata"].get("deletionGracePeriodSeconds", 0)))
        if pod["spec"].get("readinessGates"):
            self.publish()

    def refresh(self) -> None:
        """Brings changed ConfigMaps and Secrets into the volumes, and wakes a container that waits for one."""
        if self.mounted:
            volumes.refresh(self.host.store, self._known(), self.volumes)
        self.changed.set()
        self.changed.clear()

    def end(self, grace: float, *, gone: bool = False) -> None:
        """Begins to end the Pod; `gone` when the API server has forgotten it already."""
        self._gone = self._gone or gone
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(FORCED_GRACE if gone else grace))

    async def closed(self) -> None:
        """Waits until nothing of the Pod is left."""
        if self._ending is not None:
            await self._ending

    def kill(self) -> None:
        """Ends all processes at once; for the end of the kubelet."""
        for container in self.containers:
            if container.process is not None:
                container.process.send_all(signal.SIGKILL)

    def publish(self) -> None:
        """Writes the status where it differs from what is stored."""
        if self._gone or (self.stopping.is_set() and not self.ended and not self._runs()):
            return  # the last containers have just ended: the end of the Pod is told in one go
        stored = self.host.store.find(PODS, self.pod["metadata"]["namespace"], self.pod["metadata"]["name"])
        if stored is None or stored["metadata"]["uid"] != self.uid:
            return
        sandbox = Sandbox(self.address, self.host.settings.host, timestamp(self.began), self.mounted, ended=self.ended)
        records = [container.record for container in self.containers]
        status = pod_status(stored, sandbox, records, timestamp(self.host.store.clock()))
        if status != stored.get("status"):
            stored = self.host.store.update(PODS, stored | {"status": status}, "status", "kubelet")
        self.pod = stored

    async def _live(self) -> None:
        self.publish()
        if not await self._mount():
            return
        self.mounted = True
        self.publish()
        sidecars = await self._initialize()
        if is_initialized(one.record for one in self.early):
            for container in self.main:
                if container.record.state.get("waiting", {}).get("reason") == "PodInitializing":
                    container.record.state = {"waiting": {"reason": "ContainerCreating"}}
            await asyncio.gather(*(container.keep() for container in self.main))
        await self._stop_sidecars(sidecars)
        self.ended = not self.stopping.is_set()
        if self.ended:
            self.publish()

    async def _mount(self) -> bool:
        """Makes the volumes, waiting for what is missing; False when the Pod goes before."""
        claims = self.host.settings.folder / "claims"
        while not self.stopping.is_set():
            try:
                self.volumes |= volumes.mount(self.host.store, self._known(), self.folder / "volumes", claims)
                return True
            except NotMounted as missing:
                self.host.recorder.record(self.pod, "Warning", "FailedMount", str(missing))
                await pause(self.host.options.retry, self.stopping, self.changed)
        return False

    async def _initialize(self) -> list[asyncio.Task[None]]:
        """Runs the init containers in order; a sidecar only has to start. Returns the sidecars that run on."""
        sidecars = []
        for container in self.early:
            if self.stopping.is_set():
                break
            if container.record.role == "init":
                await container.keep()
                if container.record.exit_code != 0:
                    break
                container.record.ready = True
                continue
            sidecars.append(asyncio.create_task(container.keep()))
            await pause(None, container.up, self.stopping)
        return sidecars

    async def _stop_sidecars(self, sidecars: list[asyncio.Task[None]]) -> None:
        """Ends the sidecars after the containers, last started first."""
        containers = [one for one in self.early if one.record.role == "sidecar"]
        for container, task in reversed([*zip(containers, sidecars, strict=False)]):
            container.leave(container.grace())
            await asyncio.wait([task])

    async def _end(self, grace: float) -> None:
        self.stopping.set()
        for container in [*self.main, *self.early]:
            if container.record.role != "sidecar":  # those follow when the others have ended
                container.leave(grace)
        done, _ = await asyncio.wait([self._life], timeout=grace + FORCED_GRACE)
        if not done:
            self.kill()
            await asyncio.wait([self._life], timeout=FORCED_GRACE)
        self._close_records()
        self.ended = True
        self.publish()
        self._forget()

    def _close_records(self) -> None:
        for container in self.main:
            record = container.record
            if "terminated" not in record.state:
                lost = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": LOST}
                record.state = {"terminated": lost | {"startedAt": None, "finishedAt": None}}
                record.ready = record.started = False

    def _forget(self) -> None:
        """Deletes the Pod from the API and all its files."""
        metadata = self.pod["metadata"]
        if not self._gone:
            try:
                self.host.store.delete(PODS, metadata["namespace"], metadata["name"], grace=0)
            except ApiError as error:
                if error.code != 404:
                    raise
        self.host.addresses.give_back(self.address)
        shutil.rmtree(self.folder, ignore_errors=True)
