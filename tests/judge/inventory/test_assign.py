"""Machines find their applications by what is stated, by their own facts, by their groups; doubts are named."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.artefacts import Host, Node, node_of
from runbook_lib.judge.inventory.assign import Assigned, assign, trees_of
from runbook_lib.judge.inventory.names import Names, names_of


def host(name: str, address: str = "", **facts: Any) -> Host:
    card = {"default_ipv4": {"address": address}} if address else {}
    return Host(name, {"hostname": name, **card, **facts}, f"/facts/{name}.json")


def app(name: str, instances: list[Any] | None = None, **more: Any) -> Node:
    return node_of({"application": name, "operations": {"instances": instances or [], **more}}, "cmdb.csv", 7)


def fact(*names: str) -> dict[str, Any]:
    return {"local": {"application": [{"name": name} for name in names]}}


def by_name(assigned: Assigned) -> dict[str, list[str]]:
    return {application: [one.name for one in hosts] for application, hosts in assigned.hosts.items()}


def said(assigned: Assigned) -> list[str]:
    return [finding.message for finding in assigned.findings]


@pytest.mark.parametrize(
    "instance", ["vm-1", "VM-1", "vm-1.shop.example", "vm-1.shop.example.", "10.0.0.1", "10.0.0.1:9100", " vm-1 "]
)
def test_a_stated_instance_is_found_by_any_of_its_names(instance: str) -> None:
    machine = host("vm-1", "10.0.0.1", fqdn="vm-1.shop.example")
    assigned = assign([machine], [app("orders", [instance])])
    assert (by_name(assigned), said(assigned)) == ({"orders": ["vm-1"]}, [])


def test_a_full_name_finds_a_short_one_unless_that_has_another_full_name() -> None:
    assert len(Names([host("vm-1")]).find("vm-1.shop.example")) == 1
    assert Names([host("vm-1", fqdn="vm-1.bank.example")]).find("vm-1.shop.example") == []


def test_what_every_machine_is_called_is_no_name() -> None:
    machine = host("vm-1", "10.0.0.1", fqdn="localhost.localdomain", all_ipv4_addresses=["127.0.0.1", "10.0.0.1", 5])
    assert names_of(machine) == ("vm-1", "10.0.0.1")


def test_a_host_nobody_states_says_itself_what_runs_on_it_and_else_its_groups_do() -> None:
    hosts = [
        host("vm-1", local={"application": {"name": "Orders"}}),
        host("vm-2", local={"application": "stock"}),
        host("vm-3", group_names=["prod", "stock_service"]),
    ]
    assigned = assign(hosts, [app("orders"), app("stock-service")])
    assert by_name(assigned) == {"orders": ["vm-1"], "stock-service": ["vm-3"], "stock": ["vm-2"]}
    assert [tree.plain() for tree in trees_of(hosts)] == [{"application": "Orders"}, {"application": "stock"}]


def test_a_host_of_two_applications_is_both_and_is_named() -> None:
    assigned = assign([host("vm-1")], [app("orders", ["vm-1"]), app("stock", ["vm-1"])])
    assert by_name(assigned) == {"orders": ["vm-1"], "stock": ["vm-1"]}
    assert said(assigned) == ["vm-1 runs orders and stock: what it uses has to be told apart by process"]
    assert assigned.findings[0].file == "/facts/vm-1.json"


def test_facts_that_contradict_what_is_stated_are_named() -> None:
    assigned = assign([host("vm-1", **fact("stock"))], [app("orders", ["vm-1"])])
    assert by_name(assigned) == {"orders": ["vm-1"], "stock": ["vm-1"]}
    assert said(assigned)[0].startswith("vm-1 is stated to run orders, its own facts say stock")


def test_hosts_of_nobody_applications_without_hosts_and_machines_without_facts_are_named() -> None:
    assigned = assign([host("vm-9")], [app("orders", ["vm-1"])])
    assert by_name(assigned) == {"orders": []}
    assert said(assigned) == [
        "cmdb.csv:7: no facts of vm-1, a machine of orders",
        "nobody says what runs on vm-9",
        "cmdb.csv:7: no facts of any host of orders",
    ]
    many = assign([host(f"vm-{number}") for number in range(60)], [])
    assert (len(many.findings), many.findings[-1].message) == (51, "nobody says what runs on 10 more hosts")


def test_a_name_that_two_machines_go_by_is_neither() -> None:
    twins = [Host(name, {"hostname": "vm-1"}, f"/facts/{name}") for name in ("a.shop", "b.shop")]
    assigned = assign(twins, [app("orders", ["vm-1"])])
    assert by_name(assigned) == {"orders": []}
    assert said(assigned)[0] == "cmdb.csv:7: vm-1 of orders may be each of a.shop, b.shop: name its address"


def test_environments_are_told_by_the_source_by_the_host_and_by_the_application() -> None:
    hosts = [
        host("vm-1"),
        host("vm-2", local={"application": {"environment": "test"}}),
        host("vm-3"),
    ]
    tree = app("orders", ["vm-1", "vm-2", "vm-3"], environments={"gray": ["vm-1"]})
    tree.value["environment"] = node_of("prod", "cmdb.csv", 7)
    (by,) = assign(hosts, [tree]).environments.values()
    assert {name: [one.name for one in some] for name, some in by.items()} == {
        "gray": ["vm-1"], "test": ["vm-2"], "prod": ["vm-3"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "facts",
    [
        {"local": 5},
        {"local": {"application": [None, 5, {}, {"name": 3}, {"name": " "}]}},
        {"group_names": "web", "default_ipv4": [], "fqdn": 7, "all_ipv4_addresses": {}},
    ],
)
def test_facts_that_make_no_sense_are_no_error(facts: dict[str, Any]) -> None:
    assert by_name(assign([host("vm-1", **facts)], [app("orders", [{"name": "vm-1"}, 17, None, []])])) == {
        "orders": ["vm-1"]
    }
