"""What a release asks of the nodes."""

import pytest

from runbook_lib.observe.bundle import Manifest
from runbook_lib.observe.room import Room, asked_for


def deployment(replicas: int | None, **strategy: object) -> Manifest:
    container = {"name": "web", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}}}
    spec: dict[str, object] = {"template": {"spec": {"containers": [container, {"name": "helper"}]}}}
    if replicas is not None:
        spec["replicas"] = replicas
    if strategy:
        spec["strategy"] = strategy
    return Manifest("a.yaml:1", {"kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})


@pytest.mark.parametrize(
    ("manifest", "pods"),
    [
        (deployment(3, rollingUpdate={"maxSurge": 1}), 4),
        (deployment(3), 4),  # 25 % of 3, rounded up
        (deployment(5, rollingUpdate={"maxSurge": "50%"}), 8),
        (deployment(3, type="Recreate"), 3),
        (deployment(None), 2),
    ],
)
def test_the_pods_of_a_rollout_and_those_on_top_are_counted(manifest: Manifest, pods: int) -> None:
    assert asked_for([manifest]) == Room(0.25, 64 * 2**20).times(pods)


def test_what_runs_no_pods_asks_for_nothing() -> None:
    assert asked_for([Manifest("a.yaml:1", {"kind": "Service", "metadata": {"name": "web"}})]) == Room(0, 0)
