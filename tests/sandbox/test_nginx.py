from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import crossplane
import pytest

from sandbox import nginx
from sandbox.plan import Plan, project_root
from sandbox.tools import prepare

Block = list[dict[str, Any]]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A folder with a space in its name, as macOS likes them."""
    plan = Plan("test", tmp_path / "a range", 203)
    nginx.write(plan)
    return plan


def http(plan: Plan) -> Block:
    parsed = crossplane.parse(str(plan.part("nginx") / "nginx.conf"))
    assert parsed["status"] == "ok", parsed["errors"]
    [block] = [one["block"] for one in parsed["config"][0]["parsed"] if one["directive"] == "http"]
    return list(block)


def directives(block: Block, name: str) -> list[tuple[list[str], Any]]:
    return [(one["args"], one.get("block")) for one in block if one["directive"] == name]


def test_every_user_begins_on_the_legacy_side(plan: Plan) -> None:
    [(arguments, block)] = directives(http(plan), "split_clients")
    assert arguments == ["$request_id", "$order_service_side"]
    assert [(one["directive"], one["args"]) for one in block] == [("*", ["legacy"])]


def test_each_side_is_an_upstream_with_its_addresses(plan: Plan) -> None:
    servers = {
        arguments[0]: [address for [address], _ in directives(block, "server")]
        for arguments, block in directives(http(plan), "upstream")
    }
    assert servers == {
        "legacy": ["127.203.1.1:8080", "127.203.1.2:8080", "127.203.1.3:8080"],
        "kubernetes": ["127.203.0.40:8080"],
    }


def test_users_are_sent_to_the_side_that_the_split_names(plan: Plan) -> None:
    [(_, server)] = directives(http(plan), "server")
    [(_, location)] = directives(server, "location")
    assert directives(location, "proxy_pass") == [(["http://$order_service_side"], None)]


def test_a_grown_access_log_is_moved_aside_once(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    log = plan.part("nginx") / "access.log"
    assert not nginx.rotate(plan)
    log.write_text("four")
    assert not nginx.rotate(plan)
    monkeypatch.setattr(nginx, "LARGEST_LOG", 4)
    assert nginx.rotate(plan)
    assert (log.exists(), log.with_suffix(".log.1").read_text()) == (False, "four")
    assert not nginx.rotate(plan)


@pytest.fixture(scope="module")
def binary() -> Path:
    return prepare(project_root())["nginx"].binary


def accepts(plan: Plan, binary: Path) -> bool:
    done = subprocess.run([binary, *nginx.arguments(plan), "-t"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.range
def test_nginx_accepts_the_configuration_and_refuses_it_while_the_fault_is_on(plan: Plan, binary: Path) -> None:
    assert accepts(plan, binary)
    nginx.refuse_reload(plan, True)
    assert not accepts(plan, binary)
    nginx.refuse_reload(plan, False)
    assert accepts(plan, binary)
