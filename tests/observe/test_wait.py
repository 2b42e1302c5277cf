"""Waiting for a rollout when the watch does not hold; on a scripted cluster, so that every break is exact."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from runbook_lib.errors import ChangeFailed, Unreachable
from runbook_lib.observe.workload import wait as waiting
from runbook_lib.observe.workload.wait import follow, wait


def state(ready: int, generation: int = 1, stalled: bool = False) -> dict[str, Any]:
    reason = "ProgressDeadlineExceeded" if stalled else "ReplicaSetUpdated"
    condition = {"type": "Progressing", "status": "False", "reason": reason, "message": "has timed out progressing."}
    counts = dict.fromkeys(("updatedReplicas", "readyReplicas", "availableReplicas"), ready)
    return {
        "metadata": {"name": "web", "uid": "u", "generation": generation, "resourceVersion": "7"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"spec": {}}},
        "status": {"observedGeneration": 1, "replicas": 2, **counts, "conditions": [condition]},
    }


class Scripted:
    """A cluster whose answers are given: reads and watches in turn, an exception is raised."""

    namespace, server = "shop", "http://nowhere"

    def __init__(self, reads: list[Any], watches: list[list[Any]] | None = None) -> None:
        self.reads = iter([*reads[:-1], *itertools.repeat(reads[-1], 100)])
        self.watches = iter(watches or [])
        self.pods: list[dict[str, Any]] = []

    def get(self, *_: str) -> Any:
        answer = next(self.reads)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def all(self, _: str, kind: str, *__: str, **___: str) -> list[Any]:
        return self.pods if kind == "Pod" else []

    def watch(self, *_: Any) -> Iterator[Any]:
        for answer in next(self.watches, []):
            if isinstance(answer, Exception):
                raise answer
            yield answer


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.time, "sleep", lambda _: None)


def ready_counts(cluster: Scripted) -> list[int]:
    ticks = itertools.count()
    return [seen.ready for seen in follow(cluster, "web", 50, lambda: next(ticks))]  # type: ignore[arg-type]


def test_each_state_of_the_watch_is_told_until_it_is_complete() -> None:
    assert ready_counts(Scripted([state(0)], [[state(1), state(2), state(0)]])) == [0, 1, 2]


def test_an_expired_or_ended_watch_is_taken_up_again_from_a_fresh_read() -> None:
    assert ready_counts(Scripted([state(0), state(1)], [[], [state(2)]])) == [0, 1, 2]


def test_an_api_server_that_restarts_does_not_end_the_wait() -> None:
    gone = Unreachable("gone")
    assert ready_counts(Scripted([state(0), gone, gone, state(1)], [[gone], [state(2)]])) == [0, 1, 2]


def test_an_api_server_that_stays_away_ends_it() -> None:
    with pytest.raises(Unreachable):
        ready_counts(Scripted([Unreachable("gone")]))


def test_the_failed_verdict_of_an_earlier_revision_does_not_count() -> None:
    unseen = state(2, generation=2, stalled=True)  # the controller has not looked at the undo yet
    passing = state(1, stalled=True)  # it has, and its old verdict stands there for a moment
    assert ready_counts(Scripted([unseen, passing], [[passing], [state(2)]])) == [2, 1, 1, 2]


def test_a_stalled_rollout_ends_the_wait_with_what_the_pods_say() -> None:
    cluster = Scripted([state(1, stalled=True)])
    waiting_for = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "absent:1"'}
    cluster.pods = [
        {
            "metadata": {"name": "web-1", "ownerReferences": [{"kind": "ReplicaSet", "uid": "r"}]},
            "spec": {"containers": [{"name": "web", "image": "absent:1"}]},
            "status": {"containerStatuses": [{"name": "web", "state": {"waiting": waiting_for}}]},
        }
    ]
    said = r"timed out progressing\. Pod/web-1, container web: image absent:1 cannot be pulled.*06_rollback"
    with pytest.raises(ChangeFailed, match=said):
        wait(cluster, "web", timedelta(minutes=1))  # type: ignore[arg-type]
