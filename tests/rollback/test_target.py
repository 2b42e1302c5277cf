"""Which state is gone back to: the one before the last release, or the one that is named; the same when asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.observe.workload.snapshots import SnapshotSet
from runbook_lib.rollback.target import Past, Standing, choose

START = datetime(2026, 11, 21, 2, tzinfo=UTC)


def kept(minute: int, moment: Any, revision: int, template: str, **more: Any) -> SnapshotSet:
    at = START + timedelta(minutes=minute)
    facts = {"stood": True, "problem": "", **more}
    return SnapshotSet(
        f"web.runbook-set-{minute}", "web", at, f"run-{minute}", moment, revision=revision, template=template,
        images=(), configuration=(), **facts,
    )  # fmt: skip


def past(*revisions: tuple[int, str]) -> tuple[Past, ...]:
    return tuple(Past(f"web-{template}", (number,), template, ()) for number, template in revisions)


ONE_RELEASE = (kept(0, "after", 1, "v1"), kept(10, "before", 1, "v1"), kept(20, "after", 2, "v2"))
NEVER_STOOD = kept(35, "before", 3, "v3", stood=False)
CASES = {
    "the last release": ("v2", ONE_RELEASE, "v1"),
    "asked again": ("v1", ONE_RELEASE, "v1"),
    "a release that never stood": ("v3", (*ONE_RELEASE, kept(30, "before", 2, "v2"), NEVER_STOOD), "v2"),
    "somebody else's release after ours": ("other", ONE_RELEASE, "v2"),
    "only a release without one before": ("other", (kept(0, "after", 1, "v1"),), "v1"),
    "the Deployment is gone": ("", ONE_RELEASE, "v1"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_state_before_the_last_release_is_gone_back_to(name: str) -> None:
    standing, sets, wanted = CASES[name]
    target = choose(Standing(9, standing, ()), sets, None)
    assert (target.template, target.source.split("/")[0]) == (wanted, "ConfigMap")
    assert target.snapshot is not None and target.why


def test_what_was_gone_back_to_is_not_left_again_even_where_somebody_else_had_released() -> None:
    back_at = ("v2", START + timedelta(minutes=40))
    target = choose(Standing(9, "v2", (), back_at), ONE_RELEASE, None)
    assert target.template == "v2"
    later = (*ONE_RELEASE, kept(50, "before", 2, "v2"), kept(60, "after", 3, "v3"))
    assert choose(Standing(9, "v3", (), back_at), later, None).template == "v2"


def test_a_named_revision_is_its_replica_set_with_the_newest_set_of_that_revision() -> None:
    sets = (kept(0, "after", 1, "v1"), kept(5, "before", 1, "v1"), kept(9, "after", 4, "v1"))
    target = choose(Standing(2, "v2", past((1, "v1"), (2, "v2"))), sets, 1)
    assert (target.source, target.snapshot) == ("ReplicaSet/web-v1", sets[1])
    renumbered = (Past("web-v1", (3, 1), "v1", ()), *past((2, "v2")))
    assert choose(Standing(3, "v1", renumbered), sets, 1).source == "ReplicaSet/web-v1"


def test_a_named_revision_whose_replica_set_is_gone_comes_from_its_set() -> None:
    target = choose(Standing(2, "v2", past((2, "v2"))), ONE_RELEASE, 1)
    assert target.source == "ConfigMap/web.runbook-set-10"
    assert "its ReplicaSet is gone: the template comes from the snapshot set" in target.why


def test_without_any_set_the_newest_other_replica_set_is_gone_back_to_once() -> None:
    history = past((1, "v1"), (2, "v2"))
    assert choose(Standing(2, "v2", history), (), None).source == "ReplicaSet/web-v1"
    undone = (*past((2, "v2")), *past((3, "v1")))
    assert choose(Standing(3, "v1", undone, ("v1", START)), (), None).source == "ReplicaSet/web-v1"


def test_where_nothing_is_left_it_is_said_what_there_is() -> None:
    said = r"nothing is left of revision 7 .*of revision 2; snapshot sets of revision 1"
    with pytest.raises(BadParameters, match=said):
        choose(Standing(2, "v2", past((2, "v2"))), ONE_RELEASE[:1], 7)
    with pytest.raises(BadParameters, match="no earlier revision is left"):
        choose(Standing(2, "v2", past((2, "v2"))), (), None)


def test_an_altered_set_is_never_passed_over_for_another_one() -> None:
    spoilt = (*ONE_RELEASE, kept(30, "before", 2, "v2", problem="the snapshot set ConfigMap/x was altered"))
    with pytest.raises(CriterionFailed, match="was altered; nothing was changed"):
        choose(Standing(3, "v3", ()), spoilt, None)


MOMENTS = st.tuples(st.sampled_from(["before", "after"]), st.sampled_from(["v1", "v2", "v3"]), st.booleans())


@given(st.lists(MOMENTS, max_size=6), st.sampled_from(["", "v1", "v2", "v3", "other"]))
def test_going_back_twice_is_going_back_once(kinds: list[tuple[str, str, bool]], standing: str) -> None:
    sets = [kept(n, moment, n, template, stood=stood) for n, (moment, template, stood) in enumerate(kinds, 1)]
    try:
        first = choose(Standing(9, standing, ()), sets, None)
    except BadParameters:
        return
    back_at = (first.template, START + timedelta(hours=1))
    assert choose(Standing(10, first.template, (), back_at), sets, None).template == first.template
