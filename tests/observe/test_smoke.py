"""Smoke cases and sessions against a small server that behaves as told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from runbook_lib.observe.smoke import Crossing, cross, first_answer, smoke
from runbook_lib.sections import SmokeCase

HEALTHY = SmokeCase(name="healthy", path="/healthz", body_contains="fine")


class Shop(ThreadingHTTPServer):
    """Gives a cookie at /login; /orders wants a session of ``sessions``; what was asked is in ``asked``."""

    def __init__(self, sessions: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sessions = sessions
        self.checks = True
        self.asked: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        cookie = self.headers.get("Cookie", "")
        self.server.asked.append((self.command, self.path, cookie))
        if self.path == "/login":
            self.server.sessions.add("sid=made")
            return self.answer(200, {"Set-Cookie": "sid=made; Path=/"})
        if self.path == "/orders" and self.server.checks and cookie not in self.server.sessions:
            return self.answer(401)
        return self.answer(200 if self.path in ("/healthz", "/orders") else 404)

    do_POST = do_GET  # noqa: N815

    def answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": "4", **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def shops() -> Iterator[tuple[Shop, Shop]]:
    """Two sides that share their sessions."""
    shared: set[str] = set()
    both = (Shop(shared), Shop(shared))
    threads = [threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.01}) for shop in both]
    for thread in threads:
        thread.start()
    yield both
    for shop, thread in zip(both, threads, strict=True):
        shop.shutdown()
        shop.server_close()
        thread.join()


def walk(old: Shop, new: Shop) -> Crossing:
    return cross(requests.Session(), "/login", "/orders", ("vm-1", old.url), ("web-a", new.url))


def test_every_target_is_asked_every_case_and_its_answer_is_kept(shops: tuple[Shop, Shop]) -> None:
    cases = [HEALTHY, SmokeCase(name="absent", path="/nowhere", status=404, body_contains="other")]
    answers = smoke(requests.Session(), {"web-a": shops[0].url, "web-b": shops[1].url}, cases)
    assert [(a.target, a.case, a.status, a.body_as_expected) for a in answers] == [
        ("web-a", "healthy", 200, True),
        ("web-a", "absent", 404, False),
        ("web-b", "healthy", 200, True),
        ("web-b", "absent", 404, False),
    ]


def test_no_answer_is_an_answer_without_status() -> None:
    quick = HEALTHY.model_copy(update={"within": timedelta(seconds=0.1)})
    (answer,) = smoke(requests.Session(), {"web-a": "http://127.0.0.1:9"}, [quick])
    assert (answer.status, answer.error) == (None, "ConnectionError")
    assert first_answer(requests.Session(), "http://127.0.0.1:9", quick, patience=0.3) is None


def test_a_session_made_on_one_side_is_carried_to_the_other_and_nothing_is_written(shops: tuple[Shop, Shop]) -> None:
    assert walk(*shops) == Crossing("vm-1", "web-a", 200, 200, 401)
    assert shops[1].asked == [("GET", "/orders", "sid=made"), ("GET", "/orders", "sid=no-such-session")]


def test_sessions_that_are_not_shared_are_lost(shops: tuple[Shop, Shop]) -> None:
    shops[1].sessions = set()
    assert walk(*shops).status == 401


def test_a_check_that_lets_everybody_in_is_seen_by_the_forged_session(shops: tuple[Shop, Shop]) -> None:
    shops[1].checks = False
    assert walk(*shops).forged == 200
