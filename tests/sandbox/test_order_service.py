"""The order service: what it answers, what it counts, what its faults do, and that stopping loses no request."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters, Unreachable
from sandbox.order_service import settings as order_settings
from sandbox.order_service.faults import NONE, Faults, FaultsFile, of_side
from sandbox.order_service.http import Malformed, Request, Response, parse_request, render
from sandbox.order_service.metrics import Metrics
from sandbox.order_service.service import Service
from sandbox.order_service.sessions import Sessions, command, parse_reply
from sandbox.order_service.settings import Redis, Settings
from sandbox.order_service.store import Order, Store
from sandbox.plan import Plan

Until = Callable[[Callable[[], bool]], None]
ENVIRONMENT = {
    "SIDE": "legacy",
    "INSTANCE": "vm-1",
    "ORDERS_DATABASE": "sqlite:////var/orders.db",
    "REDIS_URL": "redis://:secret@127.0.0.1:6380/2",
}


class MemorySessions(Sessions):
    """Sessions without Redis; ``away`` is a Redis that does not answer."""

    def __init__(self) -> None:
        super().__init__(Redis("127.0.0.1", 1, "", 0))
        self.known: dict[str, str] = {}
        self.away = False

    async def create(self, customer: str) -> str:
        token = f"{len(self.known):032x}"
        self.known[token] = customer
        return token

    async def customer(self, token: str) -> str | None:
        if self.away:
            raise Unreachable("Redis does not answer")
        return self.known.get(token)


class Shop:
    """A service with a database of its own, asked without sockets."""

    def __init__(self, folder: Path) -> None:
        self.faults_file = folder / "faults.json"
        environment = ENVIRONMENT | {"ORDERS_DATABASE": f"sqlite:///{folder}/orders.db"}
        self.settings: Settings = order_settings.read(environment)
        self.store = Store(self.settings.orders_database)
        self.sessions = MemorySessions()
        self.faults = FaultsFile(self.faults_file, "legacy")
        self.service = Service(self.settings, self.store, self.sessions, self.faults)

    def switch(self, **faults: object) -> None:
        self.faults_file.write_text(json.dumps({"legacy": faults}))

    def ask(
        self, method: str, path: str, body: object = None, cookie: str | None = None, **headers: str
    ) -> tuple[int, dict[str, object]]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            names["cookie"] = f"session={cookie}"
        data = b"" if body is None else json.dumps(body).encode()
        answer = asyncio.run(self.service.respond(Request(method, path, names, data, True)))
        return answer.status, json.loads(answer.body)

    def log_in(self, customer: str = "c-1") -> str:
        request = Request("POST", "/login", {}, json.dumps({"customer": customer}).encode(), True)
        answer = asyncio.run(self.service.respond(request))
        return answer.headers["Set-Cookie"].removeprefix("session=")[:32]

    def metrics(self) -> str:
        return asyncio.run(self.service.respond(Request("GET", "/metrics", {}, b"", True))).body.decode()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.store.close()


# --- settings


def test_the_environment_says_everything() -> None:
    read = order_settings.read(ENVIRONMENT)
    assert (read.side, read.instance, read.port) == ("legacy", "vm-1", 8080)
    assert read.orders_database == Path("/var/orders.db")
    assert read.redis == Redis("127.0.0.1", 6380, "secret", 2)


def test_a_mounted_secret_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "redis-url").write_text("redis://10.0.0.1/3\n")
    given_ = {key: value for key, value in ENVIRONMENT.items() if key != "REDIS_URL"}
    assert order_settings.read(given_ | {"REDIS_URL_FILE": str(tmp_path / "redis-url")}).redis.database == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIDE", "left"),
        ("SIDE", ""),
        ("INSTANCE", ""),
        ("ORDERS_DATABASE", "postgresql://db/orders"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("REDIS_URL", ""),
        ("PORT", "eighty"),
        ("REDIS_URL_FILE", "/no/such/file"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str) -> None:
    environment = ENVIRONMENT | {name: value}
    if name.endswith("_FILE"):
        del environment[name.removesuffix("_FILE")]
    with pytest.raises(BadParameters, match=name):
        order_settings.read(environment)


# --- faults


def test_faults_of_the_other_side_and_of_other_parts_are_passed_over() -> None:
    content = {"legacy": {"errors": 0.5}, "kubernetes": {"latency": 1, "throttle": 0.5}}
    assert of_side(content, "legacy") == Faults(errors=0.5)
    assert of_side(content, "kubernetes") == Faults(latency=1.0)


def test_the_faults_file_is_looked_at_every_tenth_of_a_second_at_most(tmp_path: Path) -> None:
    moment = [0.0]
    path = tmp_path / "faults.json"
    faults = FaultsFile(path, "legacy", lambda: moment[0])
    assert faults.current() == NONE
    path.write_text('{"legacy": {"errors": 1}}')
    moment[0] = 0.05
    assert faults.current() == NONE
    moment[0] = 0.1
    assert faults.current().errors == 1


def test_a_broken_faults_file_changes_nothing_and_an_absent_one_switches_off(tmp_path: Path) -> None:
    moment = [0.0]
    path = tmp_path / "faults.json"
    path.write_text('{"legacy": {"errors": 1}}')
    faults = FaultsFile(path, "legacy", lambda: moment[0])
    assert faults.current().errors == 1
    path.write_text('{"legacy": ')
    moment[0] = 1
    assert faults.current().errors == 1
    path.unlink()
    moment[0] = 2
    assert faults.current() == NONE


# --- HTTP

WHOLE = b"POST /orders?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-Request-Id: abc\r\n\r\n{}"


def test_a_request_is_read_with_small_header_names_and_without_its_query() -> None:
    request, length = parse_request(bytearray(WHOLE + b"GET /next")) or pytest.fail("not read")
    assert (request.method, request.path, request.body, request.keep_alive) == ("POST", "/orders", b"{}", True)
    assert request.headers["x-request-id"] == "abc"
    assert length == len(WHOLE)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_request_that_is_not_all_there_is_waited_for(cut: int) -> None:
    assert parse_request(bytearray(WHOLE[:cut])) is None


@pytest.mark.parametrize(
    ("first", "header", "keep_alive"),
    [
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"Connection: close\r\n", False),
        (b"GET / HTTP/1.0", b"", False),
        (b"GET / HTTP/1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_the_client_says_whether_the_connection_stays(first: bytes, header: bytes, keep_alive: bool) -> None:
    request, _ = parse_request(bytearray(first + b"\r\n" + header + b"\r\n")) or pytest.fail("not read")
    assert request.keep_alive is keep_alive


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / SMTP/1.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000, 431),
    ],
)
def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(Malformed) as refused:
        parse_request(bytearray(data))
    assert refused.value.status == status


def test_an_answer_names_its_length_and_side_and_says_when_it_is_the_last() -> None:
    text = render(Response(201, b"{}", headers={"A": "b"}), b"X-Side: legacy\r\n", False)
    head, _, body = text.partition(b"\r\n\r\n")
    assert body == b"{}"
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 201 Created"
    assert {b"Content-Length: 2", b"X-Side: legacy", b"A: b", b"Connection: close"} <= set(lines)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"+OK\r\n", (b"OK", 5)),
        (b"$3\r\nabc\r\n+OK\r\n", (b"abc", 9)),
        (b"$-1\r\n", (None, 5)),
        (b"$3\r\nab", None),
        (b"$3", None),
    ],
)
def test_answers_of_redis_are_read_one_by_one(data: bytes, expected: object) -> None:
    assert parse_reply(data) == expected


def test_a_refusal_of_redis_is_an_error_and_a_command_an_array() -> None:
    reply, _ = parse_reply(b"-NOAUTH needed\r\n") or pytest.fail("not read")
    assert isinstance(reply, OSError)
    assert command("GET", "é") == b"*2\r\n$3\r\nGET\r\n$2\r\n\xc3\xa9\r\n"


class FakeRedis:
    """Counts connections; answers +OK to SET, nothing to GET while ``mute``, and hangs up when told to."""

    def __init__(self) -> None:
        self.connections = 0
        self.mute = False
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while data := await reader.read(4096):
            if not self.mute:
                writer.write(b"+OK\r\n" * data.count(b"SET") + b"$3\r\nc-1\r\n" * data.count(b"GET"))
        writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()


def _with_redis(work: Callable[[FakeRedis, Sessions], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        redis = FakeRedis()
        server = await asyncio.start_server(redis.serve, "127.0.0.1", 0)
        sessions = Sessions(Redis("127.0.0.1", server.sockets[0].getsockname()[1], "", 0))
        await work(redis, sessions)
        sessions.close()
        server.close()

    asyncio.run(run())


def test_sessions_share_one_connection_and_make_it_again_when_it_is_lost() -> None:
    async def work(redis: FakeRedis, sessions: Sessions) -> None:
        tokens = await asyncio.gather(*(sessions.create("c-1") for _ in range(20)))
        assert len(set(tokens)) == 20
        assert await asyncio.gather(*(sessions.customer(token) for token in tokens)) == ["c-1"] * 20
        assert redis.connections == 1
        redis.hang_up()
        await asyncio.sleep(0.05)
        assert await sessions.customer(tokens[0]) == "c-1"
        assert redis.connections == 2

    _with_redis(work)


def test_a_question_that_redis_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.order_service.sessions.ANSWER_WITHIN", 0.05)

    async def work(redis: FakeRedis, sessions: Sessions) -> None:
        redis.mute = True
        with pytest.raises(Unreachable, match="Redis at"):
            await sessions.customer("f" * 32)
        with pytest.raises(Unreachable):
            await sessions.create("c-1")

    _with_redis(work)


# --- store


def _order(order_id: str, amount: int = 100) -> Order:
    return Order(order_id, "legacy", "vm-1", "c-1", amount, "2026-11-20T12:00:00.000Z")


def test_a_retried_order_is_the_first_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "orders.db")
    first = _order("order-1")
    assert store.add(first) is first
    assert store.add(_order("order-1", 999)) == first
    assert store.latest() == [first]
    store.close()


def test_several_processes_write_to_one_database_and_none_is_refused(tmp_path: Path) -> None:
    writer = (
        "import sys; from pathlib import Path; from sandbox.order_service.store import Order, Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(150): store.add(Order(f'{sys.argv[2]}-{n}', 'legacy', 'vm', 'c', n, 'now')); store.latest()\n"
        "store.close()"
    )
    database = tmp_path / "orders.db"
    argv = [sys.executable, "-c", writer, str(database)]
    running = [subprocess.Popen([*argv, str(n)], stderr=subprocess.PIPE) for n in range(6)]
    errors = [process.communicate(timeout=60)[1].decode() for process in running]
    assert errors == [""] * 6
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (900,)


# --- what it answers


def test_an_order_needs_a_session(shop: Shop) -> None:
    assert shop.ask("POST", "/orders", {"amount_cents": 100})[0] == 401
    assert shop.ask("POST", "/orders", {"amount_cents": 100}, cookie="f" * 32)[0] == 401
    status, order = shop.ask("POST", "/orders", {"amount_cents": 100}, cookie=shop.log_in("c-7"))
    assert status == 201
    assert (order["customer"], order["amount_cents"], order["side"]) == ("c-7", 100, "legacy")


@pytest.mark.parametrize("header", ["idempotency_key", "x_request_id"])
def test_an_order_sent_twice_is_taken_once(shop: Shop, header: str) -> None:
    session = shop.log_in()
    first = shop.ask("POST", "/orders", {"amount_cents": 100}, cookie=session, **{header: "key-12345"})
    second = shop.ask("POST", "/orders", {"amount_cents": 100}, cookie=session, **{header: "key-12345"})
    assert (first[0], second[0]) == (201, 200)
    assert first[1] == second[1]
    assert len(shop.store.latest()) == 1


def test_the_clients_own_key_goes_before_a_proxys(shop: Shop) -> None:
    session = shop.log_in()
    for proxy in ("request-1", "request-2"):
        shop.ask(
            "POST", "/orders", {"amount_cents": 1}, cookie=session, idempotency_key="key-12345", x_request_id=proxy
        )
    assert [order.id for order in shop.store.latest()] == ["key-12345"]


def test_somebody_elses_order_is_not_shown_for_its_key(shop: Shop) -> None:
    shop.ask("POST", "/orders", {"amount_cents": 1}, cookie=shop.log_in("c-1"), idempotency_key="key-12345")
    status, answer = shop.ask(
        "POST", "/orders", {"amount_cents": 1}, cookie=shop.log_in("c-2"), idempotency_key="key-12345"
    )
    assert status == 409
    assert set(answer) == {"error"}


@pytest.mark.parametrize("amount", [0, -1, 1.5, "100", None, True, 10_000_001])
def test_an_amount_that_is_none_is_refused(shop: Shop, amount: object) -> None:
    assert shop.ask("POST", "/orders", {"amount_cents": amount}, cookie=shop.log_in())[0] == 400
    assert shop.store.latest() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/orders", 405), ("GET", "/login", 405), ("POST", "/ready", 405)],
)
def test_what_is_not_there_is_refused(shop: Shop, method: str, path: str, status: int) -> None:
    assert shop.ask(method, path)[0] == status


def test_who_shows_a_session_that_is_gone_is_told_so_and_others_may_look(shop: Shop) -> None:
    assert shop.ask("GET", "/orders")[0] == 200
    assert shop.ask("GET", "/orders", cookie=shop.log_in("c-1"))[1]["customer"] == "c-1"
    assert shop.ask("GET", "/orders", cookie="f" * 32)[0] == 401


def test_a_redis_that_does_not_answer_is_503_for_those_who_need_it(shop: Shop) -> None:
    session = shop.log_in()
    shop.sessions.away = True
    assert shop.ask("POST", "/orders", {"amount_cents": 1}, cookie=session)[0] == 503
    assert shop.ask("GET", "/orders")[0] == 200


def test_readiness_ends_with_draining_and_health_does_not(shop: Shop) -> None:
    assert shop.ask("GET", "/ready")[0] == 200
    shop.service.draining = True
    assert shop.ask("GET", "/ready")[0] == 503
    assert shop.ask("GET", "/healthz")[0] == 200


# --- what faults do


def test_errors_hit_users_and_not_probes(shop: Shop) -> None:
    shop.switch(errors=1)
    assert shop.ask("GET", "/orders")[0] == 500
    assert shop.ask("GET", "/healthz")[0] == 200


def test_wrong_amounts_are_written_and_right_ones_told(shop: Shop) -> None:
    session = shop.log_in()
    shop.switch(wrong_amount=0.1)
    shop.faults._looked = float("-inf")
    assert shop.ask("POST", "/orders", {"amount_cents": 1000}, cookie=session)[1]["amount_cents"] == 1000
    assert shop.store.latest()[0].amount_cents == 900


def test_lost_sessions_are_401(shop: Shop) -> None:
    session = shop.log_in()
    shop.switch(session_loss=1)
    shop.faults._looked = float("-inf")
    assert shop.ask("POST", "/orders", {"amount_cents": 1000}, cookie=session)[0] == 401


# --- what it counts


def test_probes_and_scrapes_are_not_counted(shop: Shop) -> None:
    before = shop.metrics()
    for path in ("/healthz", "/ready", "/metrics"):
        asyncio.run(shop.service.respond(Request("GET", path, {}, b"", True)))
    counted = [line for line in shop.metrics().splitlines() if line.startswith("http_")]
    assert counted == [line for line in before.splitlines() if line.startswith("http_")]


def test_users_are_counted_by_method_path_and_status(shop: Shop) -> None:
    shop.ask("GET", "/orders")
    shop.ask("POST", "/orders", {})
    text = shop.metrics()
    assert 'http_requests_total{method="GET",path="/orders",status="200"} 1.0' in text
    assert 'http_requests_total{method="POST",path="/orders",status="401"} 1.0' in text
    assert 'http_request_duration_seconds_bucket{le="0.5",method="GET",path="/orders"} 1.0' in text


def test_counters_stand_at_zero_before_the_first_request_and_strangers_share_a_label() -> None:
    metrics = Metrics()
    assert 'http_requests_total{method="POST",path="/orders",status="500"} 0.0' in metrics.text().decode()
    metrics.observe("BREW", "/a/b/c", 404, 0.1)
    text = metrics.text().decode()
    assert 'http_requests_total{method="other",path="other",status="404"} 1.0' in text
    assert "_created" not in text


# --- the process


class Instance:
    """A running instance; sessions are out of reach."""

    def __init__(self, folder: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = ENVIRONMENT | {
            "PORT": str(self.port),
            "ORDERS_DATABASE": f"sqlite:///{folder}/orders.db",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "FAULTS_FILE": f"{folder}/faults.json",
            "DRAIN_SECONDS": "0.3",
        }
        argv = [sys.executable, "-m", "sandbox.order_service"]
        self.process = subprocess.Popen(argv, env=os.environ | settings | environment, stdout=subprocess.PIPE)

    def get(self, path: str) -> int | None:
        """The status; None when nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()


@pytest.fixture
def instance(tmp_path: Path, until: Until) -> Iterator[Instance]:
    started = Instance(tmp_path)
    until(lambda: started.get("/ready") == 200)
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate(timeout=60)


def test_one_connection_serves_many_requests(instance: Instance) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=60)
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request("GET", "/orders")
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["X-Side"] == "legacy"
        assert answer.headers["X-Instance"] == "vm-1"
        assert connection.sock is first
    connection.close()


def test_requests_sent_together_are_answered_in_their_order(instance: Instance) -> None:
    with socket.create_connection(("127.0.0.1", instance.port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = b""
        while data := connection.recv(4096):
            answer += data
    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 404")


def test_stopping_loses_no_request_and_ends_with_0(instance: Instance) -> None:
    statuses: list[int] = []
    lost: list[Exception] = []

    def use() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=60)
        while len(statuses) < 100_000:
            try:
                connection.request("GET", "/orders")
                answer = connection.getresponse()
                statuses.append(answer.status)
                answer.read()
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException) as error:
                lost.append(error)
                return
            # What a gateway does: it stops sending new work once the instance is not ready.
            if answer.headers.get("Connection") == "close":
                return

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    while len(statuses) < 100:
        time.sleep(0.01)
    instance.process.send_signal(signal.SIGTERM)
    while instance.process.poll() is None and (ready := instance.get("/ready")) == 200:
        time.sleep(0.01)
    assert ready == 503
    for user in users:
        user.join(timeout=60)
    output, _ = instance.process.communicate(timeout=60)
    assert lost == []
    assert set(statuses) == {200}
    assert instance.process.returncode == 0
    assert output.decode().splitlines()[-1].endswith("stopped")


def test_the_crash_fault_ends_it_with_1(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('{"legacy": {"crash": true}}')
    assert instance.process.wait(timeout=60) == 1


def test_a_leak_grows_and_is_given_back(instance: Instance, tmp_path: Path, until: Until) -> None:
    def held() -> int:
        status = Path(f"/proc/{instance.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024

    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    before = held()
    (tmp_path / "faults.json").write_text('{"legacy": {"leak": 200}}')
    until(lambda: held() > before + 40)
    (tmp_path / "faults.json").unlink()
    until(lambda: held() < before + 10)


def test_a_slow_start_answers_nobody_and_can_be_stopped(tmp_path: Path, until: Until) -> None:
    (tmp_path / "faults.json").write_text('{"legacy": {"slow_start": 600}}')
    slow = Instance(tmp_path)
    try:
        until(lambda: _handles_sigterm(slow.process.pid))
        assert slow.get("/healthz") is None
        slow.process.send_signal(signal.SIGTERM)
        assert slow.process.wait(timeout=60) == 0
    finally:
        slow.process.kill()
        slow.process.communicate(timeout=60)


def _handles_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("signal masks are read from /proc")
    caught = int(status.read_text().partition("SigCgt:")[2].split()[0], 16)
    return bool(caught & 1 << (signal.SIGTERM - 1))


def test_bad_settings_end_it_with_their_own_exit_code(tmp_path: Path) -> None:
    instance = Instance(tmp_path, SIDE="left")
    instance.process.communicate(timeout=60)
    assert instance.process.returncode == BadParameters.exit_code


@pytest.mark.range
def test_a_session_made_on_one_machine_goes_on_on_another(practice_range: Plan) -> None:
    first, second, _ = practice_range.legacy.values()
    connection = http.client.HTTPConnection(first.host, first.port, timeout=60)
    connection.request("POST", "/login", body='{"customer": "traveller"}')
    answer = connection.getresponse()
    cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    connection.close()
    connection = http.client.HTTPConnection(second.host, second.port, timeout=60)
    connection.request("POST", "/orders", body='{"amount_cents": 4200}', headers={"Cookie": cookie})
    answer = connection.getresponse()
    order = json.loads(answer.read())
    connection.close()
    assert (answer.status, order["customer"], order["instance"]) == (201, "traveller", "vm-2")
