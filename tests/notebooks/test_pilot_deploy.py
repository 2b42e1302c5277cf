"""03: a release arrives with no users, or it is refused before it touches the cluster, or it says why it hangs."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from runbook_lib.act.traffic.knob import shift
from runbook_lib.act.workload import undo
from runbook_lib.clients import connect
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.rollout import deployment, progress, template_digest
from runbook_lib.observe.wait import wait
from runbook_lib.parameters import check
from tests.notebooks.conftest import Play, World

NOTEBOOK = "03_pilot_deploy.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(400)]


@pytest.fixture
def cluster(world: World) -> Cluster:
    p = world.parameters
    return Cluster(connect(p).kubernetes, p.kubernetes.namespace)


def with_manifests(world: World, folder: Path, **changed: Any) -> dict[str, Any]:
    """The parameters with a copy of the range's manifests that a test may spoil."""
    shutil.copytree(world.plan.manifests, folder)
    return {"kubernetes": {**world.values["kubernetes"], "manifests": str(folder), **changed}}


def side_of(world: World, **headers: str) -> str:
    """Which side answers a user that comes with these headers."""
    return requests.get(f"{world.plan.front.url}/healthz", headers=headers, timeout=60).headers["X-Side"]


def deployed(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The file of the Deployment and what stands in it."""
    file = next(folder.glob("*deployment.yaml"))
    return file, yaml.safe_load(file.read_text(encoding="utf-8"))


def test_a_release_passes_is_drilled_and_leaves_no_secret_value_behind(
    world: World, cluster: Cluster, play: Play, tmp_path: Path
) -> None:
    before = template_digest(deployment(cluster, "order-service"))
    testers = {"traffic": {**world.values["traffic"], "testers": {"header": "X-Canary"}}}
    played = play(NOTEBOOK, testers)
    assert (played.error, played.outcome) == ("", "passed")
    admitting = connect(check({**world.values, **testers}, "the test"))
    sides = [side_of(world, **headers) for headers in ({"X-Canary": "always"}, {})]
    back = shift(admitting, 0)  # a rollback
    assert sides == ["kubernetes", "legacy"]
    assert "testers are not sent to the new side any more" in back.note
    assert side_of(world, **{"X-Canary": "always"}) == "legacy"
    assert template_digest(deployment(cluster, "order-service")) == before
    passed = {verdict["name"] for verdict in played.attempt.facts["verdicts"] if verdict["outcome"] == "PASS"}
    assert {"permissions", "no user traffic", "rollout", "pods", "smoke", "sessions", "rollback drill"} <= passed
    data = cluster.get("v1", "Secret", "order-service-connections")["data"]  # type: ignore[index]
    secret = data["redis-url"]
    files = [file for file in played.attempt.folder.rglob("*") if file.is_file()]
    for file in [*files, tmp_path / NOTEBOOK]:
        text = file.read_text(encoding="utf-8", errors="replace")
        assert secret not in text, file.name
        assert base64.b64decode(secret).decode() not in text, file.name


def test_nothing_is_applied_while_users_are_on_the_new_side(world: World, cluster: Cluster, play: Play) -> None:
    world.users_at(5)
    standing = progress(deployment(cluster, "order-service")).revision
    played = play(NOTEBOOK)
    assert (played.error, played.outcome) == ("CriterionFailed", "failed")
    assert "weight 5 % > 0 %" in played.message
    assert progress(deployment(cluster, "order-service")).revision == standing


def test_a_manifest_that_the_cluster_refuses_changes_nothing(
    world: World, cluster: Cluster, play: Play, tmp_path: Path
) -> None:
    changed = with_manifests(world, tmp_path / "manifests")
    file, wanted = deployed(tmp_path / "manifests")
    wanted["spec"]["replicas"] = 5
    wanted["spec"]["template"]["spec"]["containers"][0].pop("image")
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    played = play(NOTEBOOK, changed)
    assert played.error == "BadParameters"
    assert "Deployment/order-service" in played.message
    assert "nothing was applied" in played.message
    assert deployment(cluster, "order-service")["spec"]["replicas"] == 3


@pytest.mark.heavy
def test_an_image_that_is_not_there_is_named_as_the_reason(
    world: World, cluster: Cluster, play: Play, tmp_path: Path
) -> None:
    changed = with_manifests(world, tmp_path / "manifests", rollout_timeout="10s")
    file, wanted = deployed(tmp_path / "manifests")
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/shop/absent:main-1-20261120"
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    try:
        played = play(NOTEBOOK, changed)
        assert played.error == "ChangeFailed"
        assert "absent:main-1-20261120" in played.message
        assert "06_rollback" in played.message
    finally:
        undo(cluster, "order-service")
        wait(cluster, "order-service", world.parameters.kubernetes.rollout_timeout)


def test_a_dry_run_shows_the_difference_and_changes_nothing(
    world: World, cluster: Cluster, play: Play, tmp_path: Path
) -> None:
    changed = with_manifests(world, tmp_path / "manifests")
    file, wanted = deployed(tmp_path / "manifests")
    wanted["spec"]["replicas"] = 4
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    played = play(NOTEBOOK, changed, dry_run=True)
    assert (played.error, played.outcome) == ("", "passed")
    assert ".spec.replicas" in (played.attempt.folder / "evidence" / "differences.json").read_text(encoding="utf-8")
    assert deployment(cluster, "order-service")["spec"]["replicas"] == 3
