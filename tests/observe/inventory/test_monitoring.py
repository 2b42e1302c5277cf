"""What Prometheus tells of machines and processes is the table that a file of usage gives; nonsense is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_prometheus import FakePrometheus, serving

from runbook_lib.errors import Unreachable
from runbook_lib.observe.inventory import monitoring
from runbook_lib.observe.inventory.monitoring import Java, ask_java, ask_processes, ask_usage, monitored
from runbook_lib.sections.assessment import Monitoring

UNTIL = datetime(2026, 11, 20, 12, 3, tzinfo=UTC)
WANTED = Monitoring(
    cpu="cpu", memory="memory", process_cpu="pcpu", process_memory="pmem", heap="heap", threads="threads",
    within=timedelta(hours=1),
)  # fmt: skip
MIB = 2**20
Machine = tuple[dict[str, str], Callable[[float], Any]]


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    with serving() as fake:
        yield fake


def tells(fake: FakePrometheus, **machines: list[Machine]) -> None:
    """Series by expression; an instant query counts them, a range has a value at each step."""

    def evaluate(text: str, moment: str) -> list[dict[str, Any]]:
        asked = fake.asked[-1]
        if text.startswith("count("):
            return [{"metric": {}, "value": [1, str(len(machines[text[6:-1]]))]}]
        steps = range(int(asked["start"]), int(asked["end"]) + 1, int(asked["step"].rstrip("s")))
        return [
            {"metric": labels, "values": [[at, str(value(at))] for at in steps]} for labels, value in machines[text]
        ]

    fake.evaluate = evaluate  # type: ignore[method-assign]


def vm(name: str, value: Any, **more: str) -> Machine:
    return {"instance": name, **more}, value if callable(value) else lambda _: value


def test_machines_are_read_as_a_file_of_usage_is(prometheus: FakePrometheus) -> None:
    tells(
        prometheus,
        cpu=[vm("10.0.0.1:9100", 0.5), vm("VM-2", lambda at: at % 600 / 600)],
        memory=[vm("10.0.0.1:9100", 64 * MIB), vm("VM-2", 128 * MIB)],
    )
    usage = ask_usage(prometheus.connect(), WANTED, UNTIL)
    assert list(usage.table) == ["at", "instance", "cpu_cores", "memory_mib", "starting"]
    assert [str(kind) for kind in usage.table.dtypes[:3]] == ["datetime64[us, UTC]", "category", "float64"]
    assert usage.table.groupby("instance")["at"].count().to_dict() == {"10.0.0.1": 13, "vm-2": 13}
    assert usage.table["at"].max() == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert usage.table.groupby("instance")["memory_mib"].max().to_dict() == {"10.0.0.1": 64.0, "vm-2": 128.0}
    assert usage.findings == ()


def test_much_is_asked_for_in_portions_and_each_point_is_there_once(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "ANSWER", 8)
    tells(prometheus, cpu=[vm("a", 1), vm("b", 1)], memory=[vm("a", 1), vm("b", 1)])
    table = ask_usage(prometheus.connect(), WANTED, UNTIL).table
    assert (len(table), sum("start" in asked for asked in prometheus.asked)) == (26, 8)
    assert table.groupby("instance", observed=True)["at"].diff().dropna().unique().tolist() == [timedelta(minutes=5)]


def test_of_a_large_fleet_the_points_are_further_apart(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "MOST", 12)
    tells(prometheus, cpu=[vm("a", 1), vm("b", 1)], memory=[vm("a", 1), vm("b", 1)])
    table = ask_usage(prometheus.connect(), WANTED, UNTIL).table
    assert table.groupby("instance", observed=True)["at"].diff().dropna().unique().tolist() == [timedelta(minutes=10)]


@pytest.mark.parametrize(
    ("cpu", "memory", "said"),
    [
        ([vm("a", 1), vm("b", -0.5)], [vm("a", 1), vm("b", 1)], "13 points of cpu are left out: below zero"),
        ([vm("a", 1), vm("b", "NaN")], [vm("a", 1), vm("b", 1)], "of cores and memory only one is known"),
        ([vm("a", 1), vm("b", 1, cpu="0"), vm("b", 1, cpu="1")], [vm("a", 1)], "cpu gives 2 series of b"),
        ([vm("a", 1), ({}, lambda _: 1)], [vm("a", 1)], "series without the label instance"),
        ([vm("a", 1), vm("b", "+Inf")], [vm("a", 1), vm("b", 1)], "13 points of Prometheus are left out"),
    ],
)
def test_what_cannot_be_is_left_out_and_said_once(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch, cpu: list[Machine], memory: list[Machine], said: str
) -> None:
    tells(prometheus, cpu=cpu, memory=memory)
    usage = ask_usage(prometheus.connect(), WANTED, UNTIL)
    assert usage.table["instance"].unique().tolist() == ["a"]
    assert sum(said in finding.message for finding in usage.findings) == 1


def test_nothing_is_an_empty_table_that_says_why(prometheus: FakePrometheus) -> None:
    tells(prometheus, cpu=[], memory=[])
    nothing = ask_usage(prometheus.connect(), WANTED, UNTIL)
    unasked = ask_usage(prometheus.connect(), WANTED.model_copy(update={"memory": None}), UNTIL)
    for usage, said in ((nothing, "has no machine of which both"), (unasked, "no query is given for memory_mib")):
        assert (len(usage.table), [said in finding.message for finding in usage.findings]) == (0, [True])


def test_processes_are_told_apart_by_their_label(prometheus: FakePrometheus) -> None:
    both = [vm("a", 1, groupname="orders"), vm("a", 2, groupname="stock")]
    tells(prometheus, pcpu=both, pmem=both)
    table = ask_processes(prometheus.connect(), WANTED, UNTIL).table
    most = table.groupby(["instance", "process"], observed=True)["cpu_cores"].agg(["count", "max"])
    assert most.to_dict("index") == {
        ("a", "orders"): {"count": 13, "max": 1.0}, ("a", "stock"): {"count": 13, "max": 2.0},
    }  # fmt: skip


def test_the_most_of_a_jvm_is_known_by_machine_and_belongs_to_the_profile(prometheus: FakePrometheus) -> None:
    heap, threads = (f"max_over_time(({name})[3600s:60s]) or ({name})" for name in ("heap", "threads"))
    prometheus.answers[heap] = [
        {"metric": {"instance": f"{name}:9404"}, "value": [1, value]}
        for name, value in (("a", str(512 * MIB)), ("b", "-1"), ("c", "NaN"), ("d", str(1024 * MIB)))
    ]
    prometheus.answers[threads] = [{"metric": {"instance": "a:9404"}, "value": [1, "87"]}]
    java = ask_java(prometheus.connect(), WANTED, UNTIL)
    assert java == {"a": Java(512.0, 87.0), "d": Java(1024.0, None)}
    tree = monitored("orders", ["A", "10.0.0.4"], java)
    assert tree.plain() == {"application": "orders", "runtime": {"heap_mib": 512.0, "threads": 87.0}}
    assert (tree.get("runtime", "threads").file, tree.get("runtime", "threads").line) == ("Prometheus", 0)
    assert monitored("stock", ["x"], java).plain() == {"application": "stock"}


@pytest.mark.parametrize(
    "reply",
    [(200, "<html>"), (200, '{"data": {}}'), (503, "overloaded")],
)
def test_an_answer_that_is_none_is_unreachable(prometheus: FakePrometheus, reply: tuple[int, str]) -> None:
    tells(prometheus, cpu=[vm("a", 1)], memory=[vm("a", 1)])
    client = prometheus.connect()
    prometheus.reply = reply
    with pytest.raises(Unreachable):
        ask_usage(client, WANTED, UNTIL)
