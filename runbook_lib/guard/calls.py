"""People are called when the guard cannot do its work, and when it has done it: not each tick, and beside the loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from runbook_lib.act.notify import notify, post
from runbook_lib.clients import Clients


class Calls:
    """Tells the contacts and the webhook of the gates, each reason again only when ``guard.remind`` is over."""

    def __init__(
        self, clients: Clients, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.clients, self.say, self.clock = clients, say, clock
        self._told: dict[str, float] = {}
        self.threads: list[threading.Thread] = []

    def call(self, reason: str, text: str) -> bool:
        """Call people, unless that was done lately for this reason; True when they are called."""
        last = self._told.get(reason)
        if last is not None and self.clock() - last < self.clients.parameters.guard.remind.total_seconds():
            return False
        self._told[reason] = self.clock()
        self._send(f"{self.clients.parameters.application.name}: {text}")
        return True

    def over(self, reason: str, text: str) -> None:
        """Tell that the reason for a call is gone, if there was one."""
        if self._told.pop(reason, None) is not None:
            self._send(f"{self.clients.parameters.application.name}: {text}")

    def _send(self, text: str) -> None:
        self.say(f"people are told: {text}")
        self.threads = [thread for thread in self.threads if thread.is_alive()]
        self.threads.append(threading.Thread(target=self._post, args=(text,), name="calls", daemon=True))
        self.threads[-1].start()

    def _post(self, text: str) -> None:
        p = self.clients.parameters
        change = notify(self.clients.http, p.application.contacts, text)
        if change.note:
            self.say(change.note)
        if p.gates.webhook is not None:
            payload = {"text": text, "event": "guard", "application": p.application.name}
            if problem := post(self.clients, p.gates.webhook, payload):
                self.say(f"gates.webhook was not reached: {problem}")
