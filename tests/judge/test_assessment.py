"""Migration mode, profile, hand-over, quantities: tables of cases."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

import pytest

from runbook_lib.artefacts import Host, Node, node_of
from runbook_lib.errors import CriterionFailed
from runbook_lib.judge.capacity import Sizing
from runbook_lib.judge.decision import require
from runbook_lib.judge.drift import compare_hosts
from runbook_lib.judge.handover import handover
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.profile import agents, java_needs, known
from runbook_lib.judge.quantity import quantity, rounded
from runbook_lib.model import Outcome, Verdict


def host(name: str, **facts: object) -> Host:
    return Host(name, facts, f"{name}.json")


def demand(topic: str, severity: str = "blocking", *captured: str) -> Demand:
    return Demand(topic, severity, "a control", ("A.java:1",), captured)


REFUSED = Sizing(Verdict("size", Outcome.INCONCLUSIVE, "insufficient data"))
PROFILE: Node = node_of(
    {
        "owner": "shop",
        "runtime": {"time_zone": "Etc/UTC", "start_seconds": 3},
        "state": {"sessions": {"shared": True}, "files": [{"path": "/data", "goes to": "S3"}]},
        "dependencies": [
            {"name": "db", "kind": "sql", "address": "10.0.0.1:5432", "grant": "by address"},
            {"name": "x"},
        ],
        "operations": {"physical_hosts": [2, 4], "vms_per_host": 10, "instances": ["a", "b"]},
    },
    "p/profile.yaml",
    7,
)


def test_a_value_has_its_origin_and_a_conflict_is_named() -> None:
    hosts = [host("a", local={"timezone": "Asia/Shanghai", "application": {"owner": "ops", "port": 80}})]
    rows = {row.name: row for row in known(PROFILE, hosts, compare_hosts(hosts))}
    assert (rows["owner"].value, rows["owner"].origin, rows["owner"].conflict) == (
        "shop",
        "profile.yaml:7",
        "hosts say ops",
    )
    assert (rows["port"].value, rows["port"].origin) == ("80", "facts of 1 hosts")
    assert rows["time zone"].conflict == "hosts say a Asia/Shanghai"
    assert rows["instances"].conflict == "profile.yaml:7 names a, b"
    assert (rows["kind"].value, rows["kind"].origin) == ("not known", "nobody says")


def test_the_handover_holds_what_was_measured_and_decided_and_no_number_that_was_refused() -> None:
    hosts = [host("a", local={"application": {"port": 8080}})]
    assessed = handover(PROFILE, hosts, compare_hosts(hosts), [demand("cron")], REFUSED)
    assert (assessed.ports, assessed.start_seconds, assessed.shared_sessions) == ((8080,), 3.0, True)
    assert (assessed.cpu_request, assessed.memory_mib, assessed.replicas) == (None, None, None)
    assert (assessed.decided, assessed.time_zone) == ({"/data": "S3"}, "Etc/UTC")


@pytest.mark.parametrize(
    ("runtime", "facts", "heap"),
    [
        ({"language": "java", "options": "-Xmx2g -XX:MaxMetaspaceSize=128m"}, "-Xmx512m", 2048.0),
        ({"language": "java"}, "-Xmx512m", 512.0),
        ({"language": "python"}, "-Xmx512m", None),
        ({"language": "java"}, "-server", None),
    ],
)
def test_what_a_jvm_may_take_is_read_from_its_options(runtime: dict[str, str], facts: str, heap: float | None) -> None:
    needs = java_needs(node_of({"runtime": runtime}), [host("a", local={"java": {"options": facts}})])
    assert (needs.heap if needs else None) == heap


def test_agents_of_the_machine_are_stated_in_the_profile() -> None:
    assert agents(node_of({"host_agents": {"cpu_cores": 0.05, "memory_mib": 200}})) == (0.05, 200.0)
    assert agents(PROFILE) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", 0.5), ("1", 1.0), ("1Gi", 2.0**30), ("1.5G", 1.5e9), ("1e3", 1000.0), ("2E", 2e18), ("1Ei", 2.0**60), ("1GB", None), ("512MB", None), ("", None), ("Mi", None), ("-1", -1.0), ("1e999", None)],
)  # fmt: skip
def test_quantities_are_read_as_the_api_server_reads_them(text: str, value: float | None) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize(
    ("given", "replicas", "up", "number"),
    [("25%", 3, True, 1), ("25%", 3, False, 0), ("25%", 4, False, 1), (2, 3, True, 2), ("100%", 3, False, 3), ("x", 3, True, None), (None, 4, True, 1)],
)  # fmt: skip
def test_surge_rounds_up_and_unavailable_rounds_down(
    given: object, replicas: int, up: bool, number: int | None
) -> None:
    assert rounded(node_of(given), replicas, "25%", up) == number


def test_what_could_not_be_measured_does_not_pass() -> None:
    require([Verdict("a", Outcome.PASS, "1 of 1")])
    with pytest.raises(CriterionFailed, match="b: no data"):
        require([Verdict("a", Outcome.PASS, "1 of 1"), Verdict("b", Outcome.INCONCLUSIVE, "no data")])
