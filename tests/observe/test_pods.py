"""What a Pod's status means, from statuses as a real cluster writes them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.observe.workload.pods import pod_state

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "failing.jsonl.gz"


def recorded() -> dict[str, dict[str, Any]]:
    """The failing Pods of the recording, by the name of their Deployment."""
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as lines:
        conversations = [json.loads(line) for line in lines]
    listed = next(c for c in conversations if c["method"] == "GET" and c["path"].endswith("/pods"))
    return {pod["metadata"]["name"].rsplit("-", 2)[0]: pod for pod in listed["response"]["items"]}


@pytest.mark.parametrize(
    ("name", "trouble", "oom"),
    [
        ("cmref", 'CreateContainerConfigError: configmap "absent" not found', False),
        ("crash", "ended with 3, Error", False),
        ("dies", "CrashLoopBackOff: back-off 20s restarting failed container", False),
        ("nofit", "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu", False),
        ("oom", "ended with 137, OOMKilled", True),
        ("pull", "ImagePullBackOff: Back-off pulling image", False),
        ("unready", "", False),
    ],
)
def test_the_reason_of_each_failing_pod_is_found(name: str, trouble: str, oom: bool) -> None:
    state = pod_state(recorded()[name])
    assert trouble in state.trouble
    assert bool(state.trouble) is bool(trouble)
    assert state.oom is oom
    assert not state.ready
