"""A platform is asked over HTTP to end a machine: once, whoever asks again, until it says done or failed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.act.retire.webhook import run
from runbook_lib.clients import Clients
from runbook_lib.errors import ChangeFailed
from runbook_lib.parameters import load
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import WebhookRetire

REPOSITORY = Path(__file__).parents[2]
VM = LegacyInstance(name="vm-1", url="http://10.0.0.11:8080")
Reply = tuple[int, dict[str, str], Any]


@dataclass
class Platform:
    """Gives the replies one after another, the last for ever; knows what it was asked."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A real HTTP server."""
    found = Platform()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.asked.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
            status, headers, said = found.replies.pop(0) if len(found.replies) > 1 else found.replies[0]
            if status == 0:  # the connection breaks
                self.close_connection = True
                return
            text = said if isinstance(said, str) else json.dumps(said)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = answer  # noqa: N815 - the names that http.server asks for

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def ask(platform: Platform, timeout: float = 60, **given: Any) -> str:
    way = WebhookRetire(
        kind="webhook",
        url=f"{platform.url}/machines/{{instance}}/retire",
        token="env:VMS_TOKEN",
        poll=timedelta(milliseconds=10),
        timeout=timedelta(seconds=timeout),
        **given,
    )
    clients = Clients(load(REPOSITORY / "parameters" / "demo.yaml"), {"VMS_TOKEN": "hush"})
    return run(VM, way, clients, "run-7 vm-1")


@pytest.mark.parametrize(
    ("replies", "said", "methods"),
    [
        ([(200, {}, {"state": "done", "message": "disk wiped"})], "webhook: done disk wiped", "POST"),
        ([(204, {}, "")], "webhook: 204", "POST"),
        (
            [(202, {"Location": "/tasks/1"}, {}), (200, {}, {"state": "running"}), (200, {}, {"state": "Succeeded"})],
            "webhook: succeeded",
            "POST GET GET",
        ),
        ([(202, {}, {"status_url": "/tasks/1"}), (200, {}, {"state": "done"})], "webhook: done", "POST GET"),
        # no answer, too many requests, a server that is starting, the first asking still at work: the same key again
        ([(0, {}, ""), (429, {}, ""), (503, {}, ""), (200, {}, {"state": "done"})], "webhook: done", "POST " * 4),
        ([(409, {}, "in progress"), (200, {}, {"state": "done"})], "webhook: done", "POST POST"),
        ([(202, {}, {}), (200, {}, {"state": "done"})], "webhook: done", "POST POST"),
    ],
)
def test_it_is_asked_until_it_is_done_and_always_with_the_same_key(
    platform: Platform, replies: list[Reply], said: str, methods: str
) -> None:
    platform.replies = replies
    assert ask(platform) == said
    assert [one[0] for one in platform.asked] == methods.split()
    method, path, headers, body = platform.asked[0]
    assert (method, path) == ("POST", "/machines/vm-1/retire")
    assert body == {"action": "retire", "instance": "vm-1", "address": "10.0.0.11:8080"}
    assert {one[2]["Idempotency-Key"] for one in platform.asked} == {"run-7 vm-1"}
    assert headers["Authorization"] == "Bearer hush"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((403, {}, "not yours"), "refuses to retire vm-1: 403 not yours"),
        ((422, {}, "this key asked for vm-2"), "refuses to retire vm-1: 422"),
        ((200, {}, {"state": "failed", "message": "the disk is locked"}), "could not retire vm-1: failed the disk"),
        ((302, {"Location": "http://elsewhere.example/"}, ""), "refuses to retire vm-1: 302"),
        ((202, {"Location": "http://elsewhere.example/tasks/1"}, {}), "to another host; it is not followed"),
        ((200, {}, {"state": "running"}), "in 0:00:00.300000: it is still running; .* asks with the same key"),
        ((200, {}, "<html>log in first</html>"), "it is still at work"),
        ((500, {}, ""), "it answered 500"),
    ],
)
def test_what_is_no_end_is_said_and_the_token_goes_nowhere_else(platform: Platform, reply: Reply, says: str) -> None:
    platform.replies = [reply]
    with pytest.raises(ChangeFailed, match=says):
        ask(platform, 0.3)


def test_the_state_may_lie_deeper_and_be_called_otherwise(platform: Platform) -> None:
    platform.replies = [(200, {}, {"task": {"status": "GONE"}})]
    assert ask(platform, field="task.status", done=["gone"]) == "webhook: gone"
