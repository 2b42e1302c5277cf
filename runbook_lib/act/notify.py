"""Tells people: a post to each contact that is a webhook, and to the webhook of the gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests

from runbook_lib.clients import Clients, is_reference
from runbook_lib.errors import RunbookError
from runbook_lib.model import Change, now
from runbook_lib.sections import Contact

PATIENCE = 5.0  # seconds


def notify(http: requests.Session, contacts: Sequence[Contact], text: str) -> Change:
    """Post ``{"text": …}`` to every contact whose reach is a URL; a deaf chat never stops a runbook, it is noted."""
    told, failed, by_hand = [], [], []
    for contact in contacts:
        if not contact.reach.startswith(("http://", "https://")):
            by_hand.append(f"{contact.name} ({contact.reach})")
        elif problem := _send(http, contact.reach, {"text": text}):
            failed.append(f"{contact.name} ({problem})")
        else:
            told.append(contact.name)
    note = "; ".join(
        f"{what}: {', '.join(who)}" for what, who in (("not reached", failed), ("tell by hand", by_hand)) if who
    )
    return Change("notify the contacts", None, {"told": told, "text": text}, bool(told), now(), note)


def post(clients: Clients, address: str, payload: dict[str, Any]) -> str:
    """Post to an address, or to the one behind a reference; why it was not delivered, empty when it was."""
    try:
        url = clients.secret(address) if is_reference(address) else address
    except RunbookError as error:
        return str(error)
    return _send(clients.http, url, payload)


def _send(http: requests.Session, url: str, payload: dict[str, Any]) -> str:
    try:
        http.post(url, json=payload, timeout=PATIENCE).raise_for_status()
    except requests.HTTPError as error:
        return f"it answered with status {error.response.status_code}"
    except requests.RequestException as error:
        return type(error).__name__  # its sentence holds the URL, and the URL of a webhook is a secret in itself
    return ""
