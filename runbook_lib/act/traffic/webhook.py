"""Any load balancer or registry behind HTTP: GET returns {"weight": n}, PUT sets it.

Where the server gives an ETag, it refuses what was meant for another weight than the one that was read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from runbook_lib.act.traffic import foreign
from runbook_lib.act.traffic.foreign import Knob, Trouble
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients, is_reference
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.model import Change
from runbook_lib.sections.traffic import Webhook

_MOST = 64 * 1024
_FORM = '{"weight": n}, n a whole percent from 0 to 100'
_TAKEN = {200, 201, 202, 204}
_OUTRUN = 412
_TRIES = 5


@dataclass(frozen=True)
class _Answer:
    status: int
    kind: str
    tag: str | None
    body: bytes


class _Late(Exception):
    """No whole answer came; whether the request was carried out is not known."""


def read(knob: Webhook, clients: Clients) -> Standing:
    """What GET says; BadParameters when that is no weight, Unreachable when there is no answer or an error."""
    weight, _ = _look(knob, clients)
    return Standing(weight, False, weight)


def shift(knob: Webhook, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """PUT ``weight`` and read it back; raises ChangeFailed and says what stands now."""
    return foreign.move(_knob(knob, clients), weight, expected)


def restore(knob: Webhook, clients: Clients, held: Any) -> Change:
    """PUT the weight that stood once."""
    return foreign.restore(_knob(knob, clients), held)


def preflight(knob: Webhook, clients: Clients) -> None:
    """Unreachable or BadParameters when it does not tell the weight."""
    _look(knob, clients)


def _knob(knob: Webhook, clients: Clients) -> Knob:
    """What is read first gives the ETag that what is written must meet; what is read back gives none."""
    tags: list[str | None] = []

    def look() -> int:
        weight, tag = _look(knob, clients)
        tags.append(tag)
        return weight

    def put(weight: int) -> Trouble | None:
        return _put(knob, clients, weight, tags[0] if tags else None)

    return Knob(look, put, f"GET {_place(knob)} (traffic.knob.url)", knob.timeout.total_seconds())


def _look(knob: Webhook, clients: Clients) -> tuple[int, str | None]:
    """The weight and, where the server gives a strong one, its ETag."""
    where = f"the webhook {_place(knob)}"
    try:
        answer = _ask(knob, clients, "GET")
    except (_Late, ConnectionRefusedError) as error:
        raise Unreachable(f"{where} {error}; nothing was changed") from None
    if answer.status != 200:
        kind = Unreachable if answer.status >= 500 or answer.status == 429 else BadParameters
        raise kind(f"{where} {_status(answer)}; nothing was changed")
    try:
        weight = json.loads(answer.body)["weight"]
    except (ValueError, TypeError, KeyError, RecursionError):
        kind_said = answer.kind or "something"
        raise BadParameters(f"{where} answers {kind_said} that is not {_FORM}; check traffic.knob.url") from None
    if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= 100:
        raise BadParameters(f"{where} says that the weight is {str(weight)[:40]!r}; needed is {_FORM}")
    return weight, answer.tag


def _put(knob: Webhook, clients: Clients, weight: int, tag: str | None) -> Trouble | None:
    """One PUT; a way back to 0 that somebody else outran is tried again, and at last whatever stands there."""
    where = f"the webhook {_place(knob)}"
    for left in reversed(range(1 if weight else _TRIES)):
        try:
            answer = _ask(knob, clients, "PUT", weight, tag if left or weight else None)
        except ConnectionRefusedError as error:
            return Trouble(f"{where} {error}", late=False)
        except _Late as error:
            return Trouble(f"{where} {error} to the change", late=True)
        if answer.status in _TAKEN:
            return None
        if answer.status != _OUTRUN:
            return Trouble(f"{where} {_status(answer)}", late=answer.status >= 500)
        if left:
            tag = _tag_now(knob, clients)
    return Trouble(f"{where} refuses the change: somebody else changed the weight since it was read", late=False)


def _tag_now(knob: Webhook, clients: Clients) -> str | None:
    try:
        return _look(knob, clients)[1]
    except (Unreachable, BadParameters):
        return None


def _ask(knob: Webhook, clients: Clients, method: str, weight: int | None = None, tag: str | None = None) -> _Answer:
    """One request and its whole answer within the time-out; no error tells the address, which may be a secret."""
    deadline = time.monotonic() + (limit := knob.timeout.total_seconds())
    url, bearer = clients.secret(knob.url) if is_reference(knob.url) else knob.url, _bearer(knob, clients)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | ({"If-Match": tag} if tag else {})
    payload = None if weight is None else {"weight": weight}
    try:
        with clients.http.request(
            method, url, json=payload, headers=headers, auth=bearer, timeout=limit, allow_redirects=False, stream=True
        ) as answer:
            return _whole(answer, deadline)
    except (requests.Timeout, ReadTimeoutError):
        raise _Late(f"gave no answer within {limit:g} s") from None
    except requests.ConnectionError as error:
        if "refused" in str(error):
            raise ConnectionRefusedError("refuses connections: check traffic.knob.url and that it runs") from None
        raise _Late("hung up before it answered, or cannot be reached") from None
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema):
        raise BadParameters(f"the address of {_place(knob)} is no http(s) URL; check traffic.knob.url") from None
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _Late(f"gave no whole answer ({type(error).__name__})") from None


def _whole(answer: requests.Response, deadline: float) -> _Answer:
    """The answer with the beginning of its body; a server that speaks slowly is as late as one that is silent."""
    body = b""
    while len(body) <= _MOST and (piece := answer.raw.read1(_MOST)):
        body += piece
        if time.monotonic() > deadline:
            raise requests.Timeout
    tag = answer.headers.get("ETag")
    strong = tag if tag and not tag.startswith("W/") else None  # If-Match never meets a weak one
    return _Answer(answer.status_code, answer.headers.get("Content-Type", "").partition(";")[0][:40], strong, body)


def _bearer(knob: Webhook, clients: Clients) -> Callable[[requests.PreparedRequest], requests.PreparedRequest] | None:
    """Puts the token on a request; as a header alone it would give way to what ~/.netrc says."""
    if knob.token is None:
        return None
    token = clients.secret(knob.token).strip()
    if not token or not token.isascii() or not token.isprintable():
        raise BadParameters(
            f"the token behind {knob.token} cannot stand in a header; it is empty or more than one line"
        )

    def put(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return put


def _status(answer: _Answer) -> str:
    status = answer.status
    if 300 <= status < 400:
        return f"sends us elsewhere (status {status}), and nothing is sent there: name the address itself"
    if status in (401, 403):
        return f"does not let us in (status {status}): check traffic.knob.token and what it may do"
    if status >= 500:
        return f"is in trouble (status {status}): look at its log"
    return f"refuses it (status {status}): check traffic.knob.url and what the server allows"


def _place(knob: Webhook) -> str:
    """Where it is, without what could be a secret of it."""
    return knob.url if is_reference(knob.url) else urlsplit(knob.url).netloc.rpartition("@")[2]
