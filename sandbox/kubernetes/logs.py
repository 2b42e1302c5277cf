"""What containers wrote: pods/log."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.kubernetes import request
from sandbox.kubernetes.errors import bad_request
from sandbox.kubernetes.request import Target
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

POLL_SECONDS = 0.1


async def answer(store: Store, settings: Settings, target: Target, asked: web.Request) -> web.StreamResponse:
    """The log of one container, all of it or its tail, followed while it runs when asked."""
    pod = store.peek(target.resource, target.namespace, str(target.name))
    container = _container(pod, asked.query.get("container"))
    file = _file(settings, pod, container, previous=request.flag(asked, "previous"))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(asked)
    whole = _from(file, 0)
    await response.write(_tail(whole, request.number(asked, "tailLines")))
    if request.flag(asked, "follow"):
        with contextlib.suppress(ConnectionResetError):
            await _follow(store, target, pod["metadata"]["uid"], container, file, len(whole), response)
    with contextlib.suppress(ConnectionResetError):
        await response.write_eof()
    return response


def _container(pod: JsonObject, asked: str | None) -> str:
    names = [item["name"] for item in pod["spec"]["containers"] + pod["spec"].get("initContainers", [])]
    pod_name = pod["metadata"]["name"]
    if asked is None:
        if len(pod["spec"]["containers"]) == 1:
            return str(names[0])
        raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(names)}]")
    if asked not in names:
        raise bad_request(f"container {asked} is not valid for pod {pod_name}")
    return asked


def _status(pod: JsonObject, container: str) -> JsonObject:
    status = pod.get("status", {})
    found = [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
    return next((item for item in found if item["name"] == container), {})


def _file(settings: Settings, pod: JsonObject, container: str, *, previous: bool) -> Path:
    """The file of the run that is asked for; ApiError 400 when the container has not run."""
    metadata, status = pod["metadata"], _status(pod, container)
    place = f'container "{container}" in pod "{metadata["name"]}"'
    state, last = status.get("state", {}), status.get("lastState", {})
    run: int = status.get("restartCount", 0)
    if previous and "terminated" not in last:
        raise bad_request(f"previous terminated {place} not found")
    if previous and "waiting" not in state:
        run -= 1  # while it waits to be started again, the last run is the one before
    if not previous and not last and ("waiting" in state or not status):
        raise bad_request(f"{place} is {_waits_for(state)}")
    return settings.log_file(metadata["namespace"], metadata["name"], metadata["uid"], container, run)


def _waits_for(state: JsonObject) -> str:
    reason = state.get("waiting", {}).get("reason", "ContainerCreating")
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        return "trying and failing to pull image"
    return f"waiting to start: {reason}"


def _from(file: Path, position: int) -> bytes:
    """What a log holds from a position on; nothing when the container has not written yet."""
    try:
        with file.open("rb") as opened:
            opened.seek(position)
            return opened.read()
    except FileNotFoundError:
        return b""


def _tail(text: bytes, lines: int | None) -> bytes:
    if lines is None:
        return text
    kept = text.splitlines(keepends=True)
    return b"".join(kept[len(kept) - lines :]) if lines < len(kept) else text


async def _follow(
    store: Store, target: Target, uid: str, container: str, file: Path, position: int, response: web.StreamResponse
) -> None:
    """Sends what is added until the container has ended."""
    while True:
        pod = store.find(target.resource, target.namespace, str(target.name))
        ended = (
            pod is None or pod["metadata"]["uid"] != uid or "running" not in _status(pod, container).get("state", {})
        )
        added = _from(file, position)
        if added:
            position += len(added)
            await response.write(added)
        if ended:
            return
        await asyncio.sleep(POLL_SECONDS)
