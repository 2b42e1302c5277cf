"""How many nodes Pods need: first fit against the tighter resource."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from runbook_lib.judge.capacity import NodeShape, Wanted, nodes_for

NODE = NodeShape(cores=10, memory_mib=10_000, pods=20, reserved=0.1)

CASES: list[tuple[str, list[Wanted], tuple[int, int, str]]] = [
    ("nothing", [], (0, 0, "CPU")),
    ("one small", [Wanted("a", 0.5, 100, 2)], (1, 1, "CPU")),
    ("by CPU", [Wanted("a", 1, 100, 18)], (2, 2, "CPU")),
    ("by memory", [Wanted("a", 0.1, 3000, 7)], (3, 3, "memory")),
    ("by Pods", [Wanted("a", 0.01, 10, 61)], (4, 4, "number of Pods")),
    ("halves that do not fit", [Wanted("a", 5, 100, 4)], (4, 3, "CPU")),
    ("small ones fill what large ones leave", [Wanted("s", 4, 100, 2), Wanted("l", 5, 100, 2)], (2, 2, "CPU")),
    ("too large for any", [Wanted("big", 9.5, 100, 2), Wanted("a", 1, 100, 1)], (1, 1, "CPU")),
    ("no replicas", [Wanted("a", 1, 100, 0)], (0, 0, "CPU")),
]


@pytest.mark.parametrize(("wanted", "result"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_pods_go_on_the_first_node_with_room(wanted: list[Wanted], result: tuple[int, int, str]) -> None:
    found = nodes_for(wanted, NODE)
    assert (found.nodes, found.bound, found.tighter) == result


def test_what_fits_on_no_node_is_named_and_not_counted() -> None:
    found = nodes_for([Wanted("big", 9.5, 100, 2), Wanted("a", 1, 100, 1)], NODE)
    assert (found.too_large, found.pods, "on no node fits a Pod of big" in str(found)) == (("big",), 1, True)


def test_both_counts_and_the_resource_are_said() -> None:
    said = str(nodes_for([Wanted("a", 5, 100, 4)], NODE))
    assert said == "4 nodes by first fit, 3 by CPU alone (the tighter resource), for 4 Pods"


def test_three_thousand_applications_are_placed_in_a_second() -> None:
    wanted = [Wanted(f"app-{number}", 0.1 + number % 9 * 0.2, 256, 1 + number % 7) for number in range(3000)]
    began = time.process_time()
    assert nodes_for(wanted, NODE).pods == sum(one.replicas for one in wanted)
    assert time.process_time() - began < 1


PODS = some.lists(
    some.builds(Wanted, some.just("a"), some.floats(0.01, 9), some.floats(16, 9000), some.integers(1, 9)), max_size=12
)


@settings(max_examples=80, deadline=None)
@given(PODS)
def test_first_fit_holds_all_and_never_beats_what_the_tighter_resource_asks_for(wanted: list[Wanted]) -> None:
    found = nodes_for(wanted, NODE)
    assert found.pods == sum(one.replicas for one in wanted)
    assert found.bound <= found.nodes <= max(1, found.pods)
    assert all(share <= 1 + 1e-6 for share in found.filled.values())
    assert nodes_for(wanted[::-1], NODE).bound == found.bound


@settings(max_examples=80, deadline=None)
@given(PODS, some.builds(Wanted, some.just("b"), some.floats(0.01, 9), some.floats(16, 9000), some.integers(1, 9)))
def test_one_application_more_never_asks_for_less(wanted: list[Wanted], more: Wanted) -> None:
    assert nodes_for([*wanted, more], NODE).bound >= nodes_for(wanted, NODE).bound
