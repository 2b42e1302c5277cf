"""The arithmetic of batches and of a rolling update, and what a failed Pod means."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.judge.batches import Fences, faults, fences, step, targets
from runbook_lib.judge.failed_pods import Policy, handle, may_fail


@dataclass(frozen=True)
class Pod:
    name: str
    ready: bool = True
    restarts: int = 0


@dataclass(frozen=True)
class Trouble:
    uid: str
    lasting: bool = False
    starting: bool = False


@pytest.mark.parametrize(
    ("surge", "unavailable", "wanted", "expected"),
    [
        ("25%", "25%", 10, Fences(3, 2)),  # a surge rounds up, what may be missing rounds down
        (None, None, 4, Fences(1, 1)),
        ("25%", "25%", 1, Fences(1, 0)),
        ("0%", "10%", 3, Fences(0, 1)),  # both zero would never move
        (0, 5, 3, Fences(0, 3)),
        (2, 0, 3, Fences(2, 0)),
        ("100%", "0%", 0, Fences(0, 0)),
    ],
)
def test_a_surge_rounds_up_and_what_may_be_missing_rounds_down(
    surge: int | str | None, unavailable: int | str | None, wanted: int, expected: Fences
) -> None:
    assert fences(surge, unavailable, wanted) == expected


@pytest.mark.parametrize(
    ("batches", "wanted", "expected"),
    [
        ([1, "25%", "100%"], 10, [1, 3, 10]),
        (["10%"], 3, [1, 3]),
        ([], 3, [3]),
        ([5], 3, [3]),
        ([1, "10%"], 4, [1, 4]),  # the share comes to the same Pod: one batch
        (["50%"], 0, []),
    ],
)
def test_each_batch_says_how_many_pods_are_new_after_it(
    batches: list[int | str], wanted: int, expected: list[int]
) -> None:
    assert targets(batches, wanted) == expected


def test_batches_that_do_not_grow_are_refused() -> None:
    with pytest.raises(BadParameters, match="do not grow"):
        targets(["50%", "25%"], 4)


@given(st.lists(st.integers(1, 100), max_size=5).map(sorted), st.integers(1, 500))
def test_batches_grow_to_all_pods_and_each_leaves_all_wanted_ones_serving(shares: list[int], wanted: int) -> None:
    found = targets([f"{share}%" for share in shares], wanted)
    assert found == sorted(set(found))
    assert found[-1] == wanted
    for before, target in zip([0, *found], found, strict=False):
        fence = step(target, before)
        old = wanted - fence.unavailable  # what the controller leaves of the old ones while new ones do not count
        assert old + before == wanted, "the Pods of earlier batches and the old ones together are the wanted ones"
        assert wanted + fence.surge - old == target, "and no more new ones have room"


def test_a_batch_is_good_when_all_its_pods_are_ready_and_never_restarted() -> None:
    assert faults([Pod("a"), Pod("b")], 2) == []
    assert faults([Pod("a", ready=False), Pod("b", restarts=2)], 3) == [
        "1 of 3 Pods are not made yet",
        "a is not ready",
        "b restarted 2 times",
    ]


@pytest.mark.parametrize(
    ("wanted", "ratio", "count"), [(20, 0.1, 1), (21, 0.1, 2), (3, 0.1, 0), (1, 0.9, 0), (2, 0.9, 1)]
)
def test_fewer_than_the_ratio_may_fail_and_never_all(wanted: int, ratio: float, count: int) -> None:
    assert may_fail(wanted, ratio) == count


@pytest.mark.parametrize(
    ("policy", "fails", "recreated", "ignored"),
    [("fail", True, (), False), ("recreate", False, ("a",), False), ("ignore", False, (), True)],
)
def test_a_pod_fails_when_its_patience_is_over_and_the_policy_says_what_that_means(
    policy: Policy, fails: bool, recreated: tuple[str, ...], ignored: bool
) -> None:
    troubles = [Trouble("a"), Trouble("b", lasting=True), Trouble("c"), Trouble(""), Trouble("d", starting=True)]
    since = {"a": 0.0, "b": 0.0, "c": 50.0, "d": 0.0}
    done = handle(policy, troubles, since, 60.0, 60.0, 30, 0.1)
    assert done.failed == ("a", "b"), "c is in trouble for 10 s only, a quota is no Pod, and d may still start"
    assert (done.fails, done.recreate, done.ignored) == (fails, recreated, ignored)


def test_too_many_failed_pods_are_not_ignored() -> None:
    troubles = [Trouble(str(n)) for n in range(3)]
    assert not handle("ignore", troubles, {str(n): 0.0 for n in range(3)}, 60.0, 60.0, 30, 0.1).ignored
