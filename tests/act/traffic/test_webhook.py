"""A load balancer behind HTTP: what it answers, what it does not, and what is known of the users afterwards."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.act.traffic import webhook
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, RunbookError, Unreachable
from runbook_lib.model import Change
from runbook_lib.parameters import load
from runbook_lib.sections.traffic import Webhook

DEMO = load(Path(__file__).parents[3] / "parameters" / "demo.yaml")
TOKEN = "t0p-s3cret-t0ken"
Answer = tuple[int, dict[str, str], bytes]
Turn = Callable[["Balancer", str], Answer | None]


@dataclass
class Balancer:
    """A load balancer with an HTTP interface; ``turns`` replace the answers to come, None is an answer as usual."""

    port: int = 0
    weight: int = 10
    tags: bool = False
    version: int = 0
    turns: list[Turn] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    token: str = TOKEN
    timeout: str = "10s"
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, headers: dict[str, str], body: Any) -> Answer:
        self.heard.append((method, headers, body))
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, b""
        if self.turns and (answered := self.turns.pop(0)(self, method)):
            return answered
        tag = f'"{self.version}"'
        if method == "PUT":
            if headers.get("If-Match", tag) != tag:
                return 412, {}, b""
            self.set(body["weight"])
            return 204, {}, b""
        text = json.dumps({"weight": self.weight}).encode()
        return 200, {"Content-Type": "application/json"} | ({"ETag": tag} if self.tags else {}), text

    def set(self, weight: int) -> None:
        self.weight, self.version = weight, self.version + 1

    @property
    def knob(self) -> Webhook:
        return self.with_()

    def with_(self, **changes: Any) -> Webhook:
        url = f"http://127.0.0.1:{self.port}/pools/7/secret-path"
        return Webhook.model_validate(
            {"kind": "webhook", "url": url, "token": "env:LB_TOKEN", "timeout": self.timeout} | changes
        )

    @property
    def clients(self) -> Clients:
        return Clients(DEMO, {"LB_TOKEN": TOKEN, "LB_URL": f"http://127.0.0.1:{self.port}/hook/s3cret"})

    def read(self) -> int:
        return webhook.read(self.knob, self.clients).weight

    def shift(self, weight: int, expected: int | None = None) -> Change:
        return webhook.shift(self.knob, self.clients, weight, expected)

    @property
    def methods(self) -> list[str]:
        return [method for method, _, _ in self.heard]


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    balancer = Balancer()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, headers, text = balancer.answer(self.command, dict(self.headers), body)
            if not status:
                return
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(text))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text[:10])
            self.wfile.flush()
            if headers.get("Slowly") == "never":
                balancer.released.wait(60)
            step = 1 if headers.get("Slowly") else len(text)
            for index in range(10, len(text), step):
                time.sleep(0.05 if step == 1 else 0)
                self.wfile.write(text[index : index + step])

        def do_GET(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Who hung up is no trouble of ours."""

    with Server(("127.0.0.1", 0), Handler) as server:
        balancer.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield balancer
        balancer.released.set()
        server.shutdown()


def say(status: int, body: bytes = b"", **headers: str) -> Turn:
    return lambda balancer, method: (status, headers, body)


def usual(balancer: Balancer, method: str) -> None:
    """An answer as usual."""


def silence(balancer: Balancer, method: str) -> Answer:
    """No answer within the time-out, and nothing done."""
    balancer.released.wait(60)
    return 0, {}, b""


def hang_up(balancer: Balancer, method: str) -> Answer:
    return 0, {}, b""


def late(weight: int, status: int = 0) -> Turn:
    """The change is carried out, and the answer is an error or never comes."""

    def turn(balancer: Balancer, method: str) -> Answer:
        balancer.set(weight)
        if not status:
            balancer.released.wait(60)
        return status, {}, b""

    return turn


def meddle(weight: int) -> Turn:
    """Somebody else sets a weight just before the request."""

    def turn(balancer: Balancer, method: str) -> None:
        balancer.set(weight)

    return turn


def test_the_weight_is_read_set_and_read_back(balancer: Balancer) -> None:
    change = balancer.shift(30)
    assert (change.before, change.after, change.done, balancer.weight) == (10, 30, True, 30)
    assert balancer.methods == ["GET", "PUT", "GET"]
    assert balancer.heard[1][2] == {"weight": 30}
    held = webhook.read(balancer.knob, balancer.clients).held
    balancer.shift(0)
    assert webhook.restore(balancer.knob, balancer.clients, held).done
    assert (held, balancer.weight) == (30, 30)


def test_what_is_already_right_is_not_set(balancer: Balancer) -> None:
    assert not balancer.shift(10).done
    assert balancer.methods == ["GET"]


def test_a_weight_that_somebody_else_moved_is_not_overwritten_except_on_the_way_back(balancer: Balancer) -> None:
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 5 % to 10 % since it was read"):
        balancer.shift(30, expected=5)
    assert balancer.methods == ["GET"]
    assert balancer.shift(0, expected=5).done


def test_the_token_goes_before_what_netrc_says(
    balancer: Balancer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert balancer.read() == 10


def test_an_address_may_be_a_secret(balancer: Balancer) -> None:
    knob = balancer.with_(url="env:LB_URL")
    assert webhook.shift(knob, balancer.clients, 30).done
    balancer.token = "another"
    with pytest.raises(BadParameters, match=r"the webhook env:LB_URL does not let us in \(status 401\)"):
        webhook.read(knob, balancer.clients)


@pytest.mark.parametrize(
    ("turn", "error", "said"),
    [
        (say(200, b"<html>Welcome</html>", **{"Content-Type": "text/html; charset=utf-8"}), BadParameters,
         r"answers text/html that is not \{\"weight\": n\}"),
        (say(200, b""), BadParameters, "answers something that is not"),
        (say(200, b"[10]"), BadParameters, "that is not"),
        (say(200, b"10"), BadParameters, "that is not"),
        (say(200, b"[" * 70_000), BadParameters, "that is not"),
        (say(200, b'{"weights": 10}'), BadParameters, "that is not"),
        (say(200, b'{"weight": "10"}'), BadParameters, "says that the weight is '10'"),
        (say(200, b'{"weight": 10.5}'), BadParameters, r"says that the weight is '10\.5'"),
        (say(200, b'{"weight": true}'), BadParameters, "says that the weight is 'True'"),
        (say(200, b'{"weight": 101}'), BadParameters, "says that the weight is '101'"),
        (say(200, b'{"weight": NaN}'), BadParameters, "says that the weight is 'nan'"),
        (say(302, Location="http://127.0.0.1:1/"), BadParameters, r"sends us elsewhere \(status 302\)"),
        (say(401), BadParameters, r"does not let us in \(status 401\): check traffic\.knob\.token"),
        (say(403), BadParameters, r"does not let us in \(status 403\)"),
        (say(404), BadParameters, r"refuses it \(status 404\): check traffic\.knob\.url"),
        (say(429), Unreachable, r"refuses it \(status 429\)"),
        (say(500), Unreachable, r"is in trouble \(status 500\): look at its log"),
        (say(204), BadParameters, r"status 204"),
        (silence, Unreachable, r"gave no answer within 0\.4 s"),
        (hang_up, Unreachable, "hung up before it answered"),
        (say(200, b'{"weight":        10}', Slowly="never"), Unreachable, r"gave no answer within 0\.4 s"),
        (say(200, b'{"weight":' + b" " * 400 + b"10}", Slowly="drop by drop"), Unreachable, r"answer within 0\.4 s"),
        (say(200, b'{"weight": 10}', **{"Content-Length": "9999999"}), Unreachable, "gave no"),
    ],
)  # fmt: skip
def test_whatever_is_no_weight_is_one_sentence(
    balancer: Balancer, turn: Turn, error: type[RunbookError], said: str
) -> None:
    balancer.turns, balancer.timeout = [turn], "400ms"
    with pytest.raises(error, match=said) as refused:
        balancer.read()
    text = str(refused.value)
    assert "secret-path" not in text
    assert TOKEN not in text
    assert "\n" not in text
    assert len(text) < 300


@pytest.mark.parametrize(
    ("environment", "changes", "error", "said"),
    [
        ({}, {}, BadParameters, "the secret 'env:LB_TOKEN' is not there"),
        ({"LB_TOKEN": "two\nlines"}, {}, BadParameters, "the token behind env:LB_TOKEN cannot stand in a header"),
        ({"LB_TOKEN": " "}, {}, BadParameters, "the token behind env:LB_TOKEN cannot stand in a header"),
        ({"LB_TOKEN": TOKEN, "LB_URL": "nowhere"}, {"url": "env:LB_URL"}, BadParameters, r"env:LB_URL is no http\(s\)"),
        ({"LB_TOKEN": TOKEN}, {"url": "http://127.0.0.1:1/"}, Unreachable, "127.0.0.1:1 refuses connections"),
    ],
)
def test_what_is_in_the_way_is_said_beforehand(
    balancer: Balancer, environment: dict[str, str], changes: dict[str, Any], error: type[RunbookError], said: str
) -> None:
    with pytest.raises(error, match=said):
        webhook.preflight(balancer.with_(**changes), Clients(DEMO, environment))
    webhook.preflight(balancer.knob, balancer.clients)


@pytest.mark.parametrize("turn", [late(30), late(30, 500), late(30, 504)])
def test_a_change_whose_answer_is_late_is_done_when_it_shows(balancer: Balancer, turn: Turn) -> None:
    balancer.turns, balancer.timeout = [usual, turn], "400ms"
    change = balancer.shift(30)
    assert change.done
    assert "gave no answer within 0.4 s to the change" in change.note or "status 50" in change.note


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([silence], r"gave no answer within 0\.4 s to the change; 10 % of .* as before, and .* come late"),
        ([say(503)], r"status 503\): look at its log; 10 % of .* as before, and the change may still come"),
        ([say(400)], r"refuses it \(status 400\).*; 10 % of the users are .* as before; look with GET 127"),
        ([say(307, Location="/")], r"sends us elsewhere \(status 307\).*; 10 % of the users"),
        ([say(202)], r"30 % was written; 10 % of the users are .* as before, and the change may still come late"),
        ([late(77)], "it says 77 % now: somebody else moves the users"),
        ([silence, *[say(500)] * 9], r"not known where the users are .*status 500.*; look with GET 127\.0\.0\.1:"),
        ([late(30), *[silence] * 9], "it is not known where the users are .*no answer within"),
    ],
)  # fmt: skip
def test_a_change_that_does_not_show_says_what_is_known(balancer: Balancer, turns: list[Turn], said: str) -> None:
    balancer.turns, balancer.timeout = [usual, *turns], "400ms"
    with pytest.raises(ChangeFailed, match=said) as failed:
        balancer.shift(30)
    assert "secret-path" not in str(failed.value)


def test_a_change_that_is_taken_at_once_and_shows_later_is_waited_for(balancer: Balancer) -> None:
    balancer.turns = [usual, say(202), usual, lambda b, _: b.set(30)]
    assert balancer.shift(30).done


@pytest.mark.parametrize("tags", [True, False])
def test_a_foreign_change_between_reading_and_writing_is_refused_where_the_server_gives_an_etag(
    balancer: Balancer, tags: bool
) -> None:
    balancer.tags, balancer.turns = tags, [usual, meddle(20)]
    if not tags:
        assert balancer.shift(30).done
        return
    with pytest.raises(ChangeFailed, match="somebody else changed the weight since it was read; it says 20 % now"):
        balancer.shift(30)
    assert balancer.heard[1][1]["If-Match"] == '"0"'


def test_a_weak_etag_is_not_asked_for(balancer: Balancer) -> None:
    balancer.turns = [say(200, b'{"weight": 10}', ETag='W/"0"')]
    assert balancer.shift(30).done
    assert "If-Match" not in balancer.heard[1][1]


@pytest.mark.parametrize("times", [2, 4])
def test_a_way_back_is_tried_again_when_somebody_else_moves_the_users_at_the_same_moment(
    balancer: Balancer, times: int
) -> None:
    balancer.tags, balancer.turns = True, [usual, *[meddle(20), usual] * times]
    assert balancer.shift(0).done
    assert balancer.weight == 0


def test_a_way_back_is_written_even_where_it_cannot_be_read_what_stands(balancer: Balancer) -> None:
    balancer.turns = [say(500)]
    change = balancer.shift(0)
    assert (change.before, change.done, balancer.weight) == (None, True, 0)
    balancer.turns = [say(500)]
    with pytest.raises(Unreachable):
        balancer.shift(30)
    assert balancer.weight == 0


def test_two_who_do_the_same_at_once_both_find_it_done(balancer: Balancer) -> None:
    balancer.tags = True
    results: list[object] = []

    def go() -> None:
        try:
            results.append(balancer.shift(0).after)
        except RunbookError as error:
            results.append(error)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0, 0, 0, 0]
