"""The table of a release's Pods: what troubles one is said in the words of the watch."""

from __future__ import annotations

from runbook_lib.observe.workload.pods import PodState
from runbook_lib.observe.workload.trouble import Trouble
from runbook_lib.show.rollout import pods_table


def pod(name: str, ready: bool, terminating: bool = False) -> PodState:
    return PodState(name, "10.0.0.1", 80, ready, 0, False, "node", ("web:1",), terminating)


def test_each_pod_has_its_own_trouble_and_one_that_ends_has_none() -> None:
    found = [pod("web-1", True), pod("web-2", False), pod("web-3", False, terminating=True)]
    troubles = [
        Trouble("paused", "Deployment/web", "it is paused", "go on"),
        Trouble("image", "Pod/web-2, container c", "no image", "correct it", pod="web-2"),
        Trouble("image", "Pod/web-3, container c", "no image", "correct it", pod="web-3"),
    ]
    frame = pods_table(found, {"10.0.0.1": True}, troubles).data  # type: ignore[attr-defined]
    assert list(frame["trouble"]) == ["", "no image; correct it", "ends"]
