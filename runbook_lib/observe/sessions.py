"""Carries a session from side to side, as users' requests do while both sides serve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.observe.reach import Reply, Sender, Target
from runbook_lib.observe.smoke import value_at
from runbook_lib.sections import Request

PATIENCE = 5.0  # seconds
FORGED = "no-such-session"


@dataclass(frozen=True)
class Crossing:
    """A session made on one side and used on the other; ``forged`` is the answer to a session that nobody made.

    ``again``: back on the side that made it, which the other one may have spoilt. ``unasked``: why it was not tried.
    """

    made_on: str
    used_on: str
    login: int | None
    status: int | None
    forged: int | None
    again: int | None = None
    unasked: str = ""


@dataclass(frozen=True)
class Sessions:
    """How one logs in, where the answer holds a bearer token (None: in its cookies), and what only a session sees."""

    login: Request
    check: str
    token: str | None = None


def sessions(login: str | Request | None, check: str | None, token: str | None) -> Sessions | None:
    """The parameters' way to a session; None where they do not say one."""
    if not login or not check:
        return None
    return Sessions(Request(method="POST", path=login) if isinstance(login, str) else login, check, token)


def cross(sender: Sender, way: Sessions, made_on: Target, used_on: Target) -> Crossing:
    """Log in on one target, read with that session on another, then on the first again; only the log-in writes."""
    made = sender.send(made_on, way.login, PATIENCE)
    session = _session(way, made)
    lives = _check(sender, used_on, way, session) if session else None
    back = _check(sender, made_on, way, session | _renewed(way, lives)) if lives and session else None
    forged = _check(sender, used_on, way, dict.fromkeys(session, FORGED))
    unasked = next((reply.unasked for reply in (made, lives, back, forged) if reply and reply.unasked), "")
    return Crossing(
        made_on.name, used_on.name, made.status, _status(lives), _status(forged), _status(back), unasked=unasked
    )


def _session(way: Sessions, reply: Reply) -> dict[str, str]:
    """Cookies of the session, or its token under an empty name; empty when there is none."""
    if way.token is None:
        return reply.cookies
    token = value_at(reply.json, way.token)
    return {"": token} if isinstance(token, str) and token else {}


def _renewed(way: Sessions, reply: Reply | None) -> dict[str, str]:
    """Cookies that the other side set anew: users bring those along."""
    return reply.cookies if reply is not None and way.token is None else {}


def _check(sender: Sender, target: Target, way: Sessions, session: Mapping[str, str]) -> Reply:
    if way.token is None:
        return sender.send(target, Request(path=way.check), PATIENCE, session)
    bearer = {"Authorization": f"Bearer {session.get('', FORGED)}"}
    return sender.send(target, Request(path=way.check, headers=bearer), PATIENCE)


def _status(reply: Reply | None) -> int | None:
    return None if reply is None else reply.status
