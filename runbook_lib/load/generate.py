"""An open load generator: requests leave when they are due, whether or not those before were answered.

Arrivals are a Poisson process, as those of many users are: their number is fixed and each falls anywhere in the step.
Locust and most others are closed (so many users who wait for answers) and measure coordinated omission; those that are
open (k6, wrk2, vegeta) are no Python packages. aiohttp's client is what the official Kubernetes client brings anyway.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

MOST_OPEN = 800  # connections: below the usual limit of open files
AHEAD = 0.05  # seconds before the first request is due


@dataclass(frozen=True, repr=False)
class Wanted:
    """One request of the mix, ready to be sent; it may hold a token, so that it prints as nothing."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    status: int
    share: float = 1.0


@dataclass(frozen=True)
class Shot:
    """One request: when it was due, sent and answered, in seconds of the step; None: never. ``good``: as expected."""

    due: float
    sent: float | None
    answered: float | None
    good: bool


@dataclass
class Barrage:
    """Everything that one step sent so far; ``stop`` ends it at once."""

    shots: list[Shot] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    broken: str = ""

    def fire(self, mix: Sequence[Wanted], rate: float, seconds: float, patience: float, seed: int) -> None:
        """Send ``rate`` requests a second; returns when all are answered or out of patience. For a thread."""
        try:
            asyncio.run(self._fire(mix, rate, seconds, patience, seed))
        except OSError as error:  # no more files, no more memory: ours, and said as such
            self.broken = f"the generator broke off: {error.strerror or error}"
        finally:
            self.begun.set()

    async def _fire(self, mix: Sequence[Wanted], rate: float, seconds: float, patience: float, seed: int) -> None:
        dice, loop = random.Random(seed), asyncio.get_running_loop()
        due = sorted(dice.uniform(0, seconds) for _ in range(max(1, round(rate * seconds))))
        chosen = dice.choices(mix, [one.share for one in mix], k=len(due))
        open_now: set[asyncio.Task[None]] = set()
        timeout = aiohttp.ClientTimeout(total=patience)
        jar = aiohttp.DummyCookieJar()  # each request is another user's
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as session:
            start = loop.time() + AHEAD
            self.begun.set()
            for moment, wanted in zip(due, chosen, strict=True):
                await asyncio.sleep(max(0.0, start + moment - loop.time()))
                if self.stop.is_set():
                    break
                if len(open_now) >= MOST_OPEN:
                    self.shots.append(Shot(moment, None, None, good=False))
                    continue
                task = loop.create_task(self._one(session, wanted, moment, start))
                open_now.add(task)
                task.add_done_callback(open_now.discard)
            if open_now:
                await asyncio.wait(open_now, timeout=0.2 if self.stop.is_set() else patience + 1)

    async def _one(self, session: aiohttp.ClientSession, wanted: Wanted, due: float, start: float) -> None:
        loop = asyncio.get_running_loop()
        sent, answered, good = loop.time() - start, None, False
        try:
            async with session.request(
                wanted.method, wanted.url, headers=wanted.headers, data=wanted.body, allow_redirects=False
            ) as reply:
                await reply.read()
                answered, good = loop.time() - start, reply.status == wanted.status
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
            pass  # not answered: that is what the shot says
        self.shots.append(Shot(due, sent, answered, good))
