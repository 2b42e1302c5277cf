"""The load generator: who its users are, what it counts, and that no order is asked for twice under two names."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from runbook_lib.errors import CriterionFailed, Unreachable
from sandbox import plan as plans
from sandbox.load import __main__ as command_line
from sandbox.load import generate
from sandbox.load.check import check_orders
from sandbox.load.counts import Tally, totals
from sandbox.load.generate import Generator, new_client, wait_until_open
from sandbox.load.report import Files, orders_file
from sandbox.load.users import STAYING, Users
from sandbox.order_service.store import SCHEMA
from sandbox.plan import Plan, Ports

Until = Callable[[Callable[[], bool]], None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


# --- users


def test_most_users_look_some_order_few_log_in() -> None:
    users = Users(seed=3, run="a")
    users.logged_in("s")
    kinds = Counter(users.next().kind for _ in range(10_000))
    assert 6_800 < kinds["browse"] < 7_200
    assert 1_850 < kinds["order"] < 2_150
    assert 850 < kinds["login"] < 1_150


def test_a_seed_draws_the_same_users_but_every_order_has_an_id_of_its_own() -> None:
    def draw() -> list[tuple[str, int, str]]:
        users = Users(seed=5, run="a")
        users.logged_in("s")
        asks = [users.next() for _ in range(200)]
        return [(ask.kind, ask.amount_cents, ask.id) for ask in asks]

    one, other = draw(), draw()
    assert [ask[:2] for ask in one] == [ask[:2] for ask in other]
    ids = [ask[2] for ask in one + other if ask[0] == "order"]
    assert len(ids) == len(set(ids)) > 0


def test_nobody_orders_without_having_logged_in() -> None:
    users = Users(seed=1, run="a")
    assert {users.next().kind for _ in range(200)} == {"browse", "login"}


def test_some_users_stay_while_others_come_and_go() -> None:
    users = Users(seed=1, run="a")
    for number in range(2_000):
        users.logged_in(f"s{number}")
    assert users._sessions[:STAYING] == [f"s{number}" for number in range(STAYING)]
    assert len(users._sessions) == 200


# --- counts


def test_a_tally_counts_by_side_and_knows_its_quantiles() -> None:
    tally = Tally()
    for milliseconds in range(1, 101):
        tally.add("legacy", milliseconds / 1000, None)
    tally.add("kubernetes", 0.5, "500")
    tally.add(None, 5.0, "connection")
    line = tally.as_json()
    assert (line["requests"], line["failed"]) == (102, 2)
    assert line["by_side"] == {"legacy": 100, "kubernetes": 1}
    assert line["failed_by_side"] == {"legacy": 0, "kubernetes": 1}
    assert line["failures"] == {"500": 1, "connection": 1}
    assert (line["p50_ms"], line["p99_ms"]) == (51.0, 500.0)
    assert Tally().as_json()["p50_ms"] is None


def _line(second: int, failed: int = 0) -> dict[str, object]:
    tally = Tally()
    for number in range(10):
        tally.add("kubernetes" if number < 3 else "legacy", 0.001 * second, "502" if number < failed else None)
    return {"at": f"2026-11-20T12:00:{second:02}.000Z", "second": second, **tally.as_json()}


def test_totals_between_two_times_leave_out_the_rest_and_the_line_being_written(tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    lines = [json.dumps(_line(second, failed=second)) for second in range(1, 6)]
    path.write_text("\n".join(lines) + "\n" + lines[0][:40])
    found = totals(path, datetime(2026, 11, 20, 12, 0, 2, tzinfo=UTC), datetime(2026, 11, 20, 12, 0, 4, tzinfo=UTC))
    assert (found.seconds, found.requests, found.failed) == (2, 20, 5)
    assert found.failures == {"502": 5}
    assert found.share() == 0.3
    assert found.worst_p99_ms == 3.0
    assert totals(path).seconds == 5
    assert totals(tmp_path / "absent").requests == 0
    assert totals(tmp_path / "absent").share() is None


# --- orders against the database


def _check(tmp_path: Path, asked: list[tuple[str, int, bool]], rows: list[tuple[str, str, int]]) -> object:
    orders = tmp_path / "load-orders.jsonl"
    lines: list[dict[str, object]] = [{"customers": "load-a-"}]
    for order_id, cents, acknowledged in asked:
        lines += [{"id": order_id, "amount_cents": cents}, {"id": order_id, "acknowledged": acknowledged}]
    orders.write_text("".join(json.dumps(line) + "\n" for line in lines))
    connection = sqlite3.connect(tmp_path / "orders.db")
    connection.executescript(SCHEMA)
    values = [(i, "legacy", "vm-1", customer, c, "now") for i, customer, c in rows]
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", values)
    connection.commit()
    connection.close()
    found = check_orders(orders, tmp_path / "orders.db")
    return (found.right, found.lost, found.doubled, found.wrong_amounts, found.unanswered)


@pytest.mark.parametrize(
    ("asked", "rows", "expected"),
    [
        ([("a", 5, True)], [("a", "load-a-1", 5)], (True, [], [], {}, [])),
        ([("a", 5, True)], [], (False, ["a"], [], {}, [])),
        ([("a", 5, True)], [("a", "load-a-1", 5), ("b", "load-a-1", 5)], (False, [], ["b"], {}, [])),
        ([("a", 5, True)], [("a", "load-a-1", 4)], (False, [], [], {"a": (5, 4)}, [])),
        ([("a", 5, False)], [("a", "load-a-1", 5)], (True, [], [], {}, ["a"])),
        ([("a", 5, False)], [], (True, [], [], {}, [])),
        ([("a", 5, True)], [("a", "load-a-1", 5), ("b", "guest-1", 7)], (True, [], [], {}, [])),
    ],
    ids=["right", "lost", "doubled", "wrong amount", "written unanswered", "never taken", "somebody else's"],
)
def test_lost_doubled_and_wrong_orders_are_told_apart(
    tmp_path: Path, asked: list[tuple[str, int, bool]], rows: list[tuple[str, str, int]], expected: object
) -> None:
    assert _check(tmp_path, asked, rows) == expected


def test_an_order_that_is_on_its_way_is_neither_lost_nor_doubled(tmp_path: Path) -> None:
    orders = tmp_path / "load-orders.jsonl"
    orders.write_text(
        '{"customers": "load-a-"}\n{"id": "a", "amount_cents": 5}\n{"id": "b", "amount_cents": 5}\n{"id": "a", "ackn'
    )
    connection = sqlite3.connect(tmp_path / "orders.db")
    connection.executescript(SCHEMA)
    connection.execute("INSERT INTO orders VALUES ('a', 'legacy', 'vm-1', 'load-a-1', 5, 'now')")
    connection.commit()
    connection.close()
    found = check_orders(orders, tmp_path / "orders.db")
    assert found.right, str(found)
    assert found.unanswered == []


def test_a_check_without_a_load_or_a_database_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="no load has run"):
        check_orders(tmp_path / "absent", tmp_path / "orders.db")
    (tmp_path / "load-orders.jsonl").write_text('{"customers": "load-a-"}\n')
    with pytest.raises(Unreachable, match=r"orders\.db"):
        check_orders(tmp_path / "load-orders.jsonl", tmp_path / "orders.db")


# --- sending


class Entrance:
    """A shop that remembers what it was asked; ``orders`` decides what becomes of each POST /orders."""

    def __init__(self, orders: Handler | None = None) -> None:
        self.keys: list[str] = []
        self.sessions: list[str] = []
        self._orders = orders
        self.url = ""

    async def list(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({}, headers={"X-Side": "legacy"})

    async def login(self, request: web.Request) -> web.StreamResponse:
        token = f"{len(self.sessions):032x}"
        self.sessions.append(token)
        return web.json_response({}, headers={"X-Side": "legacy", "Set-Cookie": f"session={token}; Path=/"})

    async def take(self, request: web.Request) -> web.StreamResponse:
        key = request.headers["Idempotency-Key"]
        self.keys.append(key)
        if self._orders is not None:
            return await self._orders(request)
        return web.json_response({"id": key}, status=201, headers={"X-Side": "kubernetes"})


def _drive(
    tmp_path: Path, entrance: Entrance, requests: int = 60, rate: float = 300
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Let users in; returns the orders on the list and the total."""

    async def drive() -> None:
        application = web.Application()
        application.add_routes([web.get("/orders", entrance.list), web.post("/orders", entrance.take)])
        application.add_routes([web.post("/login", entrance.login)])
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        entrance.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        plan = Plan("test", tmp_path)
        users = Users(seed=1, run="a")
        files = Files(plan, rate, users.customers)
        async with new_client() as client:
            await Generator(client, entrance.url, users, files).run(rate, requests / rate, asyncio.Event())
        files.close()
        await runner.cleanup()

    asyncio.run(drive())
    plan = Plan("test", tmp_path)
    orders: dict[str, dict[str, object]] = {}
    for line in map(json.loads, orders_file(plan).read_text().splitlines()[1:]):
        orders[line["id"]] = orders.get(line["id"], {}) | line
    return list(orders.values()), json.loads(plan.load_total.read_text())


def test_every_request_is_counted_once_and_every_acknowledged_order_is_written_down(tmp_path: Path) -> None:
    entrance = Entrance()
    orders, total = _drive(tmp_path, entrance)
    assert (total["requests"], total["failed"], total["retried"]) == (60, 0, 0)
    assert total["by_side"] == {"legacy": 60 - len(orders), "kubernetes": len(orders)}
    assert {str(order["id"]) for order in orders} == set(entrance.keys)
    assert all(order["acknowledged"] for order in orders)
    assert total["orders_acknowledged"] == len(orders) > 0
    assert total["orders_amount_cents"] == sum(int(str(order["amount_cents"])) for order in orders)
    assert total["running"] is False


def test_an_order_whose_connection_died_is_asked_for_again_under_the_same_name(tmp_path: Path) -> None:
    seen: set[str] = set()

    async def dies_first(request: web.Request) -> web.StreamResponse:
        key = request.headers["Idempotency-Key"]
        if key not in seen:
            seen.add(key)
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"id": key}, headers={"X-Side": "legacy"})

    entrance = Entrance(dies_first)
    orders, total = _drive(tmp_path, entrance)
    assert total["failed"] == 0
    assert total["retried"] == len(orders) > 0
    assert Counter(entrance.keys) == {str(order["id"]): 2 for order in orders}


def test_an_order_that_never_gets_an_answer_is_a_failure_and_may_have_been_taken(tmp_path: Path) -> None:
    async def dies(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    entrance = Entrance(dies)
    orders, total = _drive(tmp_path, entrance)
    assert orders
    assert not any(order["acknowledged"] for order in orders)
    assert {str(order["id"]) for order in orders} == set(entrance.keys)
    assert max(Counter(entrance.keys).values()) == 2
    assert total["failures"] == {"connection": len(orders)}
    assert total["orders_acknowledged"] == 0


def test_a_refused_order_is_a_failure_with_its_status(tmp_path: Path) -> None:
    async def refuses(request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, headers={"X-Side": "kubernetes"})

    entrance = Entrance(refuses)
    orders, total = _drive(tmp_path, entrance)
    assert not any(order["acknowledged"] for order in orders)
    assert total["failures"] == {"401": len(entrance.keys)}
    assert total["failed_by_side"] == {"legacy": 0, "kubernetes": len(entrance.keys)}


def test_more_than_the_bound_is_never_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "MOST_IN_FLIGHT", 3)
    monkeypatch.setattr(generate, "PATIENCE", 0.3)
    most = [0, 0]

    class Slow(Entrance):
        async def list(self, request: web.Request) -> web.StreamResponse:
            most[0] += 1
            most[1] = max(most)
            await asyncio.sleep(0.2)
            most[0] -= 1
            return web.json_response({})

    _, total = _drive(tmp_path, Slow(), requests=60, rate=2_000)
    failures = total["failures"]
    assert isinstance(failures, dict)
    assert failures["overload"] > 0
    assert total["requests"] == 60
    assert 0 < most[1] <= 3


def test_users_wait_until_the_shop_is_open_and_give_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "START_PATIENCE", 0.05)

    async def wait() -> None:
        async with ClientSession() as client:
            await wait_until_open(client, "http://127.0.0.1:1")

    with pytest.raises(Unreachable, match="not open"):
        asyncio.run(wait())


# --- the command line


@pytest.mark.parametrize("words", [["--rate", "0"], ["--seconds", "-1"], ["--rate", "many"], ["jump"], []])
def test_a_wrong_command_line_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    needed = ["--plan", "plan.json"] if words else []
    with pytest.raises(SystemExit) as refused:
        command_line.main([*words, *needed])
    assert refused.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_without_a_range_there_is_a_sentence_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["--plan", "/no/such/plan.json"]) == Unreachable.exit_code
    assert "python -m sandbox up" in capsys.readouterr().err


def test_the_check_ends_with_its_own_exit_code_when_an_order_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan("test", tmp_path, ports=Ports())
    plans.save(plan)
    _check(tmp_path, [("a", 5, True)], [])
    assert command_line.main(["check", "--plan", str(plan.file)]) == CriterionFailed.exit_code
    assert "1 lost" in capsys.readouterr().out


@pytest.mark.range
def test_traffic_through_a_range_ends_on_sigterm_with_every_order_in_the_database(
    practice_range: Plan, until: Until
) -> None:
    argv = [sys.executable, "-m", "sandbox.load", "--plan", str(practice_range.file), "--rate", "100"]
    practice_range.load_total.unlink(missing_ok=True)
    load = subprocess.Popen(argv)
    try:
        until(lambda: practice_range.load_total.exists() and totals(practice_range.load_lines).seconds >= 3)
        while_running = check_orders(orders_file(practice_range), practice_range.orders_database)
        assert while_running.right, str(while_running)
        load.send_signal(signal.SIGTERM)
        assert load.wait(timeout=60) == 0
    finally:
        if load.poll() is None:
            load.kill()
    seen = totals(practice_range.load_lines)
    assert seen.failed == 0
    assert seen.by_side["legacy"] == seen.requests > 0
    assert json.loads(practice_range.load_total.read_text())["requests"] == seen.requests
    found = check_orders(orders_file(practice_range), practice_range.orders_database)
    assert found.right, str(found)
    assert found.acknowledged == seen.orders_acknowledged > 0
