"""The HTTP side of the embedded API: routes requests, shapes answers, goes away while `api_down` is on."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web

from sandbox.kubernetes import (
    definitions,
    discovery,
    logs,
    objects,
    proxy,
    rbac,
    request,
    selectors,
    table,
    tokens,
    watch,
)
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.request import Target
from sandbox.kubernetes.settings import Settings
from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]

LARGEST_BODY = 3 * 1024 * 1024
CHECK_SECONDS = 0.1  # how often the file of faults is looked at
OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
AGGREGATED = "as=APIGroupDiscoveryList"
ONE_NAME = re.compile(r"metadata\.name==?([^,=!]+)")

log = logging.getLogger(__name__)


class Server:
    """One listening API server over a store. State: the socket, and whether it is meant to be open."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._lines = watch.Lines()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    async def start(self) -> Settings:
        """Listens; returns the settings with the port that was got."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A client that goes away ends its watch: nothing else would tell.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await self.open()
        return self.settings

    async def open(self) -> None:
        """Begins to listen, again after `close` on the same port."""
        if self._runner is None or self._site is not None:
            return
        site = web.TCPSite(self._runner, self.settings.host, self.settings.port, reuse_address=True)
        await site.start()
        self._site = site
        self.settings = replace(self.settings, port=self._runner.addresses[0][1])

    async def close(self) -> None:
        """Refuses connections and drops those that are there, as a server that is down does."""
        if self._runner is None or self._site is None:
            return
        await self._site.stop()
        self._site = None
        server = self._runner.server
        for connection in list(server.connections) if server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self) -> None:
        """Ends for good."""
        await self.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def follow_faults(self) -> None:
        """Opens and closes the server as the range's `api_down` says, until cancelled."""
        seen: float | None = None
        while True:
            changed = _modified(self.settings)
            if changed != seen:
                seen = changed if await self._obey() else None
            await asyncio.sleep(CHECK_SECONDS)

    async def _obey(self) -> bool:
        """Opens or closes as the faults say now; False when the port is taken, to be tried again."""
        try:
            await (self.close() if _api_down(self.settings) else self.open())
        except OSError as error:
            log.error("the API cannot listen on %s: %s", self.settings.url, error)
            return False
        return True

    # requests

    async def _handle(self, asked: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(asked)
        except ApiError as error:
            return _json(error.status(), error.code)
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {LARGEST_BODY}"
            return _json(ApiError(413, message, reason="RequestEntityTooLarge").status(), 413)

    async def _answer(self, asked: web.Request) -> web.StreamResponse:
        path = asked.path
        if path in ("/healthz", "/livez", "/readyz"):
            return web.Response(text="ok")
        accept = asked.headers.get("Accept", "")
        aggregated = AGGREGATED in accept
        address = f"{self.settings.host}:{self.settings.port}"
        if path == "/openapi/v2" and "protobuf" in accept:
            return web.Response(body=b"", content_type=OPENAPI_V2)  # an empty document: old kubectls read no other form
        defined = definitions.served(self.store)
        found = discovery.document(path, aggregated, address, defined)
        if found is not None:
            kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" if aggregated else None
            return _json(found, 200, kind if found.get("kind") == "APIGroupDiscoveryList" else None)
        if (way := proxy.way(asked.rel_url.raw_path)) is not None:
            return await proxy.answer(self.store, way, asked)
        target = request.target(path, defined)
        if target is None:
            return _unknown_path(path)
        return await self._on_objects(target, asked)

    async def _on_objects(self, target: Target, asked: web.Request) -> web.StreamResponse:
        store = self.store
        user = tokens.user_of(store, asked)
        rbac.require(store, user, _wanted(target, asked))
        match asked.method:
            case "GET" if target.name is None or request.flag(asked, "watch"):
                return await self._many(target, asked)
            case "GET" if target.subresource == "log":
                return await logs.answer(store, self.settings, target, asked)
            case "GET" if "get" in target.resource.verbs:
                return self._shaped(objects.get(store, target), target, asked)
            case "POST":
                return _written(*await objects.create(store, target, asked, user))
            case "PUT":
                return _written(*await objects.update(store, target, asked))
            case "PATCH":
                return _written(*await objects.patched(store, target, asked, user))
            case "DELETE" if target.subresource is None and target.name is not None:
                return _json(await objects.delete(store, target, asked), 200)
            case "DELETE" if target.subresource is None and "deletecollection" in target.resource.verbs:
                return _json(await objects.delete_collection(store, target, asked), 200)
            case _:
                raise objects.not_allowed()

    async def _many(self, target: Target, asked: web.Request) -> web.StreamResponse:
        if "list" not in target.resource.verbs:
            raise objects.not_allowed()
        if not request.flag(asked, "watch"):
            return self._shaped(objects.listed(self.store, target, asked), target, asked)
        labels = selectors.by_labels(asked.query.get("labelSelector"))
        fields = selectors.by_fields(asked.query.get("fieldSelector"), target.resource)
        options = watch.WatchOptions(
            target.resource,
            target.namespace,
            lambda obj: (target.name in (None, obj["metadata"]["name"])) and labels(obj) and fields(obj),
            request.number(asked, "resourceVersion"),
            request.number(asked, "timeoutSeconds") or watch.DEFAULT_SECONDS,
            request.flag(asked, "allowWatchBookmarks"),
            request.flag(asked, "sendInitialEvents"),
        )
        shape: watch.Encoder = watch.plain
        if table.wanted(asked):
            shape = table.of_event(target.resource, self.store.clock)
        return await watch.stream(self.store, asked, options, self._lines, shape)

    def _shaped(self, answer: JsonObject, target: Target, asked: web.Request) -> web.Response:
        if table.wanted(asked) and target.subresource is None:
            include = asked.query.get("includeObject", "Metadata")
            return _json(table.of(target.resource, answer, self.store.clock(), include), 200)
        return _json(answer, 200)


def _wanted(target: Target, asked: web.Request) -> rbac.Wanted:
    """What must be allowed for a request; one name in the field selector counts as the name."""
    name = target.name
    if name is None and (found := ONE_NAME.fullmatch(asked.query.get("fieldSelector", ""))):
        name = found[1]
    match asked.method:
        case "GET" | "HEAD" if request.flag(asked, "watch"):
            verb = "watch"
        case "GET" | "HEAD":
            verb = "list" if target.name is None else "get"
        case "DELETE":
            verb = "deletecollection" if target.name is None else "delete"
        case method:
            verb = {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method, method.lower())
    return rbac.wanted_of(target.resource, verb, target.namespace, name, target.subresource)


def _written(code: int, obj: JsonObject, warnings: list[str]) -> web.Response:
    response = _json(obj, code)
    for warning in warnings:
        response.headers.add("Warning", f'299 - "{warning.replace(chr(34), chr(92) + chr(34))}"')
    return response


def _json(value: JsonObject, code: int, content_type: str | None = None) -> web.Response:
    body = json.dumps(value, separators=(",", ":")).encode()
    headers = {"Content-Type": content_type or "application/json", "Cache-Control": "no-cache, private"}
    return web.Response(body=body, status=code, headers=headers)


def _unknown_path(path: str) -> web.Response:
    """404: of a resource in a Status, of anything else in plain text."""
    if path.startswith(("/api/", "/apis/")) and len(path.split("/")) > 4:
        error = ApiError(404, "the server could not find the requested resource", details={})
        return _json(error.status(), 404)
    return web.Response(text="404 page not found\n", status=404)


def _modified(settings: Settings) -> float:
    try:
        return settings.faults_file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0.0


def _api_down(settings: Settings) -> bool:
    try:
        faults = json.loads(settings.faults_file.read_text())
    except FileNotFoundError:
        return False
    except json.JSONDecodeError:
        log.warning("%s is no JSON: the API stays up", settings.faults_file)
        return False
    return (faults.get("range") or {}).get("api_down") is True


@asynccontextmanager
async def serving(store: Store, settings: Settings) -> AsyncIterator[Settings]:
    """The API over a store for as long as the context lasts; gives the settings with the port in use."""
    server = Server(store, settings)
    settings = await server.start()
    follower = asyncio.create_task(server.follow_faults())
    try:
        yield settings
    finally:
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
        await server.stop()
