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


@pytest.mark.parametrize(("name", "restarts", "oom"), [("crash", 3, False), ("oom", 3, True), ("unready", 0, False)])
def test_a_pod_is_read_from_its_status(name: str, restarts: int, oom: bool) -> None:
    state = pod_state(recorded()[name])
    assert (state.ready, state.restarts, state.oom, state.terminating) == (False, restarts, oom, False)
