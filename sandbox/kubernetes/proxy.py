"""The proxy subresource: requests for a Pod or a Service that the API server passes on, as the real one does."""

from __future__ import annotations

import random
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from sandbox.kubernetes import rbac, tokens
from sandbox.kubernetes.errors import ApiError, bad_request
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store

VERBS = {"GET": "get", "HEAD": "get", "OPTIONS": "get", "POST": "create", "PUT": "update", "PATCH": "patch"}
VERBS |= {"DELETE": "delete"}
_PATIENCE = aiohttp.ClientTimeout(total=60, connect=30)
# Authorization: the server has authenticated whoever asks with it, and passes it to nobody
_NOT_PASSED = ("authorization", "host", "connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer")


@dataclass(frozen=True)
class Way:
    """What a path leads to: `prefix` is its own part, `rest` what the target is asked."""

    namespace: str
    plural: str
    scheme: str
    name: str
    port: str
    prefix: str
    rest: str


def way(path: str) -> Way | None:
    """The Pod or Service behind `…/{pods|services}/[scheme:]name[:port]/proxy/…`; None for any other path."""
    parts = path.split("/")
    if parts[:4] != ["", "api", "v1", "namespaces"] or len(parts) < 8 or parts[7] != "proxy":
        return None
    if parts[5] not in ("pods", "services"):
        return None
    words = parts[6].split(":")
    if len(words) > 3:
        return None
    scheme, name, port = words if len(words) == 3 else ("http", *words, "")[:3]
    return Way(parts[4], parts[5], scheme or "http", name, port, "/".join(parts[:8]), "/" + "/".join(parts[8:]))


async def answer(store: Store, found: Way, asked: web.Request) -> web.Response:
    """What the target answers; ApiError 403, 404 and 503 in the API server's words."""
    verb = VERBS.get(asked.method, asked.method.lower())
    named = found.prefix.split("/")[6]  # a Role of names has to say the port, too
    wanted = rbac.Wanted(verb, "", f"{found.plural}/proxy", found.namespace, named)
    rbac.require(store, tokens.user_of(store, asked), wanted)
    host = _pod(store, found) if found.plural == "pods" else _service(store, found)
    url = f"{found.scheme}://{host}{found.rest}" + (f"?{asked.query_string}" if asked.query_string else "")
    headers = CIMultiDict((key, value) for key, value in asked.headers.items() if key.lower() not in _NOT_PASSED)
    headers["X-Forwarded-Uri"] = found.prefix + found.rest
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, auto_decompress=False) as session,
            session.request(
                asked.method, url, headers=headers, data=await asked.read(), allow_redirects=False, ssl=False
            ) as reply,
        ):
            return web.Response(body=await reply.read(), status=reply.status, headers=_passed_back(reply, found, host))
    except aiohttp.ClientConnectorError:
        raise _unavailable(f"error trying to reach service: dial tcp {host}: connect: connection refused") from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _unavailable(f"error trying to reach service: {error}") from None


def _passed_back(reply: aiohttp.ClientResponse, found: Way, host: str) -> CIMultiDict[str]:
    """The answer's headers; a redirect within the target leads through the proxy again."""
    headers = CIMultiDict(
        (key, value) for key, value in reply.headers.items() if key.lower() not in (*_NOT_PASSED, "content-length")
    )
    if location := headers.get("Location"):
        parts = urlsplit(location)
        if parts.netloc in ("", host) and parts.path.startswith("/"):
            headers["Location"] = found.prefix + parts._replace(scheme="", netloc="").geturl()
    return headers


def _pod(store: Store, found: Way) -> str:
    pod = store.peek(resource("pods", ""), found.namespace, found.name)
    address = pod.get("status", {}).get("podIP")
    if not address:
        raise bad_request("address not allowed")
    ports = [one["containerPort"] for container in pod["spec"]["containers"] for one in container.get("ports", ())]
    port = found.port or (str(ports[0]) if ports else "")
    return f"{address}:{port}" if port else str(address)


def _service(store: Store, found: Way) -> str:
    service = store.peek(resource("services", ""), found.namespace, found.name)
    ports = service["spec"].get("ports", [])
    chosen = [one for one in ports if found.port in ("", one.get("name"), str(one["port"]))]
    if not chosen or (not found.port and len(ports) > 1):
        raise _unavailable(f'no service port "{found.port}" found for service "{found.name}"')
    endpoints = store.find(resource("endpoints", ""), found.namespace, found.name) or {}
    open_now = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets", ())
        for port in subset["ports"]
        if port.get("name", "") == chosen[0].get("name", "")
        for address in subset.get("addresses", ())
    ]
    if not open_now:
        raise _unavailable(f'no endpoints available for service "{found.name}"')
    return random.choice(open_now)


def _unavailable(message: str) -> ApiError:
    return ApiError(503, message, reason="ServiceUnavailable")
