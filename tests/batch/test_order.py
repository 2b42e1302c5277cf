"""Any batch without a ring: nobody goes before those that use it, and whoever fails holds up exactly what it must."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.batch.crew import Task, in_order
from runbook_lib.batch.order import ring, users_of, waiting, waves
from runbook_lib.batch.standing import fold, held_up
from runbook_lib.model import Event, now

Names = dict[str, list[str]]


@st.composite
def batches(draw: st.DrawFn) -> Names:
    """Members that depend only on those drawn before them, in any order of the file."""
    names = [f"m{number}" for number in range(draw(st.integers(1, 9)))]
    needs = {n: draw(st.lists(st.sampled_from(names[:i]), unique=True)) if i else [] for i, n in enumerate(names)}
    return {name: needs[name] for name in draw(st.permutations(names))}


def behind(depends_on: Names, failed: set[str]) -> set[str]:
    """Whatever the failed ones depend on, directly or through others."""
    found: set[str] = set()
    left = [need for name in failed for need in depends_on[name]]
    while left:
        name = left.pop()
        left += [] if name in found else depends_on[name]
        found.add(name)
    return found


@given(batches())
def test_who_uses_others_goes_first_and_everybody_goes_once(depends_on: Names) -> None:
    order = [name for wave in waves(users_of(depends_on)) for name in wave]
    assert sorted(order) == sorted(depends_on)
    assert all(order.index(name) < order.index(need) for name, needs in depends_on.items() for need in needs)
    assert ring(depends_on) == []


@given(batches(), st.data())
def test_one_dependency_too_many_makes_a_ring_that_is_named(depends_on: Names, data: st.DataObject) -> None:
    last = data.draw(st.sampled_from(sorted(depends_on)))
    first = data.draw(st.sampled_from(sorted({last, *behind(depends_on, {last})})))
    found = ring({**depends_on, first: [*depends_on[first], last]})
    assert found[0] == found[-1] and len(found) == len(set(found)) + 1
    needs = {**depends_on, first: [*depends_on[first], last]}
    assert all(following in needs[name] for name, following in pairwise(found))


@settings(max_examples=40)  # threads
@given(batches(), st.data(), st.integers(1, 4))
def test_whoever_fails_holds_up_what_it_depends_on_and_nobody_else(
    depends_on: Names, data: st.DataObject, at_once: int
) -> None:
    faulty = set(data.draw(st.lists(st.sampled_from(sorted(depends_on)), unique=True)))
    before, events, through = users_of(depends_on), [], set()
    working, most, lock = set[str](), 0, threading.Lock()

    def begin(name: str) -> None:
        nonlocal most
        assert through.issuperset(before[name])
        with lock:
            working.add(name)
            most = max(most, len(working))
        events.append(Event(now(), "intent", {"member": name}))

    def end(name: str, came: object) -> bool:
        with lock:
            working.discard(name)
        good = came is None
        through.update([name] if good else [])
        events.append(Event(now(), "result", {"member": name, "change": {} if good else None, "message": str(came)}))
        events.extend([Event(now(), "member", {"member": name, "exit_code": 0})] if good else [])
        return good

    def work(name: str) -> None:
        if name in faulty:
            raise ValueError(name)

    in_order(before, (), Task(work, begin, end), at_once)
    held, failed = behind(depends_on, faulty), faulty - behind(depends_on, faulty)
    stands = held_up(fold(depends_on, events), before, "traffic")
    states = {state: {n for n, stand in stands.items() if stand.state == state} for state in ("back", "failed")}
    assert states == {"back": set(depends_on) - faulty - held, "failed": failed}
    assert {name for name, stand in stands.items() if stand.state == "waiting"} == held
    assert most <= at_once
    told = waiting(before, states["back"], failed)
    assert all(name in behind(depends_on, {cause}) for name, causes in told.items() for cause in causes)


def test_nobody_is_begun_any_more_when_it_is_told_to_end() -> None:
    begun: list[str] = []
    task: Task[None] = Task(lambda name: None, begun.append, lambda *_: True, lambda: len(begun) > 1)
    in_order(users_of({"a": ["b"], "b": ["c"], "c": ["d"], "d": []}), (), task, 3)
    assert begun == ["a", "b"]


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([], "untouched"),
        (["intent"], "in the middle"),
        (["intent", "result"], "users back"),
        (["intent", "result", "member"], "back"),
        (["intent", "result", "member", "intent"], "in the middle"),
        (["intent", "failure"], "failed"),
        (["intent", "failure", "intent", "result"], "users back"),
        (["intent", "result", "refused"], "failed"),
        (["strange", "verdict"], "untouched"),
    ],
)
def test_where_a_member_stands_follows_from_the_journal(kinds: list[str], state: str) -> None:
    said = {
        "result": ("result", {"change": {"done": True}}),
        "failure": ("result", {"error": "Unreachable", "message": "no answer"}),
        "member": ("member", {"exit_code": 0}),
        "refused": ("member", {"exit_code": 10, "message": "requests still reach it"}),
    }
    told = [said.get(kind, (kind, {})) for kind in kinds]
    events = [Event(now(), kind, {"member": "web", **data}) for kind, data in told]
    events.append(Event(now(), "intent", {"member": "of another batch"}))
    assert fold(["web"], events)["web"].state == state
