"""Migration mode, profile, hand-over, quantities: tables of cases."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

import pytest

from runbook_lib.artefacts import Host, Node, node_of
from runbook_lib.errors import CriterionFailed
from runbook_lib.judge.assessment import Subject, assess
from runbook_lib.judge.capacity import Sizing
from runbook_lib.judge.decision import require
from runbook_lib.judge.drift import compare_hosts
from runbook_lib.judge.handover import handover
from runbook_lib.judge.inventory.merge import merge
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.profile import agents, figures, java_needs, known
from runbook_lib.judge.quantity import quantity, rounded
from runbook_lib.model import Outcome, Verdict
from tests.judge.test_size import machines


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
    ("rpo", "wanted"),
    [("0s", 0.0), ("15min", 900.0), ("1.5h", 5400.0), ("7d", 604800.0), ("soon", None), (15, None), (None, None)],
)
def test_how_much_data_may_be_lost_is_handed_over(rpo: object, wanted: float | None) -> None:
    assert handover(node_of({"objectives": {"rpo": rpo}}), [], [], [], REFUSED).rpo_seconds == wanted


@pytest.mark.parametrize(
    ("runtime", "facts", "heap"),
    [
        ({"language": "java", "options": "-Xmx2g -XX:MaxMetaspaceSize=128m"}, "-Xmx512m", 2048.0),
        ({"language": "java"}, "-Xmx512m", 512.0),
        ({"language": "python"}, "-Xmx512m", None),
        ({"language": "java"}, "-server", None),
        ({"language": "Java 8"}, "-Xmx1g -Xmx536870912", 512.0),
        ({"language": "JavaScript"}, "-Xmx1g", None),
        ({"language": "java", "heap_mib": 700.0}, "-server", 700.0),
        ({"language": "java", "heap_mib": 700.0}, "-Xmx1g", 1024.0),
        ({"heap_mib": float("nan")}, "", None),
    ],
)
def test_what_a_jvm_may_take_is_read_from_its_options(runtime: dict[str, str], facts: str, heap: float | None) -> None:
    needs = java_needs(node_of({"runtime": runtime}), [host("a", local={"java": {"options": facts}})])
    assert (needs.heap if needs else None) == heap


def test_of_several_hosts_the_largest_jvm_counts_and_threads_are_those_that_were_seen() -> None:
    hosts = [
        host(name, local={"java": {"options": text}}) for name, text in (("a", "-Xmx1g"), ("b", "-Xmx2g -Xss512k"))
    ]
    needs = java_needs(node_of({"runtime": {"threads": 249.5}}), hosts)
    assert needs is not None
    assert (needs.heap, needs.threads, needs.stack, needs.metaspace) == (2048.0, 250, 0.5, 256.0)


@pytest.mark.parametrize(
    ("runtime", "java", "said"),
    [
        ({"language": "java"}, {"options": "-server"}, True),
        ({}, {"version": "1.8.0_181"}, True),
        ({"language": "java"}, {"options": "-Xmx512m"}, False),
        ({"language": "java", "options": "-XX:MaxRAMPercentage=75.0"}, {}, False),
        ({"language": "python"}, {"version": "11"}, False),
        ({}, {}, False),
    ],
)
def test_a_jvm_of_which_nobody_knows_the_heap_is_told_with_its_size(
    runtime: dict[str, str], java: dict[str, str], said: bool
) -> None:
    hosts = (host("vm-0", local={"java": java}),)
    found = assess(Subject("a", node_of({"runtime": runtime}), hosts=hosts, usage=machines(1, 400)))
    assert found.sizing.sizes
    assert ("without -Xmx a JVM takes a quarter of the limit" in found.verdicts[1].message) is said
    without = assess(Subject("a", node_of({"runtime": runtime}), hosts=hosts))
    assert "-Xmx" not in without.verdicts[1].message


def test_what_another_source_says_stands_beside_the_value() -> None:
    table = node_of(
        {"owner": "it", "port": 81, "databases": ["orders"], "operations": {"instances": ["10.0.0.1"]}}, "cmdb.csv", 4
    )
    stated = merge([PROFILE, table])
    hosts = [host("a", default_ipv4={"address": "10.0.0.1"}), host("b")]
    rows = {row.name: row for row in known(stated.node, hosts, compare_hosts(hosts), stated.conflicts)}
    assert (rows["owner"].value, rows["owner"].conflict) == ("shop", "cmdb.csv:4 says it")
    assert (rows["port"].value, rows["port"].origin) == ("81", "cmdb.csv:4")
    assert (rows["instances"].value, rows["instances"].conflict) == ("2: a, b", "cmdb.csv:4 says 10.0.0.1")
    assert (rows["orders"].topic, rows["orders"].value) == ("depends on", "database")


def test_a_conflict_without_a_row_of_its_own_gets_one() -> None:
    sources = [node_of({"dependencies": [{"name": name}], "purpose": name}, f"{name}.yaml", 1) for name in ("a", "b")]
    merged = merge(sources)
    rows = {row.name: row for row in known(merged.node, [], [], merged.conflicts)}
    assert (rows["dependencies"].topic, rows["dependencies"].conflict) == ("depends on", "b.yaml:1 says b")
    assert (rows["purpose"].topic, rows["purpose"].value, rows["purpose"].conflict) == (
        "basics",
        "a",
        "b.yaml:1 says b",
    )


@pytest.mark.parametrize("instances", [["A", "10.0.0.2"], ["a.shop.example", "10.0.0.2:22"]])
def test_instances_are_the_same_by_any_of_their_names(instances: list[str]) -> None:
    hosts = [host("a"), host("b", default_ipv4={"address": "10.0.0.2"})]
    stated = node_of({"operations": {"instances": instances}}, "p.yaml", 2)
    rows = {row.name: row for row in known(stated, hosts, [])}
    assert rows["instances"].conflict == ""
    assert {row.name: row for row in known(stated, hosts[:1], [])}["instances"].conflict.startswith("p.yaml:2 names")
    nobody = {row.name: row for row in known(stated, [], [])}["instances"]
    assert (nobody.value[:3], nobody.origin) == ("2: ", "p.yaml:2")


def test_a_host_that_does_not_know_its_zone_contradicts_nobody() -> None:
    hosts = [host("a", local={"timezone": "Etc/UTC"}), host("b")]
    rows = {row.name: row for row in known(PROFILE, hosts, compare_hosts(hosts))}
    assert rows["time zone"].conflict == ""


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


@pytest.mark.parametrize("stated", [0.91, 91, "91%", [0.91, 0.91]])
def test_a_success_rate_counts_the_same_however_it_is_written(stated: object) -> None:
    found = figures(node_of({"releases": {"success_rate": stated}}, "profile.yaml"))["release success before"]
    assert (found.value.low, found.value.high) == (0.91, 0.91)
