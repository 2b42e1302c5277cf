"""Smoke cases and sessions against a small server that behaves as told, straight and through an API server."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from kubernetes.client import ApiClient, Configuration

from runbook_lib.errors import BadParameters
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.reach import KEPT, Sender, Target, pod_targets, service_target
from runbook_lib.observe.sessions import Crossing, Sessions, cross, sessions
from runbook_lib.observe.smoke import Answer, ask, first_answer, smoke
from runbook_lib.observe.workload.pods import PodState
from runbook_lib.sections import Request, SmokeCase

HEALTHY = SmokeCase(name="healthy", path="/healthz", body_contains="fine")
COOKIES = Sessions(Request(method="POST", path="/login"), "/orders")
TOKENS = Sessions(Request(method="POST", path="/login"), "/mine", "access.token")
SENDER = Sender(requests.Session(), secret=lambda reference: {"env:KEY": "k-1", "env:WORD": "word"}[reference])


class Shop(ThreadingHTTPServer):
    """Gives a cookie and a token at /login; /orders and /mine want a session; what was asked is in ``asked``.

    It is a Pod, and with ``refuses`` an API server that passes nothing on.
    """

    def __init__(self, sessions: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sessions = sessions
        self.checks = True
        self.spoils = False
        self.refuses: dict[str, Any] | None = None
        self.asked: list[tuple[str, str, str]] = []
        self.sent: list[tuple[dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        shop, session = self.server, self.headers.get("Cookie") or self.headers.get("Authorization") or ""
        path = self.path.partition("/proxy")[2] or self.path
        shop.asked.append((self.command, path, session))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        shop.sent.append((dict(self.headers), body))
        if shop.refuses is not None:
            return self.answer(shop.refuses["code"], json.dumps(shop.refuses))
        if path == "/login":
            shop.sessions |= {"sid=made", "Bearer made"}
            cookie = {"Set-Cookie": "sid=made; Path=/shop; Domain=shop.example"}
            return self.answer(200, '{"access": {"token": "made"}}', cookie)
        if path in ("/orders", "/mine") and shop.checks and session not in shop.sessions:
            return self.answer(401)
        if shop.spoils and session:
            shop.sessions.discard(session)
        if path == "/values":
            return self.answer(200, '{"a": [{"b": 1}], "c": null, "d": true}')
        return self.answer(200 if path in ("/healthz", "/orders", "/mine") else 404)

    do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815

    def answer(self, status: int, body: str = "fine", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), "X-Side": "Kubernetes", **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

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


def cluster_at(url: str, objects: dict[str, Any] | None = None) -> Cluster:
    """A cluster whose API server is at that address, and knows these objects."""
    cluster = Cluster(ApiClient(Configuration(host=url)), "shop")
    cluster.get = lambda version, kind, name: (objects or {}).get(name)  # type: ignore[method-assign]
    return cluster


def asked(url: str, case: SmokeCase, **changed: Any) -> Answer:
    return ask(SENDER, Target("web-a", url), case.model_copy(update=changed))


def walk(old: Shop, new: Shop, way: Sessions = COOKIES) -> Crossing:
    return cross(SENDER, way, Target("vm-1", old.url), Target("web-a", new.url))


def test_every_target_is_asked_every_case_and_its_answer_is_kept(shops: tuple[Shop, Shop]) -> None:
    cases = [HEALTHY, SmokeCase(name="absent", path="/nowhere", status=404, body_contains="other")]
    answers = smoke(SENDER, [Target("web-a", shops[0].url), Target("web-b", shops[1].url)], cases)
    assert [(a.target, a.case, a.status, a.body_as_expected) for a in answers] == [
        ("web-a", "healthy", 200, True),
        ("web-a", "absent", 404, False),
        ("web-b", "healthy", 200, True),
        ("web-b", "absent", 404, False),
    ]


def test_a_case_that_writes_is_not_among_those_that_everybody_is_asked(shops: tuple[Shop, Shop]) -> None:
    assert smoke(SENDER, [Target("web-a", shops[0].url)], [HEALTHY.model_copy(update={"writes": True})]) == []
    assert shops[0].asked == []


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"a.0.b": 1, "c": None}, ()),
        ({"d": True}, ()),
        ({"d": 1}, ("d is not 1",)),
        ({"a.0.b": True}, ("a.0.b is not True",)),
        ({"a.1.b": 1}, ("a.1.b is not 1",)),
        ({"e": None}, ("e is not None",)),
        ({"c.f": "x"}, ("c.f is not 'x'",)),
    ],
)
def test_values_of_a_json_answer_are_compared(
    shops: tuple[Shop, Shop], values: dict[str, Any], wrong: tuple[str, ...]
) -> None:
    assert asked(shops[0].url, SmokeCase(name="v", path="/values"), body_values=values).wrong == wrong


def test_a_header_must_contain_what_is_expected_and_what_it_holds_is_not_repeated(shops: tuple[Shop, Shop]) -> None:
    assert asked(shops[0].url, HEALTHY, header_contains={"x-side": "kubernetes"}).wrong == ()
    (wrong,) = asked(shops[0].url, HEALTHY, header_contains={"x-side": "legacy"}).wrong
    assert wrong == "header x-side does not contain 'legacy'"


def test_headers_and_bodies_carry_secrets_by_reference_and_answers_hold_none(shops: tuple[Shop, Shop]) -> None:
    case = SmokeCase(
        name="log in", method="POST", path="/login", headers={"X-Api-Key": "env:KEY"}, token="env:KEY",
        body={"user": "anna", "password": "env:WORD"},
    )  # fmt: skip
    answer = ask(SENDER, Target("web-a", shops[0].url), case)
    headers, body = shops[0].sent[-1]
    assert (headers["X-Api-Key"], headers["Authorization"]) == ("k-1", "Bearer k-1")
    assert json.loads(body) == {"user": "anna", "password": "word"}
    assert not any(secret in repr(answer) for secret in ("k-1", "word", "made"))


def test_a_secret_that_is_not_there_is_named_and_nothing_is_sent(shops: tuple[Shop, Shop]) -> None:
    with pytest.raises(BadParameters, match="env:KEY"):
        ask(Sender(requests.Session()), Target("web-a", shops[0].url), SmokeCase(name="k", path="/", token="env:KEY"))
    assert shops[0].asked == []


def test_no_answer_is_an_answer_without_status_that_repeats_no_secret() -> None:
    quick = HEALTHY.model_copy(update={"within": timedelta(seconds=0.1)})
    answer = asked("http://127.0.0.1:9", quick)
    assert (answer.status, answer.error) == (None, "ConnectionError")
    assert first_answer(SENDER, Target("gateway", "http://127.0.0.1:9"), quick, patience=0.3) is None
    broken = Sender(requests.Session(), secret=lambda _: "two\nlines-of-a-secret")
    told = ask(broken, Target("web-a", "http://127.0.0.1:9"), SmokeCase(name="k", path="/", headers={"K": "env:X"}))
    assert told.status is None
    assert "lines" not in repr(told)


# through the API server


def test_a_pod_whose_address_is_silent_is_asked_through_the_api_server(shops: tuple[Shop, Shop]) -> None:
    def no_route(address: tuple[str, int], timeout: float) -> socket.socket:
        raise OSError(113, "No route to host")

    pod = cast(PodState, SimpleNamespace(name="web-a", address="10.1.2.3", port=8080))
    (target,) = pod_targets(cluster_at(shops[0].url), [pod], connect=no_route)
    assert (target.way, target.note) == ("API server", "10.1.2.3:8080: No route to host")
    assert target.url == f"{shops[0].url}/api/v1/namespaces/shop/pods/web-a:8080/proxy"
    answer = ask(Sender(requests.Session(), cluster_at(shops[0].url)), target, HEALTHY)
    assert (answer.status, answer.way, answer.body_as_expected) == (200, "API server", True)


def test_a_pod_that_can_be_reached_is_asked_at_its_address_unless_the_parameters_say_otherwise(
    shops: tuple[Shop, Shop],
) -> None:
    pod = cast(PodState, SimpleNamespace(name="web-a", address="127.0.0.1", port=shops[0].server_port))
    ways = [pod_targets(cluster_at("http://api"), [pod], reach)[0].way for reach in ("auto", "direct", "proxy")]
    assert ways == ["direct", "direct", "API server"]


def test_the_service_is_asked_through_the_api_server_because_its_address_is_the_clusters_own() -> None:
    service = {"spec": {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": 80}]}}
    objects = {"web": service, "headless": {"spec": {"clusterIP": "None", "ports": [{"port": 80}]}}}
    cluster = cluster_at("http://api", objects)
    assert service_target(cluster, "web").url.endswith("/services/web:http/proxy")  # type: ignore[union-attr]
    assert service_target(cluster, "headless").url.endswith("/services/headless:80/proxy")  # type: ignore[union-attr]
    assert service_target(cluster, "web", "direct") == Target("Service/web", "http://10.96.0.9:80")
    assert service_target(cluster, "headless", "direct") is None
    assert service_target(cluster, "absent") is None


@pytest.mark.parametrize(
    ("code", "unasked", "error"),
    [(403, "the API server does not let us: no", ""), (503, "", "API server: no"), (404, "", "API server: no")],
)
def test_what_the_api_server_says_itself_is_no_answer_of_the_pod(
    shops: tuple[Shop, Shop], code: int, unasked: str, error: str
) -> None:
    shops[0].refuses = {"kind": "Status", "apiVersion": "v1", "code": code, "message": "no"}
    target = Target("web-a", f"{shops[0].url}/api/v1/namespaces/shop/pods/web-a:80/proxy", "API server")
    answer = ask(Sender(requests.Session(), cluster_at(shops[0].url)), target, HEALTHY)
    assert (answer.status, answer.unasked, answer.error) == (None, unasked, error)


def test_a_token_is_not_sent_through_the_api_server_which_would_take_it_for_its_own(shops: tuple[Shop, Shop]) -> None:
    target = Target("web-a", f"{shops[0].url}/api/v1/namespaces/shop/pods/web-a:80/proxy", "API server")
    case = SmokeCase(name="mine", path="/mine", token="env:KEY")
    answer = ask(Sender(requests.Session(), cluster_at(shops[0].url), lambda _: "k-1"), target, case)
    assert (answer.unasked, shops[0].asked) == (KEPT, [])


# sessions


@pytest.mark.parametrize("way", [COOKIES, TOKENS])
def test_a_session_made_on_one_side_is_carried_to_the_other_and_back_and_nothing_is_written(
    shops: tuple[Shop, Shop], way: Sessions
) -> None:
    assert walk(*shops, way) == Crossing("vm-1", "web-a", 200, 200, 401, 200)
    assert {method for method, _, _ in shops[1].asked} == {"GET"}
    assert [path for _, path, _ in shops[0].asked] == ["/login", way.check]


def test_a_session_that_the_other_side_spoils_is_seen_on_the_way_back(shops: tuple[Shop, Shop]) -> None:
    shops[1].spoils = True
    assert walk(*shops) == Crossing("vm-1", "web-a", 200, 200, 401, 401)


def test_sessions_that_are_not_shared_are_lost(shops: tuple[Shop, Shop]) -> None:
    shops[1].sessions = set()
    assert walk(*shops).status == 401


def test_a_check_that_lets_everybody_in_is_seen_by_the_forged_session(shops: tuple[Shop, Shop]) -> None:
    shops[1].checks = False
    assert walk(*shops).forged == 200


def test_a_log_in_is_a_path_or_a_whole_request_and_without_one_nothing_is_checked() -> None:
    assert sessions("/login", "/orders", None) == COOKIES
    whole = Request(method="POST", path="/in", body={"password": "env:WORD"})
    assert sessions(whole, "/orders", "token") == Sessions(whole, "/orders", "token")
    assert sessions(None, "/orders", None) is None
    assert sessions("/login", None, None) is None
