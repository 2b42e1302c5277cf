"""What the order service answers to each path."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable

from runbook_lib.errors import Unreachable
from sandbox.order_service.faults import Faults, FaultsFile
from sandbox.order_service.http import Request, Response
from sandbox.order_service.metrics import Metrics
from sandbox.order_service.sessions import LIFETIME, Sessions
from sandbox.order_service.settings import Settings
from sandbox.order_service.store import Order, Store, timestamp

MOST_CENTS = 100_000_00
_COOKIE = re.compile(r"(?:^|;\s*)session=([0-9a-f]{32})")
_KEY = re.compile(r"[A-Za-z0-9._-]{8,64}")
_CUSTOMER = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class Refused(Exception):
    """The request is answered with that status and sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Service:
    """The order service apart from sockets; ``draining`` is set when it was told to stop."""

    def __init__(self, settings: Settings, store: Store, sessions: Sessions, faults: FaultsFile) -> None:
        self.draining = False
        self._settings, self._store, self._sessions, self._faults = settings, store, sessions, faults
        self._metrics = Metrics()
        self._own = {"/healthz": self._health, "/ready": self._ready, "/metrics": self._scrape}
        self._routes: dict[tuple[str, str], Callable[[Request, Faults], Awaitable[Response]]] = {
            ("GET", "/orders"): self._list,
            ("POST", "/orders"): self._take,
            ("POST", "/login"): self._login,
        }

    async def respond(self, request: Request) -> Response:
        """Answer one request; those of users are counted, timed and subject to faults."""
        if request.path in self._own:
            return self._own[request.path]() if request.method == "GET" else _error(405, "GET only")
        begin = time.perf_counter()
        response = await self._respond_to_user(request)
        self._metrics.observe(request.method, request.path, response.status, time.perf_counter() - begin)
        return response

    async def _respond_to_user(self, request: Request) -> Response:
        faults = self._faults.current()
        if faults.latency:
            await asyncio.sleep(faults.latency)
        if faults.errors and random.random() < faults.errors:
            return _error(500, "a fault was switched on")
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = [method for method, path in self._routes if path == request.path]
            return _error(405, f"{' or '.join(known)} only") if known else _error(404, "no such path")
        try:
            return await route(request, faults)
        except Refused as error:
            return _error(error.status, str(error))
        except (Unreachable, sqlite3.OperationalError) as error:
            print(f"{request.method} {request.path} answered 503: {error}", flush=True)
            return _error(503, "a store does not answer")

    async def _list(self, request: Request, faults: Faults) -> Response:
        # Anybody may look; who shows a session expects it to be alive.
        customer = await self._customer(request, faults) if "cookie" in request.headers else None
        orders = [_plain(order) for order in self._store.latest()]
        return _json(200, {"customer": customer, "orders": orders})

    async def _take(self, request: Request, faults: Faults) -> Response:
        customer = await self._customer(request, faults)
        amount = _fields(request).get("amount_cents")
        if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= MOST_CENTS:
            raise Refused(400, f"amount_cents is a whole number from 1 to {MOST_CENTS}")
        key = _order_id(request)
        written = int(amount * (1 - faults.wrong_amount))
        order = Order(key, self._settings.side, self._settings.instance, customer, written, timestamp())
        # In a thread: another process may hold the write lock, and other users need not wait for it.
        kept = await asyncio.get_running_loop().run_in_executor(None, self._store.add, order)
        if kept is not order and kept.customer != customer:
            raise Refused(409, "that key belongs to somebody else's order")
        if kept is not order:
            return _json(200, _plain(kept))
        return _json(201, _plain(order) | {"amount_cents": amount})

    async def _login(self, request: Request, faults: Faults) -> Response:
        customer = _fields(request).get("customer", f"guest-{uuid.uuid4().hex[:12]}")
        if not isinstance(customer, str) or not _CUSTOMER.fullmatch(customer):
            raise Refused(400, "customer is 1 to 64 letters, digits, dots, dashes")
        token = await self._sessions.create(customer)
        cookie = f"session={token}; Path=/; Max-Age={LIFETIME}; HttpOnly; SameSite=Lax"
        response = _json(200, {"customer": customer})
        return Response(200, response.body, headers={"Set-Cookie": cookie})

    async def _customer(self, request: Request, faults: Faults) -> str:
        cookie = _COOKIE.search(request.headers.get("cookie", ""))
        if cookie is None:
            raise Refused(401, "log in first")
        if faults.session_loss and random.random() < faults.session_loss:
            raise Refused(401, "the session is gone")
        customer = await self._sessions.customer(cookie[1])
        if customer is None:
            raise Refused(401, "the session is gone")
        return customer

    def _health(self) -> Response:
        return _json(200, {"status": "alive"})

    def _ready(self) -> Response:
        return _error(503, "draining") if self.draining else _json(200, {"status": "ready"})

    def _scrape(self) -> Response:
        return Response(200, self._metrics.text(), "text/plain; version=0.0.4; charset=utf-8")


def _fields(request: Request) -> dict[str, object]:
    try:
        content = json.loads(request.body) if request.body else {}
    except ValueError as error:
        raise Refused(400, "the body is no JSON") from error
    if not isinstance(content, dict):
        raise Refused(400, "the body is no JSON object")
    return content


def _plain(order: Order) -> dict[str, object]:
    # dataclasses.asdict copies deeply, which was a quarter of the cost of a request.
    return dict(vars(order))


def _order_id(request: Request) -> str:
    """The client's own key, else the one a proxy in front gave the request, which covers the proxy's retries."""
    key = request.headers.get("idempotency-key") or request.headers.get("x-request-id") or str(uuid.uuid4())
    if not _KEY.fullmatch(key):
        raise Refused(400, "Idempotency-Key and X-Request-Id are 8 to 64 letters, digits, dots, dashes")
    return key


def _json(status: int, content: dict[str, object]) -> Response:
    return Response(status, json.dumps(content).encode())


def _error(status: int, message: str) -> Response:
    return _json(status, {"error": message})
