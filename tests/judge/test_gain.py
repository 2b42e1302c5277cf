"""What the move brings: the formulas give the sources' figures, and every input shows where it comes from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runbook_lib.artefacts import Host, node_of
from runbook_lib.judge.capacity import NodeShape, Sizing, Wanted, nodes_for, size
from runbook_lib.judge.fleet_gain import FleetGain, Part, fleet_gains
from runbook_lib.judge.gain import Gain, Input, Machine, Measured, Range, gains, measured_of
from runbook_lib.judge.profile import figures
from tests.judge.test_size import machines

STATED = node_of({"operations": {"physical_hosts": [2, 4], "vms_per_host": 10}}, "p/profile.yaml", 7)
CERTAIN = {
    name: Input(Range(value, value), "profile.yaml:1")
    for name, value in {
        "VMs": 6,
        "owners per VM": 2,
        "minutes per owner": 10,
        "maintenances per year": 5,
        "minutes per release before": 14,
        "minutes per release after": 4,
        "releases per month": 6,
    }.items()
}


def by_name(found: tuple[Gain, ...]) -> dict[str, Gain]:
    return {gain.name: gain for gain in found}


def fleet(found: tuple[FleetGain, ...]) -> dict[str, FleetGain]:
    return {gain.name: gain for gain in found}


def point(value: float, origin: str = "profile.yaml:1") -> Input:
    return Input(Range(value, value), origin)


def test_gains_show_their_inputs_and_stay_ranges() -> None:
    saved = gains(figures(STATED))[0]
    assert saved.result == "3.33 - 40 hours a year"  # 2..4 hosts x 10 x 1..2 owners x 5 min x 2..6 a year
    assert ("physical hosts", "2 - 4", "profile.yaml:7") in saved.inputs
    assert saved.assumed == ("owners per VM", "minutes per owner", "maintenances per year")
    assert saved.overlaps


def test_the_formulas_of_the_sources_give_their_figures() -> None:
    known = {
        "containers per host": point(30),
        "minutes per release after": point(2.1),
        "releases per month": point(100),
        "release success before": point(0.91),
    }
    found = {gain.name: gain.result for gain in gains(known, 0.2)}
    assert found["density"] == "1.76 x as many on a host"  # 17 -> 30, which is +76 %
    assert found["delivery time saved"] == "34 hours a year"  # (3.8 - 2.1) x 1200 / 60
    assert found["failed releases avoided"] == "48 releases a year"  # 91 -> 95 % of 1200
    assert found["idle today"] == "80% of the processors paid for"


def test_its_own_machines_are_counted_where_they_are_known_and_not_those_of_all_its_hosts() -> None:
    saved = by_name(gains(CERTAIN))["operations time saved"]
    assert (saved.result, saved.assumed, saved.overlaps) == ("10 hours a year", (), False)
    assert saved.formula == "VMs x owners x minutes x maintenances / 60"


def test_a_slower_delivery_is_no_gain() -> None:
    slower = CERTAIN | {"minutes per release after": Input(Range(15, 20), "measured")}
    assert by_name(gains(slower))["delivery time saved"].result == "0 hours a year"


MEASURED = Measured((Machine("a", 8), Machine("b", 8)), used=3.2, request=1.0, replicas=5, replicas_usual=2)


def test_processors_are_freed_between_the_mean_and_the_peak() -> None:
    found = by_name(gains(CERTAIN, measured=MEASURED))
    assert found["processors freed"].result == "11 - 14 cores"
    assert found["utilisation"].result == "3.2 - 8 x as much of them is used"
    assert found["idle today"].result == "80% of the processors paid for"


def test_an_application_that_needs_more_than_it_has_frees_less_than_nothing() -> None:
    tight = Measured((Machine("a", 2),), used=1.8, request=1.0, replicas=4, replicas_usual=3)
    assert by_name(gains({}, measured=tight))["processors freed"].result == "-2 - -1 cores"


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        ({"processor_vcpus": 4}, True),
        ({"processor_nproc": "4"}, True),
        ({}, False),
        ({"processor_vcpus": "many"}, False),
        ({"processor_vcpus": 0}, False),
        ({"processor_vcpus": True}, False),
    ],
)
def test_without_processors_of_each_host_nothing_is_measured(facts: dict[str, object], known: bool) -> None:
    hosts = [Host("vm-0", {"processor_vcpus": 4}, "f"), Host("vm-1", facts, "f")]
    sizing = size(machines(2))
    assert (measured_of(hosts, sizing) is not None) is known
    assert measured_of(hosts[:1], sizing) is None
    assert measured_of(hosts, Sizing(sizing.verdict)) is None


def test_a_fleet_keeps_what_was_assumed_apart_from_what_is_known() -> None:
    by = {"a": gains(CERTAIN), "b": gains(CERTAIN), "c": gains({"VMs": point(3)}), "d": gains({})}
    saved = fleet(fleet_gains(by))["operations time saved"]
    assert (saved.known.value, saved.known.applications) == (Range(20, 20), 2)
    assert saved.assumed.value is not None
    assert saved.assumed.value.low == pytest.approx(3 * 5 * 2 / 60)
    assert saved.assumed.applications == 1
    assert saved.left_out == "1 applications whose figures count machines of others"


def test_a_machine_that_two_applications_share_is_counted_once() -> None:
    other = Measured((Machine("b", 8), Machine("c", 8)), used=1.6, request=0.5, replicas=4, replicas_usual=2)
    found = fleet(fleet_gains({"x": gains({}), "y": gains({}), "z": gains({})}, {"x": MEASURED, "y": other, "z": None}))
    today = found["use of the processors today"]
    assert today.known.text("%") == "20 % (2 applications)"  # (3.2 + 1.6) / 24
    assert found["processors freed"].known.value == Range(24 - 7, 24 - 3)
    assert found["processors freed"].left_out == "1 applications without a size or without facts of a host"


def test_a_shared_machine_is_maintained_once() -> None:
    known = {name: value for name, value in CERTAIN.items() if name != "VMs"}
    by = {"x": gains(known, machines=["a", "b"]), "y": gains(known, machines=["b"])}
    alone = by_name(by["x"])["operations time saved"]
    assert (alone.inputs[0], alone.overlaps) == (("VMs", "2", "facts of 2 hosts"), False)
    saved = fleet(fleet_gains(by))["operations time saved"]
    assert saved.known.text(saved.unit) == "3.33 hours a year (2 applications)"  # 2 VMs x 2 x 10 x 5 / 60


def test_with_a_cluster_its_nodes_are_what_is_paid_for() -> None:
    node = NodeShape(cores=8, memory_mib=32_000)
    nodes = nodes_for([Wanted("x", 1.0, 512, 5)], node)
    found = fleet(fleet_gains({"x": gains({})}, {"x": MEASURED}, (nodes, node)))
    assert found["processors freed"].known.value == Range(8, 8)
    assert found["use of the processors then"].known.value == Range(40, 40)
    dense = found["density"].known.value
    assert dense == Range(2 / 8 / (2 / 16), 5 / 8 / (2 / 16))


def test_machines_of_a_pod_that_fits_on_no_node_are_not_freed() -> None:
    node = NodeShape(cores=8, memory_mib=32_000)
    nodes = nodes_for([Wanted("x", 1.0, 512, 5), Wanted("y", 9.0, 512, 2)], node)
    large = Measured((Machine("d", 16),), used=4.0, request=9.0, replicas=2, replicas_usual=2)
    found = fleet(fleet_gains({"x": gains({}), "y": gains({})}, {"x": MEASURED, "y": large}, (nodes, node)))
    assert found["processors freed"].known == Part(Range(8, 8), 1)
    assert "fits on no node" in found["processors freed"].left_out
    alone = nodes_for([Wanted("y", 9.0, 512, 2)], node)
    assert "processors freed" not in fleet(fleet_gains({"y": gains({})}, {"y": large}, (alone, node)))


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.4, 0.4, "0.4 h"),
        (3.333, 40, "3.33 - 40 h"),
        (7521.4, 123_456, "7,521 - 123,456 h"),
        (-120.4, 12, "-120 - 12 h"),
    ],
)
def test_a_range_is_written_in_digits_however_large(low: float, high: float, text: str) -> None:
    assert Range(low, high).text("h") == text


def test_an_empty_fleet_gains_nothing() -> None:
    assert fleet_gains({}) == ()
    assert fleet_gains({}, {}) == ()


SHARES = some.lists(some.booleans(), max_size=12)


@given(SHARES)
def test_no_assumption_is_ever_in_the_known_sum(assumed: list[bool]) -> None:
    given_ones = {
        str(n): gains(CERTAIN | ({"minutes per owner": point(60, "assumed: a guess")} if flag else {}))
        for n, flag in enumerate(assumed)
    }
    for one in fleet_gains(given_ones):
        if one.name == "operations time saved":
            assert (one.known.applications, one.assumed.applications) == (assumed.count(False), assumed.count(True))
            assert (one.known.value or Range(0, 0)).high == pytest.approx(10 * assumed.count(False))
