"""What hangs on a fixed address: found in the profile and in the source, with the way that Pods go instead."""

from __future__ import annotations

import pytest

from runbook_lib.artefacts import Evidence, Node, Rule, node_of
from runbook_lib.judge.grants import Grant, grants


def stated(**keys: object) -> Node:
    return node_of(keys, "p/profile.yaml", 7)


def held(address: str, line: int = 3, suppressed: str = "", topic: str = "fixed-address") -> Evidence:
    rule = Rule("fixed", "Holds a fixed address", topic, "blocking", "text", ("*",), "", "", "", "")
    return Evidence(rule, "app.properties", line, f"host={address}", address, suppressed)


def dependency(**keys: object) -> Node:
    return stated(dependencies=[{"name": "it", **keys}])


def test_a_dependency_that_lets_addresses_in_is_listed_and_one_with_a_password_is_not() -> None:
    found = grants(
        stated(
            dependencies=[
                {"name": "db", "kind": "database", "address": "10.0.0.1:5432", "grant": "by address"},
                {"name": "cache", "kind": "redis", "address": "10.0.0.2:6379", "grant": "by password"},
                {"name": "x"},
            ]
        )
    )
    assert [(one.dependency, one.address, one.origin, one.kind) for one in found] == [
        ("db", "10.0.0.1:5432", "profile.yaml:7", "grant")
    ]


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        ({"kind": "database", "address": "10.0.0.1:5432", "grant": "by address"}, "a password or a client certificate"),
        ({"kind": "http", "address": "10.0.0.1:80", "grant": "by address"}, "let the Pod network in once"),
        ({"kind": "http", "address": "8.8.4.4:443", "grant": "by address"}, "an egress gateway"),
        ({"kind": "http", "address": "10.0.0.1:80"}, "ask its owner whether"),
        ({"kind": "http", "address": "[fd00:10::7]:80"}, "ask its owner whether"),
        ({"kind": "http", "address": "2606:4700::1111", "grant": "by address"}, "an egress gateway"),
    ],
)
def test_the_way_to_try_first_follows_what_is_called_and_where(keys: dict[str, object], first: str) -> None:
    (found,) = grants(dependency(**keys))
    assert found.instead.startswith(first)


def test_a_database_can_be_granted_pod_by_pod_and_what_that_needs_is_said() -> None:
    (found,) = grants(dependency(kind="mysql", address="10.0.0.1", grant="by address"))
    per_pod = next(way for way in found.otherwise if "status.podIP" in way)
    assert "preStop" in per_pod and "run out by itself" in per_pod and "twice must be harmless" in per_pod


def test_who_lets_in_by_nobody_knows_what_is_named_as_that_and_is_no_grant() -> None:
    (found,) = grants(dependency(kind="http", address="10.0.0.1:80"))
    assert found.kind == "unknown"


def test_a_name_in_place_of_an_address_needs_no_question() -> None:
    assert grants(dependency(kind="http", address="stock.example.com:80")) == ()


@pytest.mark.parametrize(
    "firewall",
    [
        "10.1.2.3 -> 10.9.0.1:443; 10.1.2.4 -> 203.0.113.9:22",
        ["10.1.2.3 -> 10.9.0.1:443", "10.1.2.4 -> 203.0.113.9:22"],
        [{"from": ["10.1.2.3"], "to": "10.9.0.1:443"}, {"from": "10.1.2.4", "to": "203.0.113.9:22"}],
    ],
)
def test_firewall_rules_are_read_from_a_text_a_list_or_mappings(firewall: object) -> None:
    found = grants(stated(firewall=firewall))
    assert [(one.dependency, one.kind) for one in found] == [
        ("10.9.0.1:443", "firewall"),
        ("203.0.113.9:22", "firewall"),
    ]
    assert found[0].address == "10.1.2.3 -> 10.9.0.1:443"


def test_grants_of_their_own_are_listed() -> None:
    (found,) = grants(stated(grants=[{"name": "partner bank", "address": "1.1.1.1:443"}]))
    assert (found.dependency, found.instead.split(":")[0]) == ("partner bank", "an egress gateway")


def test_an_address_of_the_source_that_the_profile_knows_is_one_entry_with_its_places() -> None:
    (found,) = grants(dependency(kind="http", address="10.0.0.1:80", grant="by address"), [held("10.0.0.1")])
    assert found.source == ("app.properties:3",)


def test_an_address_that_only_the_source_knows_is_an_entry_of_its_own() -> None:
    (found,) = grants(stated(), [held("10.0.0.9"), held("host:10.0.0.9", 8)])
    assert (found.kind, found.address, found.source) == ("source", "10.0.0.9", ("app.properties:3", "app.properties:8"))
    assert "EndpointSlice" in found.instead and "ask its owner" in found.instead


def test_an_address_of_the_new_protocol_is_one_however_it_is_written() -> None:
    known = dependency(kind="redis", address="[FD00:10:0::2]:6379", grant="by password")
    (found,) = grants(known, [held("fd00:10::2"), held("http://[fd00:10::9]:8080/")])
    assert (found.kind, found.address) == ("source", "fd00:10::9")


def test_an_address_of_the_applications_own_machines_is_told_as_that() -> None:
    (found,) = grants(stated(operations={"instances": ["10.0.0.9"]}), [held("10.0.0.9")])
    assert found.dependency == "itself"


def test_an_address_with_a_password_that_the_source_holds_is_not_told_twice() -> None:
    assert grants(dependency(kind="redis", address="10.0.0.2:6379", grant="by password"), [held("10.0.0.2")]) == ()


@pytest.mark.parametrize(
    "text",
    [
        *("127.0.0.1", "0.0.0.0", "300.1.1.1", "1.2.3.4.5", "v10.1.2.3", "010.1.2.3"),
        *("::1", "[::]:80", "12:30:45", "00:1a:2b:3c:4d:5e", "a::b", "std::map", "1:2:3:4:5:6:7:8:9"),
    ],
)
def test_what_is_no_address_of_another_machine_is_left_out(text: str) -> None:
    assert grants(stated(), [held(text)]) == ()


def test_what_was_suppressed_with_a_reason_or_is_of_another_topic_is_left_out() -> None:
    assert grants(stated(), [held("10.0.0.9", suppressed="a test"), held("10.0.0.9", topic="localhost")]) == ()


@pytest.mark.parametrize("keys", [{}, {"dependencies": "x"}, {"dependencies": [3]}, {"firewall": 3}, {"grants": {}}])
def test_a_profile_of_another_shape_is_no_traceback(keys: dict[str, object]) -> None:
    assert all(isinstance(one, Grant) for one in grants(stated(**keys)))
