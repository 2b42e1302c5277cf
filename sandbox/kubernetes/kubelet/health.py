"""The probes and hooks of a running container, and what follows from their answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.kubernetes.kubelet import handlers
from sandbox.kubernetes.kubelet.probes import Timing, until_success, watch

if TYPE_CHECKING:
    from sandbox.kubernetes.kubelet.container import Container

JsonObject = dict[str, Any]


def begin(container: Container) -> asyncio.Task[None]:
    """Sets what holds before the first answer, and watches until the task is cancelled."""
    record = container.record
    if "startupProbe" not in record.spec:
        container.set_started()
    record.ready = record.started and "readinessProbe" not in record.spec and record.role != "init"
    return asyncio.create_task(_watch(container))


async def handled(container: Container, handler: JsonObject, seconds: float) -> None:
    """Does what a probe or hook of a container asks for; raises handlers.Failed."""
    ports = {one["name"]: one["containerPort"] for one in container.record.spec.get("ports", ()) if "name" in one}
    await handlers.handle(handler, container.around.address, ports, container.execute, seconds)


async def _watch(container: Container) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(container.hook("PostStart"))
        spec = container.record.spec
        if "startupProbe" in spec and not await _has_started(container, spec["startupProbe"]):
            return
        if "readinessProbe" in spec:
            group.create_task(_readiness(container, spec["readinessProbe"]))
        if "livenessProbe" in spec:
            group.create_task(_liveness(container, spec["livenessProbe"]))


async def _has_started(container: Container, probe: JsonObject) -> bool:
    async def ask(seconds: float) -> None:
        await handled(container, probe, seconds)

    started = await until_success(Timing.of(probe), ask, lambda message: _complain(container, "Startup", message))
    record = container.record
    if not started:
        _restart(container, probe, "startup")
        return False
    container.set_started()
    record.ready = "readinessProbe" not in record.spec
    container.around.publish()
    return True


async def _readiness(container: Container, probe: JsonObject) -> None:
    async def ask(seconds: float) -> None:
        await handled(container, probe, seconds)

    def tell(ready: bool) -> None:
        if container.record.ready != ready:
            container.record.ready = ready
            container.around.publish()

    def complain(message: str) -> None:
        _complain(container, "Readiness", message)

    await watch(Timing.of(probe), ask, tell, complain, eager=True)


async def _liveness(container: Container, probe: JsonObject) -> None:
    async def ask(seconds: float) -> None:
        await handled(container, probe, seconds)

    def tell(alive: bool) -> None:
        if not alive:
            _restart(container, probe, "liveness")

    def complain(message: str) -> None:
        if not container.leaving.is_set():
            _complain(container, "Liveness", message)

    await watch(Timing.of(probe), ask, tell, complain)


def _complain(container: Container, kind: str, message: str) -> None:
    container.event("Warning", "Unhealthy", f"{kind} probe failed: {message}")


def _restart(container: Container, probe: JsonObject, kind: str) -> None:
    if not container.leaving.is_set():
        grace = probe.get("terminationGracePeriodSeconds", container.grace())
        container.stop(grace, f"Container {container.record.name} failed {kind} probe, will be restarted")
