"""The open loop: requests leave when they are due, whether or not earlier ones were answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from runbook_lib.errors import Unreachable
from sandbox.load.counts import Tally
from sandbox.load.users import Ask, Users

CONNECTIONS = 256
# a stall of the machine makes users wait, as it would in life; only who would wait longer than their patience fails
MOST_IN_FLIGHT = 1500
PATIENCE = 5.0
START_PATIENCE = 15.0


@dataclass(frozen=True)
class Seen:
    """One answer as its user saw it; status 0 is none, then ``failure`` says why."""

    status: int
    side: str | None
    session: str | None
    failure: str | None
    retried: bool = False


class Report(Protocol):
    """Where what the users saw goes."""

    second: Tally

    def asked(self, order_id: str, amount_cents: int) -> None:
        """One order is about to be asked for."""

    def answered(self, order_id: str, acknowledged: bool) -> None:
        """What its user was told in the end."""


class Generator:
    """Sends the users' requests to one entrance and tells a report what they saw."""

    def __init__(self, client: aiohttp.ClientSession, entrance: str, users: Users, report: Report) -> None:
        self._client, self._entrance, self._users, self._report = client, entrance, users, report
        self._flying: set[asyncio.Task[None]] = set()

    async def run(self, rate: float, seconds: float, stopping: asyncio.Event) -> None:
        """``rate`` requests a second until the time is up or it is told to stop; waits for the last answers."""
        begin = time.monotonic()
        sent = 0
        while not stopping.is_set() and sent < rate * seconds:
            due = begin + sent / rate
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self._send(self._users.next())
            sent += 1
        if self._flying:
            await asyncio.wait(self._flying, timeout=2 * PATIENCE)

    def _send(self, ask: Ask) -> None:
        if len(self._flying) >= MOST_IN_FLIGHT:
            # Bounded: a user who finds no free connection sees a failure, too.
            self._report.second.add(None, PATIENCE, "overload")
            return
        task = asyncio.get_running_loop().create_task(self._make(ask))
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)

    async def _make(self, ask: Ask) -> None:
        begin = time.perf_counter()
        if ask.kind == "order":
            self._report.asked(ask.id, ask.amount_cents)
        seen = await self._ask_twice(ask)
        tally = self._report.second
        tally.add(seen.side, time.perf_counter() - begin, seen.failure)
        tally.retried += seen.retried
        if ask.kind == "order":
            self._note_order(ask, seen.failure is None)
        elif ask.kind == "login" and seen.failure is None and seen.session:
            self._users.logged_in(seen.session)
        if seen.status == 401 and ask.session:
            self._users.lost(ask.session)

    def _note_order(self, ask: Ask, acknowledged: bool) -> None:
        self._report.answered(ask.id, acknowledged)
        if acknowledged:
            self._report.second.orders += 1
            self._report.second.amount_cents += ask.amount_cents

    async def _ask_twice(self, ask: Ask) -> Seen:
        """Again once when the connection died, as a browser would; an order keeps its id, so it is no new order."""
        try:
            return await self._ask(ask)
        except aiohttp.ClientError:
            pass
        except TimeoutError:
            return Seen(0, None, None, "timeout")
        try:
            seen = await self._ask(ask)
        except (aiohttp.ClientError, TimeoutError):
            return Seen(0, None, None, "connection", retried=True)
        return Seen(seen.status, seen.side, seen.session, seen.failure, retried=True)

    async def _ask(self, ask: Ask) -> Seen:
        headers = {"Cookie": f"session={ask.session}"} if ask.session else {}
        body: dict[str, Any] | None = None
        if ask.kind == "order":
            headers["Idempotency-Key"] = ask.id
            body = {"amount_cents": ask.amount_cents}
        elif ask.kind == "login":
            body = {"customer": ask.customer}
        async with self._client.request(ask.method, self._entrance + ask.path, headers=headers, json=body) as answer:
            await answer.read()
            failure = str(answer.status) if answer.status >= 400 else None
            session = _session(answer.headers.get("Set-Cookie", ""))
            return Seen(answer.status, answer.headers.get("X-Side"), session, failure)


def new_client() -> aiohttp.ClientSession:
    """A client that keeps its connections and no cookies: each request says whose it is."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=60)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=PATIENCE),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        auto_decompress=False,
    )


async def wait_until_open(
    client: aiohttp.ClientSession, entrance: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Return as soon as the entrance serves users; raises Unreachable after 15 s: users come when the shop is open."""
    deadline = time.monotonic() + START_PATIENCE
    problem = ""
    while time.monotonic() < deadline:
        try:
            async with client.get(f"{entrance}/orders") as answer:
                if answer.status == 200:
                    return
                problem = f"it answers {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = str(error)
        await sleep(0.1)
    raise Unreachable(f"{entrance} is not open to users after {START_PATIENCE:.0f} s: {problem}.")


def _session(cookie: str) -> str | None:
    name, _, value = cookie.partition(";")[0].partition("=")
    return value if name == "session" else None
