"""Drift, size, migration mode, profile and gain: tables of cases."""

# ruff: noqa: E501 - a case is one line of a table
from __future__ import annotations

import pandas as pd
import pytest

from runbook_lib.artefacts import Host, Node, node_of
from runbook_lib.errors import CriterionFailed
from runbook_lib.judge.capacity import Jvm, restarts, size, startup_budget
from runbook_lib.judge.decision import require
from runbook_lib.judge.drift import compare_hosts, drift_findings
from runbook_lib.judge.gain import Input, Range, gains
from runbook_lib.judge.handover import handover
from runbook_lib.judge.migration import decide, migration_verdict
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.profile import agents, figures, grants, java_needs, known
from runbook_lib.judge.quantity import quantity, rounded
from runbook_lib.model import Outcome, Verdict


def host(name: str, **facts: object) -> Host:
    return Host(name, facts, f"{name}.json")


def test_what_the_image_must_decide_comes_before_what_the_node_brings() -> None:
    hosts = [
        host(
            "a",
            kernel="3.10",
            distribution="CentOS",
            distribution_version="7.9",
            local={"java": {"version": "1.8.0_291"}},
        ),
        host(
            "b",
            kernel="3.10",
            distribution="CentOS",
            distribution_version="7.9",
            local={"java": {"version": "1.8.0_291"}},
        ),
        host(
            "c",
            kernel="4.18",
            distribution="CentOS",
            distribution_version="7.6",
            local={"java": {"version": "1.8.0_181"}},
        ),
    ]
    drifts = compare_hosts(hosts)
    assert [(row.aspect, row.odd) for row in drifts] == [
        ("JDK", ("c",)),
        ("operating system", ("c",)),
        ("kernel", ("c",)),
    ]
    assert drift_findings(drifts, hosts)[0].message == "JDK: usually 1.8.0_291, but c has 1.8.0_181"


def test_a_fact_that_is_missing_on_one_host_is_a_difference_and_one_nobody_has_is_no_row() -> None:
    drifts = compare_hosts([host("a", kernel="3.10"), host("b")])
    assert [(row.aspect, row.values) for row in drifts] == [("kernel", {"a": "3.10", "b": None})]
    assert [row.odd for row in drifts] == [("b",)]


@pytest.mark.parametrize(
    "facts", [{"mounts": 3}, {"packages": []}, {"local": "x"}, {"packages": {"openssl": [1]}}, {"dns": None}]
)
def test_facts_of_another_shape_are_missing_and_no_traceback(facts: dict[str, object]) -> None:
    compare_hosts([host("a", **facts), host("b", **facts)])


def test_one_host_alone_cannot_be_compared() -> None:
    only = [host("a", kernel="1")]
    assert [f.outcome for f in drift_findings(compare_hosts(only), only)] == [Outcome.INCONCLUSIVE]


def usage(points: int = 4032, step: str = "5min", cpu: float = 0.2, memory: float = 400.0) -> pd.DataFrame:
    """Two weeks of one instance: flat, with a tenth of the time at 2.5 times the CPU."""
    at = pd.date_range("2026-11-01", periods=points, freq=step, tz="UTC")
    cores = [cpu * 2.5 if n % 10 == 0 else cpu for n in range(points)]
    table = {"at": at, "instance": "a", "cpu_cores": cores, "memory_mib": memory, "starting": False}
    return pd.DataFrame(table)


@pytest.mark.parametrize(("points", "step"), [(99, "4h"), (2000, "5min"), (0, "5min")])
def test_too_little_data_gives_no_number(points: int, step: str) -> None:
    sizing = size(usage(points, step))
    assert (sizing.verdict.outcome, sizing.sizes, sizing.use) == (Outcome.INCONCLUSIVE, (), None)
    assert sizing.verdict.message.startswith("insufficient data")


def test_the_default_is_the_95th_percentile_and_the_peak_of_memory_with_a_margin() -> None:
    default, burst = size(usage()).sizes
    assert (default.cpu_request, default.cpu_limit, default.memory_request) == (0.5, None, 464)
    assert default.starved == 0.0
    # mean 0.23: the often quoted rule asks for 60 % of it, and needs more than it asked all the time
    assert (burst.cpu_request, burst.cpu_limit, burst.starved) == (0.14, 0.88, 1.0)
    assert burst.utilisation_mean == pytest.approx(0.23 / 0.14, rel=1e-3)


def test_host_agents_are_taken_off() -> None:
    assert size(usage(), agents=(0.1, 100.0)).sizes[0].memory_request == 352


def test_java_gets_everything_beside_its_heap() -> None:
    needs = Jvm(heap=512).needs
    assert needs == 512 + 256 + 64 + 240 + 100
    assert size(usage(), Jvm(heap=512)).sizes[0].memory_request == 1184


def test_the_processors_of_a_start_are_no_part_of_the_request() -> None:
    table = usage()
    table.loc[2001, ["cpu_cores", "memory_mib"]] = [8.0, 90.0]
    assert restarts(table).sum() == 1
    with_start, without = size(table), size(usage())
    assert with_start.use is not None
    assert (with_start.use.cpu_peak, with_start.use.start_cpu_peak) == (0.5, 8.0)
    assert with_start.sizes[0].cpu_request == without.sizes[0].cpu_request


def test_points_far_apart_are_said_to_hide_peaks() -> None:
    assert "30 min apart" in size(usage(800, "30min")).verdict.message
    assert "apart" not in size(usage()).verdict.message


@pytest.mark.parametrize(("measured", "budget"), [(None, None), (0.3, 10), (40.0, 80), (41.0, 85)])
def test_the_start_up_budget_is_twice_the_longest_start(measured: float | None, budget: int | None) -> None:
    assert startup_budget(measured) == budget


def demand(topic: str, severity: str = "blocking", *captured: str) -> Demand:
    return Demand(topic, severity, "a control", ("A.java:1",), captured)


CASES: list[tuple[str, list[Demand], int, str, bool | None, dict[str, str], tuple[str, str, str]]] = [
    ("nothing found", [], 9, "", None, {}, ("stateless", "re-host", "Excellent")),
    ("only warnings", [demand("identity", "warning")], 9, "", None, {}, ("stateless", "re-platform", "Good")),
    ("a local file", [demand("local-file", "blocking", "/data/x")], 9, "", None, {}, ("local files", "refactor", "Moderate")),
    ("with a new home", [demand("local-file", "blocking", "/data/x")], 9, "", None, {"/data": "S3"}, ("stateless", "refactor", "Excellent")),
    ("one path undecided", [demand("local-file", "blocking", "/data/x", "/srv/y")], 9, "", None, {"/data": "S3"}, ("local files", "refactor", "Moderate")),
    ("sessions", [demand("session")], 9, "", False, {}, ("sessions", "refactor", "Moderate")),
    ("sessions in a store", [demand("session")], 9, "", True, {}, ("stateless", "refactor", "Excellent")),
    ("a cache", [demand("cache", "info")], 9, "", None, {}, ("cache", "re-host", "Excellent")),
    ("many topics", [demand(t) for t in ("cron", "secret", "signal", "fixed-address")], 9, "", None, {}, ("stateless", "re-platform", "Major work")),
    ("remote objects", [demand("rpc")], 9, "", None, {}, ("stateless", "not yet", "Not yet")),
    ("a database", [], 9, "database", None, {}, ("database", "stays outside", "Not yet")),
    ("no source", [], 0, "", None, {}, ("unknown", "unknown", "Insufficient data")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "files", "kind", "shared", "homes", "result"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_state_class_mode_and_level_follow_rules_that_are_shown(
    asked: list[Demand], files: int, kind: str, shared: bool | None, homes: dict[str, str], result: tuple[str, str, str]
) -> None:
    migration = decide(asked, files, kind, shared, homes)
    assert (migration.state, migration.mode, migration.level) == result
    assert migration.reasons
    wanted = {"Not yet": Outcome.FAIL, "Insufficient data": Outcome.INCONCLUSIVE}.get(result[2], Outcome.PASS)
    assert migration_verdict(migration).outcome is wanted


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


def test_grants_by_address_are_listed() -> None:
    assert [(grant.dependency, grant.address) for grant in grants(PROFILE)] == [("db", "10.0.0.1:5432")]


def test_the_handover_holds_what_was_measured_and_decided_and_no_number_that_was_refused() -> None:
    hosts = [host("a", local={"application": {"port": 8080}})]
    assessed = handover(PROFILE, hosts, compare_hosts(hosts), [demand("cron")], size(usage(10)))
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


def test_gains_show_their_inputs_and_stay_ranges() -> None:
    saved = gains(figures(PROFILE))[0]
    assert saved.result == "3.33 - 40 hours a year"  # 2..4 hosts x 10 x 1..2 owners x 5 min x 2..6 a year
    assert ("physical hosts", "2 - 4", "profile.yaml:7") in saved.inputs
    assert any(origin.startswith("assumed") for _, _, origin in saved.inputs)


def test_the_formulas_of_the_sources_give_their_figures() -> None:
    known_figures = {
        "containers per host": Input(Range(30, 30), "source"),
        "minutes per release after": Input(Range(2.1, 2.1), "s"),
        "releases per month": Input(Range(100, 100), "s"),
    }
    by_name = {gain.name: gain.result for gain in gains(known_figures, 0.2)}
    assert by_name["density"] == "1.76 x as many on a host"  # 17 -> 30, which is +76 %
    assert by_name["delivery time saved"] == "34 hours a year"  # (3.8 - 2.1) x 1200 / 60
    assert by_name["idle today"] == "80% of the processors paid for"


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
