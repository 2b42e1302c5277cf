"""The list and watch of one kind of object: keeps what it knows while the API is away."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from sandbox.plan import Address

PATIENCE = 5.0
# A watch ends by itself and is taken up where it ended; the server sends nothing while nothing happens.
WATCH_SECONDS = 30
LONGEST_WAIT = 1.0


class Expired(Exception):
    """The resourceVersion is too old to go on from: list again."""


class Objects:
    """The objects of one kind in one namespace, by name, and how far they have been read."""

    def __init__(self, server: Address, resource: str, namespace: str) -> None:
        """``resource``: group, version and plural, as in ``discovery.k8s.io/v1/endpointslices``."""
        group, _, plural = resource.rpartition("/")
        self._server = server
        self._path = f"/{'apis' if '/' in group else 'api'}/{group}/namespaces/{namespace}/{plural}"
        self._known: dict[str, dict[str, Any]] = {}
        self._version: str | None = None

    @property
    def known(self) -> list[dict[str, Any]]:
        """What is known now."""
        return list(self._known.values())

    def read_on(self) -> Iterator[None]:
        """Yields after everything that was learnt; ends when the watch ends. Raises OSError, HTTPException, Expired."""
        if self._version is None:
            self._list()
            yield
        for event in self._watch(self._version or ""):
            self._take(event)
            yield

    def forget_version(self) -> None:
        """List anew the next time; what is known stays until then."""
        self._version = None

    def _list(self) -> None:
        connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=PATIENCE)
        try:
            content = json.loads(self._get(connection, {}).read())
        finally:
            connection.close()
        self._known = {one["metadata"]["name"]: one for one in content["items"]}
        self._version = content["metadata"]["resourceVersion"]

    def _watch(self, version: str) -> Iterator[dict[str, Any]]:
        connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=WATCH_SECONDS + PATIENCE)
        wish = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS)}
        wish["allowWatchBookmarks"] = "true"
        try:
            response = self._get(connection, wish)
            while line := response.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def _get(self, connection: http.client.HTTPConnection, query: dict[str, str]) -> http.client.HTTPResponse:
        connection.request("GET", f"{self._path}?{urlencode(query)}", headers={"Accept": "application/json"})
        response = connection.getresponse()
        if response.status == 410:
            raise Expired
        if response.status != 200:
            raise http.client.HTTPException(f"the API answers {response.status}")
        return response

    def _take(self, event: dict[str, Any]) -> None:
        found = event["object"]
        if event["type"] == "ERROR":
            if found.get("code") == 410:
                raise Expired
            raise http.client.HTTPException(f"the watch ended: {found.get('message', found)}")
        self._version = found["metadata"]["resourceVersion"]
        if event["type"] == "DELETED":
            self._known.pop(found["metadata"]["name"], None)
        elif event["type"] in ("ADDED", "MODIFIED"):
            self._known[found["metadata"]["name"]] = found


def follow(objects: Objects, changed: Callable[[list[dict[str, Any]]], None], sleep: Callable[[float], None]) -> None:
    """Call ``changed`` after everything that is learnt, for ever; an API that is away is asked again and again.

    Never gives an opinion while the API is away: the Pods may well be running.
    """
    wait = 0.1
    complained = False
    while True:
        try:
            for _ in objects.read_on():
                changed(objects.known)
                wait, complained = 0.1, False
            continue
        except Expired:
            objects.forget_version()
        except (OSError, http.client.HTTPException, ValueError) as error:
            # After a break it may be another store with versions of its own.
            objects.forget_version()
            if not complained:
                print(f"the Kubernetes API is away, what was known last stays: {error}", flush=True)
                complained = True
        sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
