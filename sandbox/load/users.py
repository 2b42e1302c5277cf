"""The users: which request comes next, which session it belongs to, and what is remembered of its answer."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import Literal

Kind = Literal["browse", "order", "login"]
# 70 % look, 20 % order, 10 % log in.
KINDS: tuple[Kind, ...] = ("browse",) * 7 + ("order",) * 2 + ("login",)
# Some users stay for good: they meet both sides in one session.
STAYING = 20
MOST_SESSIONS = 200


@dataclass(frozen=True)
class Ask:
    """One request that a user makes; ``id`` makes an order repeatable without doubling it."""

    kind: Kind
    session: str | None
    customer: str
    id: str
    amount_cents: int

    @property
    def method(self) -> str:
        return "GET" if self.kind == "browse" else "POST"

    @property
    def path(self) -> str:
        return "/login" if self.kind == "login" else "/orders"


class Users:
    """Draws requests and keeps the living sessions."""

    def __init__(self, seed: int, run: str) -> None:
        self.customers = f"load-{run}-"
        self._draw = random.Random(seed)
        self._sessions: list[str] = []
        self._born = 0

    def next(self) -> Ask:
        """The next request; without a session an order begins with a login."""
        kind = self._draw.choice(KINDS)
        if kind == "order" and not self._sessions:
            kind = "login"
        if kind == "login":
            self._born += 1
            return Ask("login", None, f"{self.customers}{self._born}", "", 0)
        session = self._draw.choice(self._sessions) if self._sessions else None
        if kind == "browse":
            # Every other look is by somebody who has not logged in.
            return Ask("browse", session if self._draw.random() < 0.5 else None, "", "", 0)
        # The id must be new in every run, the rest repeats with the seed.
        return Ask("order", session, "", str(uuid.uuid4()), self._draw.randrange(500, 20_000))

    def logged_in(self, session: str) -> None:
        """Remember a session; when there are enough, one that is not staying ends."""
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions[self._draw.randrange(STAYING, MOST_SESSIONS)] = session
        else:
            self._sessions.append(session)

    def lost(self, session: str) -> None:
        """Forget a session that the service does not know any more."""
        if session in self._sessions:
            self._sessions.remove(session)
