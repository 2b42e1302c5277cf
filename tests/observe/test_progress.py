"""A state of a rollout in one sentence: how many of its new Pods are ready, and who serves meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.observe.workload.rollout import Progress

NONE = Progress("web", 2, 3, 4, 1, 3, 3, True, False, "", "7", new_ready=0)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (NONE, "0 of 3 new Pods ready (1 made), 3 old still serve"),
        (replace(NONE, total=6, updated=3), "0 of 3 new Pods ready, 3 old still serve"),
        (replace(NONE, new_ready=1, ready=2, available=2), "1 of 3 new Pods ready (1 made), 1 old still serve, 2 not"),
        (replace(NONE, total=3, updated=3, new_ready=3, available=0), "3 of 3 new Pods ready, 0 of them available yet"),
        (replace(NONE, total=3, updated=3, new_ready=3), "all 3 Pods new, ready and available"),
        (replace(NONE, total=3, updated=3, new_ready=3, available=1), "3 of 3 new Pods ready, 1 of them available yet"),
        (replace(NONE, observed=False), "its controller has not looked at it yet; 3 Pods ready, none of them new"),
        (replace(NONE, wanted=0, total=0, updated=0, available=0), "no Pod is wanted, and none is there"),
        (replace(NONE, new_ready=None), "1 of 3 new Pods made; 3 Pods ready, new or old; 3 old still there"),
    ],
)
def test_new_pods_are_told_apart_from_old_ones_that_serve(state: Progress, said: str) -> None:
    assert state.counts == said
    assert str(state) == f"Deployment/web revision 2: {said}"
