from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import parts
from sandbox.parts import Part, all_parts, health
from sandbox.plan import Address, Plan
from sandbox.tools import Tool

TOOLS = {
    name: Tool(name, Path("/bin", name)) for name in ("nginx", "haproxy", "redis-server", "prometheus", "node_exporter")
}


def raises(error: Exception) -> Callable[[], bool]:
    def answers() -> bool:
        raise error

    return answers


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (lambda: True, ""),
        (lambda: False, "answers, but not as it should"),
        (raises(ConnectionRefusedError(111, "Connection refused")), "connection refused"),
        (raises(TimeoutError()), "no answer within 1 s"),
        (raises(http.client.BadStatusLine("x")), "answers no HTTP"),
        (raises(OSError("odd")), "odd"),
    ],
)
def test_health_says_in_words_why_a_part_does_not_answer(answers: Callable[[], bool], said: str) -> None:
    found = health(Part("one", (), (), answers))
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_one_that_accepts_and_says_nothing_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(*silent.getsockname())
        assert health(Part("one", (), (), parts.listens(address))) == ""
        assert "no answer" in health(Part("one", (), (), parts.http_answers(address, "/")))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan("test", tmp_path, 206)


def names(found: list[Part]) -> set[str]:
    return {part.name for part in found}


def test_load_is_only_put_on_when_it_is_asked_for(plan: Plan) -> None:
    assert names(all_parts(plan, TOOLS, rate=300)) - names(all_parts(plan, TOOLS)) == {"load"}


@pytest.mark.parametrize(("owned", "seconds"), [(False, "900"), (True, "86400")])
def test_users_leave_by_themselves_where_nobody_would_end_them(plan: Plan, owned: bool, seconds: str) -> None:
    (load,) = [part for part in all_parts(plan, TOOLS, rate=300, owned=owned) if part.name == "load"]
    assert load.argv[-2:] == ("--seconds", seconds)


def test_a_real_cluster_takes_the_place_of_the_embedded_one_and_its_follower(plan: Plan) -> None:
    assert names(all_parts(plan, TOOLS)) - names(all_parts(plan, TOOLS, embedded=False)) == {"kubernetes", "gateway"}


def test_only_what_would_forget_is_not_started_again(plan: Plan) -> None:
    assert [part.name for part in all_parts(plan, TOOLS, rate=1) if not part.restarted] == ["kubernetes", "load"]


def test_every_listener_of_the_plan_belongs_to_one_part(plan: Plan) -> None:
    addresses = [address for part in all_parts(plan, TOOLS) for address in part.addresses]
    assert len(addresses) == len(set(addresses))
    hosts = {host for hosts in plan.listeners().values() for host in hosts} - {plan.pod_host(0)}
    assert {address.host for address in addresses} == hosts
