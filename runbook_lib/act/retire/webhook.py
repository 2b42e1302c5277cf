"""Asks a platform over HTTP to end a machine, and then how far it is, until it says done or failed.

The key of the asking is the same for the same run and machine, so that it is safe to ask again after no answer, and
after the process that asked was killed: the platform does it once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from runbook_lib.clients import Clients, is_reference
from runbook_lib.errors import ChangeFailed
from runbook_lib.observe.command import named
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import WebhookRetire

PATIENCE = 10.0  # seconds for one answer
STILL_AT_IT = 409  # of the first asking with this key, by the draft for Idempotency-Key
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class _Asking:
    way: WebhookRetire
    http: requests.Session
    headers: dict[str, str]
    body: dict[str, str]
    url: str
    instance: str
    deadline: float

    def send(self, method: str, url: str) -> requests.Response | str:
        """An answer, or why there is none; redirects are not followed: they would carry the token elsewhere."""
        body = self.body if method == "POST" else None
        try:
            return self.http.request(
                method, url, json=body, headers=self.headers, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException as error:
            return type(error).__name__  # its sentence may hold the URL, and that may be a secret


def run(instance: LegacyInstance, way: WebhookRetire, clients: Clients, key: str) -> str:
    """What the platform said when it was done; ChangeFailed when it refuses, fails, or does not come to an end."""
    url = clients.secret(way.url) if is_reference(way.url) else way.url
    headers = {"Idempotency-Key": key, "Accept": "application/json"}
    if way.token is not None:
        headers["Authorization"] = f"Bearer {clients.secret(way.token)}"
    body = {"action": "retire", "instance": instance.name, "address": urlsplit(instance.url).netloc}
    end = time.monotonic() + way.timeout.total_seconds()
    asking = _Asking(way, clients.http, headers, body, named(url, instance), instance.name, end)
    answer = _asked(asking)
    while (said := _ended(asking, answer)) is None:
        place = _place(asking, answer)
        _wait(asking, f"it is still {_state(asking, answer) or 'at work'}")
        answer = _heard(asking, "GET", place) if place else _asked(asking)
    return said


def _asked(asking: _Asking) -> requests.Response:
    return _heard(asking, "POST", asking.url)


def _heard(asking: _Asking, method: str, url: str) -> requests.Response:
    """An answer that means something; asked again after none, and after one that says: not now."""
    while True:
        answer = asking.send(method, url)
        if isinstance(answer, str):
            why = f"no answer ({answer})"
        elif answer.status_code in TRY_AGAIN:
            why = f"it answered {answer.status_code}"
        elif (answer.ok and not answer.is_redirect) or answer.status_code == STILL_AT_IT:
            return answer
        else:
            told = " ".join(answer.text.split())[:300]
            raise ChangeFailed(f"the webhook refuses to retire {asking.instance}: {answer.status_code} {told}")
        _wait(asking, why)


def _ended(asking: _Asking, answer: requests.Response) -> str | None:
    """What it said when it is done, None while it is not; ChangeFailed when it failed."""
    state, told = _state(asking, answer), str(_value(answer, "message") or "")
    if state in asking.way.failed:
        raise ChangeFailed(f"the webhook could not retire {asking.instance}: {state} {told}".strip())
    if state in asking.way.done or (not state and answer.status_code in (200, 204) and not answer.content):
        return f"webhook: {state or answer.status_code} {told}".strip()
    return None


def _state(asking: _Asking, answer: requests.Response) -> str:
    return str(_value(answer, asking.way.field) or "").lower()


def _place(asking: _Asking, answer: requests.Response) -> str:
    """Where to ask how far it is; empty when it did not say: then the same is asked with the same key."""
    told = answer.headers.get("Location") or str(_value(answer, "status_url") or "")
    place = urljoin(answer.url, told) if told else ""
    if not place:
        return answer.url if answer.request.method == "GET" else ""
    if urlsplit(place)[:2] != urlsplit(asking.url)[:2]:
        raise ChangeFailed(f"the webhook that retires {asking.instance} sends us to another host; it is not followed")
    return place


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except requests.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _value(answer: requests.Response, path: str) -> Any:
    value: Any = _json(answer)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _wait(asking: _Asking, why: str) -> None:
    if time.monotonic() + asking.way.poll.total_seconds() >= asking.deadline:
        raise ChangeFailed(
            f"the webhook did not retire {asking.instance} in {asking.way.timeout}: {why}; look there, then run this "
            "again: it asks with the same key"
        )
    time.sleep(asking.way.poll.total_seconds())
