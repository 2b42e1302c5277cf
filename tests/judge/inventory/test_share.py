"""What a machine used is its application's; where several share one, their processes', or nobody's."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import pytest

from runbook_lib.artefacts import Host, node_of
from runbook_lib.judge.inventory.share import Shares, share

AT = pd.Timestamp("2026-11-04", tz="UTC")


def host(name: str, address: str = "", **facts: Any) -> Host:
    return Host(name, {"default_ipv4": {"address": address}, **facts}, f"/facts/{name}")


def used(*points: tuple[str, int, float, float], processes: tuple[str, ...] = ()) -> pd.DataFrame:
    """Machine, minutes since the beginning, cores, MiB."""
    table = pd.DataFrame(points, columns=["instance", "at", "cpu_cores", "memory_mib"])
    table["at"] = AT + pd.to_timedelta(table["at"], unit="min")
    table["instance"] = table["instance"].astype("category")
    table = table.assign(starting=False, requests=float("nan"))
    return table.assign(process=pd.Series(processes, dtype="category")) if processes else table


def rows(shares: Shares, application: str) -> list[list[Any]]:
    found: list[list[Any]] = shares.tables[application][["instance", "cpu_cores"]].to_numpy().tolist()
    return found


def said(shares: Shares) -> list[str]:
    return [finding.message for finding in shares.findings]


def test_an_application_gets_the_use_of_its_machines_under_the_hosts_names() -> None:
    hosts = {"orders": (host("vm-2", "10.0.0.2"), host("vm-1", "10.0.0.1")), "stock": (host("vm-3"),), "pay": ()}
    machines = used(
        ("10.0.0.1:9100", 5, 0.1, 1), ("10.0.0.1:9100", 0, 0.2, 1), ("VM-2", 0, 0.3, 1), ("vm-3", 0, 0.4, 1)
    )
    shares = share(hosts, machines)
    assert (rows(shares, "orders"), rows(shares, "stock")) == (
        [["vm-1", 0.2], ["vm-1", 0.1], ["vm-2", 0.3]],
        [["vm-3", 0.4]],
    )
    assert list(shares.tables) == ["orders", "stock"]
    assert shares.tables["stock"]["instance"].cat.categories.tolist() == ["vm-3"]
    assert said(shares) == []


def test_a_shared_machine_is_split_by_process() -> None:
    shared, own = host("vm-1", "10.0.0.1"), host("vm-2")
    machines = used(("vm-1", 0, 3.0, 900), ("vm-2", 0, 0.5, 100))
    processes = used(
        ("10.0.0.1", 0, 1.0, 300), ("10.0.0.1", 0, 2.0, 500), ("vm-2", 0, 0.4, 90),
        processes=("order_service", "stock", "stock"),
    )  # fmt: skip
    shares = share({"Order Service": (shared,), "stock": (shared, own)}, machines, processes)
    assert rows(shares, "Order Service") == [["vm-1", 1.0]]
    assert rows(shares, "stock") == [["vm-1", 2.0], ["vm-2", 0.5]]
    assert shares.tables["stock"]["process"].isna().tolist() == [False, True]  # agents are in the second alone


@pytest.mark.parametrize("processes", [None, used(("vm-1", 0, 1.0, 1), processes=("java",))])
def test_what_cannot_be_told_apart_is_nobodys(processes: pd.DataFrame | None) -> None:
    shared = host("vm-1")
    shares = share({"orders": (shared,), "stock": (shared,)}, used(("vm-1", 0, 3.0, 1)), processes)
    assert shares.tables == {}
    assert [message.startswith("vm-1 is shared, and no process") for message in said(shares)] == [True, True]


def test_machines_of_nobody_are_named_together() -> None:
    shares = share({"orders": ()}, used(*((f"vm-{number}", 0, 1.0, 1.0) for number in range(12))))
    assert (shares.tables, ["and 2 more used is nobody's" in message for message in said(shares)]) == ({}, [True])


@pytest.mark.parametrize("point", [("vm-1", 5, 55.0, 100), ("vm-1", 5, 1.0, 100 * 1024)])
def test_more_than_the_machine_has_cannot_be(point: tuple[str, int, float, float]) -> None:
    machine = host("vm-1", processor_vcpus=4, memtotal_mb=8000)
    shares = share({"orders": (machine,)}, used(("vm-1", 0, 4.1, 8100), point))
    assert rows(shares, "orders") == [["vm-1", 4.1]]
    assert ["1 of 2 points of vm-1 are more than it has" in message for message in said(shares)] == [True]


def test_a_machine_measured_under_two_names_counts_once() -> None:
    shares = share({"orders": (host("vm-1", "10.0.0.1"),)}, used(("vm-1", 0, 1.0, 1), ("10.0.0.1", 0, 1.0, 1)))
    assert rows(shares, "orders") == [["vm-1", 1.0]]


def test_a_stated_machine_without_facts_counts_all_the_same() -> None:
    stated = [node_of({"application": "orders", "operations": {"instances": ["vm-1", "VM-2.shop.example", "vm-9"]}})]
    machines = used(("vm-1", 0, 1.0, 1), ("vm-2", 0, 2.0, 1), ("vm-3", 0, 3.0, 1))
    shares = share({"orders": (host("vm-1"),)}, machines, None, stated)
    assert rows(shares, "orders") == [["vm-1", 1.0], ["vm-2.shop.example", 2.0]]
    assert ["vm-3 used is nobody's" in message for message in said(shares)] == [True]


def test_a_machine_without_facts_that_two_state_is_neither_s() -> None:
    stated = [node_of({"application": name, "operations": {"instances": ["vm-1"]}}) for name in ("orders", "stock")]
    shares = share({"orders": (), "stock": ()}, used(("vm-1", 0, 1.0, 1)), None, stated)
    assert (shares.tables, len(said(shares))) == ({}, 2)


def test_nothing_measured_gives_nothing() -> None:
    nothing = pd.DataFrame(columns=["at", "instance", "cpu_cores", "memory_mib", "starting"])
    assert share({"orders": (host("vm-1"),)}, nothing) == Shares({}, ())


def test_a_fleet_is_shared_out_in_seconds() -> None:
    count, points = 3000, 100
    names = [f"vm-{n}" for n in range(count) for _ in range(points)]
    table = pd.DataFrame({
        "instance": pd.Categorical(names),
        "at": [AT + pd.Timedelta(minutes=5 * n) for n in range(points)] * count,
        "cpu_cores": 0.5, "memory_mib": 100.0, "starting": False, "requests": float("nan"),
    })  # fmt: skip
    began = time.process_time()
    shares = share({f"app-{n}": (host(f"vm-{n}"),) for n in range(count)}, table)
    assert time.process_time() - began < 8
    assert {len(one) for one in shares.tables.values()} == {points}
