"""Contacts that are webhooks are told; nobody's deafness stops a runbook."""

from __future__ import annotations

import pytest
import requests

from runbook_lib.act.notify import notify
from runbook_lib.sections import Contact

HOOK = "https://chat.example/hooks/very-secret"


class Session(requests.Session):
    """Answers every post with one status, or with no answer."""

    def __init__(self, status: int | None) -> None:
        super().__init__()
        self.status, self.sent = status, []  # type: ignore[var-annotated]

    def post(self, url: str, **options: object) -> requests.Response:  # type: ignore[override]
        self.sent.append((url, options["json"]))
        if self.status is None:
            raise requests.ConnectionError(url)
        answer = requests.Response()
        answer.status_code, answer.url = self.status, url
        return answer


def test_webhooks_are_posted_to_and_people_are_named() -> None:
    http = Session(200)
    change = notify(http, [Contact(name="chat", reach=HOOK), Contact(name="on call", reach="pager 7")], "done")
    assert http.sent == [(HOOK, {"text": "done"})]
    assert change.done
    assert change.note == "tell by hand: on call (pager 7)"


@pytest.mark.parametrize("status", [None, 500])
def test_a_deaf_webhook_is_noted_without_its_secret_address(status: int | None) -> None:
    change = notify(Session(status), [Contact(name="chat", reach=HOOK)], "done")
    assert not change.done
    assert "not reached: chat" in change.note
    assert "very-secret" not in str(change)
