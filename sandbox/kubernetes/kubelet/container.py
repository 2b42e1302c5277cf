"""The life of one container: image, environment, process, probes, restarts, end."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.kubernetes.kubelet import health
from sandbox.kubernetes.kubelet.handlers import Failed
from sandbox.kubernetes.kubelet.host import Host, go_duration
from sandbox.kubernetes.kubelet.images import command_line
from sandbox.kubernetes.kubelet.launch import Launch, prepared, termination_mount
from sandbox.kubernetes.kubelet.process import Process, Usage, run_beside
from sandbox.kubernetes.kubelet.status import Record, Role
from sandbox.kubernetes.kubelet.volumes import mounts, rewritten
from sandbox.kubernetes.store import timestamp

JsonObject = dict[str, Any]

TERMINATION_MESSAGE_BYTES = 4096


@dataclass
class Throttling:
    """CPU periods of 100 ms, and how many of them the container was stopped for a part of."""

    periods: int = 0
    throttled_periods: int = 0
    throttled_seconds: float = 0.0


@dataclass(frozen=True)
class Surroundings:
    """What a container needs to know of its Pod; `pod` is asked each time."""

    host: Host
    folder: Path
    address: str
    volumes: dict[str, Path]
    pod: Callable[[], JsonObject]
    changed: asyncio.Event  # a ConfigMap or Secret was written
    publish: Callable[[], None]


class Container:
    """One container of a Pod."""

    def __init__(self, spec: JsonObject, role: Role, around: Surroundings) -> None:
        self.record = Record(spec, role)
        self.around = around
        self.process: Process | None = None
        self.throttling = Throttling()
        self.started_at: datetime | None = None
        self.finished = Usage()  # of processes that have ended
        self.out_of_memory = False
        self.kills = 0  # for want of memory
        self.up = asyncio.Event()
        self.leaving = asyncio.Event()  # it is to end and not to come back
        self._launch: Launch | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def keep(self) -> None:
        """Starts the process and starts it again, as the restart policy says, until the Pod goes."""
        crashes = 0
        while not self.leaving.is_set():
            self._launch = await prepared(self)
            if self._launch is None:
                return
            began = asyncio.get_running_loop().time()
            await self._live(self._launch)
            if self.leaving.is_set() or not self._comes_back():
                return
            options = self.around.host.options
            lasted = asyncio.get_running_loop().time() - began
            crashes = 1 if lasted > options.forgiven_after else crashes + 1
            if await self._back_off(crashes):
                return
            self.record.last = {"terminated": self._ended_as()}
            self.record.restarts += 1

    async def wait(self, reason: str, message: str, seconds: float) -> bool:
        """Shows why the container waits; True when the Pod goes meanwhile."""
        self.record.attempted = True
        self.record.state = {"waiting": {"reason": reason, "message": message}}
        self.around.publish()
        return await pause(seconds, self.leaving, self.around.changed)

    # the process

    async def _live(self, launch: Launch) -> None:
        """Runs the process once, to its end."""
        self.event("Normal", "Created", "Container created")
        termination_mount(self).target.unlink(missing_ok=True)
        self.record.attempted = True
        self.record.container_id = f"process://{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.throttling, self.out_of_memory, self._stopping = Throttling(), False, None
        self.started_at = self.around.host.store.clock()
        try:
            self.process = Process(launch.words, launch.variables, launch.directory, self._log())
        except OSError as error:
            reason = f'exec: "{launch.words[0]}": {error.strerror}'
            self.event("Warning", "Failed", f"Error: {reason}")
            self._terminated(128, "StartError", f"failed to start container: {reason}")
            return
        self.event("Normal", "Started", "Container started")
        self.record.state = {"running": {"startedAt": timestamp(self.started_at)}}
        checks = health.begin(self)
        self.around.publish()
        try:
            code = await self.process.wait()
        finally:
            checks.cancel()
        self.finished = added(self.finished, self.process.usage())
        self.process = None
        reason = "OOMKilled" if self.out_of_memory else "Completed" if code == 0 else "Error"
        self._terminated(code, reason, self._termination_message(code))

    def _terminated(self, code: int, reason: str, message: str) -> None:
        now = self.around.host.store.clock()
        state = {
            "exitCode": code,
            "reason": reason,
            "message": message,
            "startedAt": timestamp(self.started_at or now),
            "finishedAt": timestamp(now),
            "containerID": self.record.container_id,
        }
        self.record.state = {"terminated": {key: value for key, value in state.items() if value != ""}}
        self.record.ready = False
        self.record.started = False
        self.around.publish()

    def _termination_message(self, code: int) -> str:
        file = termination_mount(self).target
        if file.is_file():
            return file.read_text(errors="replace")[:TERMINATION_MESSAGE_BYTES]
        if code and self.record.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            return self._log().read_text(errors="replace")[-2048:]
        return ""

    def _log(self) -> Path:
        metadata = self.around.pod()["metadata"]
        return self.around.host.settings.log_file(
            metadata["namespace"], metadata["name"], metadata["uid"], self.record.name, self.record.restarts
        )

    # its end and its return

    def _ended_as(self) -> JsonObject:
        state: JsonObject = self.record.state.get("terminated") or self.record.last.get("terminated", {})
        return state

    def _comes_back(self) -> bool:
        policy = self.around.pod()["spec"].get("restartPolicy", "Always")
        if self.record.role == "sidecar":
            return True
        failed = self._ended_as().get("exitCode") != 0
        if self.record.role == "init":
            return failed and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and failed)

    async def _back_off(self, crashes: int) -> bool:
        """Waits before the next start; True when the Pod goes meanwhile.

        The first restart comes at once, and the second, too, of a container that the kubelet itself has ended.
        """
        free = 1 if self._stopping is None else 2
        if crashes <= free:
            return False
        options, pod = self.around.host.options, self.around.pod()["metadata"]
        seconds = min(options.back_off * 2 ** (crashes - free - 1), options.longest_back_off)
        full_name = f"{pod['name']}_{pod['namespace']}({pod['uid']})"
        ended = self._ended_as()
        message = f"Back-off restarting failed container {self.record.name} in pod {full_name}"
        self.event("Warning", "BackOff", message)
        self.record.last = {"terminated": ended}
        message = f"back-off {go_duration(seconds)} restarting failed container={self.record.name} pod={full_name}"
        self.record.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self.around.publish()
        gone = await pause(seconds, self.leaving)
        if gone:
            self.record.state = {"terminated": ended}
        return gone

    def leave(self, grace: float) -> None:
        """Ends it for good."""
        self.leaving.set()
        if self.process is not None:
            self.stop(grace, f"Stopping container {self.record.name}")

    def stop(self, grace: float, message: str) -> asyncio.Task[None]:
        """Begins to end the process: preStop, SIGTERM, and SIGKILL when `grace` seconds are over."""
        if self._stopping is None:
            self.event("Normal", "Killing", message)
            self._stopping = asyncio.create_task(self._stop(grace))
        return self._stopping

    async def _stop(self, grace: float) -> None:
        process, loop = self.process, asyncio.get_running_loop()
        if process is None:
            return
        end = loop.time() + grace
        hook = self.record.spec.get("lifecycle", {}).get("preStop")
        if hook is not None and grace > 0:
            await self._hook(hook, "PreStop", grace)
        process.send(signal.SIGTERM)
        if not await pause(max(end - loop.time(), 0), process.ended):
            process.send_all(signal.SIGKILL)

    async def hook(self, name: str) -> None:
        """Does the postStart hook; a container whose hook fails is ended."""
        given = self.record.spec.get("lifecycle", {}).get("postStart")
        if given is not None and not await self._hook(given, name, 3600):
            self.stop(self.grace(), "FailedPostStartHook")

    async def _hook(self, hook: JsonObject, name: str, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await health.handled(self, hook, seconds)
        except (Failed, TimeoutError) as error:
            self.event("Warning", f"Failed{name}Hook", f"{name}Hook failed: {error or 'timed out'}")
            return False
        return True

    def set_started(self) -> None:
        """The startup probe has succeeded, or there is none."""
        self.record.started = True
        self.up.set()

    def grace(self) -> float:
        """Seconds that the Pod gives its containers to end."""
        return float(self.around.pod()["spec"].get("terminationGracePeriodSeconds", 30))

    async def execute(self, command: list[str], seconds: float) -> tuple[int, str]:
        """Runs a command as inside the container: its exit code and the end of its output."""
        if self._launch is None:
            return 1, "container not running"
        mounted = mounts(self.record.spec, self.around.volumes)
        words = command_line([], [rewritten(word, mounted) for word in command], [])
        return await run_beside(words, self._launch.variables, self._launch.directory, seconds)

    def event(self, kind: str, reason: str, message: str) -> None:
        """Writes an Event about this container."""
        self.around.host.recorder.record(self.around.pod(), kind, reason, message, self.record.name)


def added(one: Usage, other: Usage) -> Usage:
    """CPU times summed; memory and counts are those of a moment, so not kept."""
    return Usage(one.user + other.user, one.system + other.system)


async def pause(seconds: float | None, *events: asyncio.Event) -> bool:
    """Waits, at most until one of the events is set; True when the first of them is."""
    waiters = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
    return events[0].is_set()
