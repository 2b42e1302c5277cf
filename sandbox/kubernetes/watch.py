"""Watches: one line of JSON for every change, from a resourceVersion on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.resources import Resource
from sandbox.kubernetes.selectors import Predicate
from sandbox.kubernetes.store import Event, Store

JsonObject = dict[str, Any]

DEFAULT_SECONDS = 1800
BOOKMARK_SECONDS = 60
ENCODED = 512  # lines kept, so that a hundred watches of a change encode it once


@dataclass(frozen=True)
class WatchOptions:
    """One watch: `revision` None or 0 begins with what is there."""

    resource: Resource
    namespace: str | None
    matches: Predicate
    revision: int | None
    seconds: float = DEFAULT_SECONDS
    bookmarks: bool = False
    initial_events_end: bool = False


Encoder = Callable[[JsonObject], JsonObject]


def plain(obj: JsonObject) -> JsonObject:
    """An object as it is."""
    return obj


class Lines:
    """Encoded events, kept for a while by revision and type."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], bytes] = OrderedDict()

    def of(self, event: Event, kind: str, shape: Encoder) -> bytes:
        if shape is not plain:
            return line(kind, shape(event.object))
        key = (event.revision, kind)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = line(kind, event.object)
            if len(self._kept) > ENCODED:
                self._kept.popitem(last=False)
        return found


def line(kind: str, obj: JsonObject) -> bytes:
    """One event as a line."""
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n"


async def stream(
    store: Store, request: web.Request, options: WatchOptions, lines: Lines, shape: Encoder
) -> web.StreamResponse:
    """Answers a watch until its time is over or the client goes."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    queue = store.subscribe(options.resource)
    try:
        with contextlib.suppress(ConnectionResetError):
            await _send(store, response, options, queue, lines, shape)
            await response.write_eof()
    finally:
        store.unsubscribe(queue)
    return response


async def _send(
    store: Store,
    response: web.StreamResponse,
    options: WatchOptions,
    queue: asyncio.Queue[Event],
    lines: Lines,
    shape: Encoder,
) -> None:
    try:
        await response.write(b"".join(_first(store, options, lines, shape)))
    except ApiError as error:
        await response.write(line("ERROR", error.status()))
        return
    loop = asyncio.get_running_loop()
    end = loop.time() + options.seconds
    while (left := end - loop.time()) > 0:
        try:
            events = [await asyncio.wait_for(queue.get(), min(left, BOOKMARK_SECONDS))]
        except TimeoutError:
            if options.bookmarks:
                await response.write(bookmark(store, options.resource))
            continue
        while not queue.empty():
            events.append(queue.get_nowait())
        found = [text for event in events for text in _lines(event, options, lines, shape)]
        if found:
            await response.write(b"".join(found))


def _first(store: Store, options: WatchOptions, lines: Lines, shape: Encoder) -> Iterable[bytes]:
    """What is there already: all objects, or the changes since a revision."""
    if options.revision:
        for event in store.since(options.resource, options.revision):
            yield from _lines(event, options, lines, shape)
        return
    for obj in store.view(options.resource, options.namespace):
        if options.matches(obj):
            yield line("ADDED", shape(obj))
    if options.initial_events_end:
        yield bookmark(store, options.resource, {"k8s.io/initial-events-end": "true"})


def _lines(event: Event, options: WatchOptions, lines: Lines, shape: Encoder) -> Iterable[bytes]:
    """The line of an event for this watch: an object can come into sight or go out of it."""
    if options.namespace not in (None, event.object["metadata"].get("namespace")):
        return
    matches = options.matches(event.object)
    matched = event.previous is not None and options.matches(event.previous)
    if event.type == "DELETED" or (matched and not matches):
        if matched:
            yield lines.of(event, "DELETED", shape)
    elif matches:
        yield lines.of(event, "MODIFIED" if matched else "ADDED", shape)


def bookmark(store: Store, resource: Resource, annotations: dict[str, str] | None = None) -> bytes:
    """A line that says only how far the watch is."""
    metadata: JsonObject = {"resourceVersion": str(store.revision)}
    if annotations:
        metadata["annotations"] = annotations
    return line("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})
