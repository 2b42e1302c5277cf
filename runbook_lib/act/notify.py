"""Tells the people who answer for an application: a post to each contact that is a webhook."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from runbook_lib.model import Change, now
from runbook_lib.sections import Contact


def notify(http: requests.Session, contacts: Sequence[Contact], text: str) -> Change:
    """Post ``{"text": …}`` to every contact whose reach is a URL; a deaf chat never stops a runbook, it is noted."""
    told, failed, by_hand = [], [], []
    for contact in contacts:
        if not contact.reach.startswith(("http://", "https://")):
            by_hand.append(f"{contact.name} ({contact.reach})")
            continue
        try:
            http.post(contact.reach, json={"text": text}, timeout=5).raise_for_status()
            told.append(contact.name)
        except requests.RequestException as error:
            # the URL of a webhook is a secret in itself
            failed.append(f"{contact.name} ({type(error).__name__})")
    note = "; ".join(
        f"{what}: {', '.join(who)}" for what, who in (("not reached", failed), ("tell by hand", by_hand)) if who
    )
    return Change("notify the contacts", None, {"told": told, "text": text}, bool(told), now(), note)
