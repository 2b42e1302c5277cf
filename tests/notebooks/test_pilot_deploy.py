"""03: a release arrives with no users, or it is refused before it touches the cluster, or it says why it hangs."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import planted
import pytest
import requests
import yaml

from runbook_lib.act.put_back import put_back
from runbook_lib.act.traffic.knob import shift
from runbook_lib.clients import connect
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.rollout import deployment, progress, replica_sets, template_digest
from runbook_lib.observe.workload.wait import wait
from runbook_lib.parameters import check
from tests.notebooks.conftest import REPOSITORY, Play, World

NOTEBOOK = "03_pilot_deploy.ipynb"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
HEAVY = pytest.mark.heavy
pytestmark = [pytest.mark.range, pytest.mark.timeout(400)]


@pytest.fixture
def cluster(world: World) -> Cluster:
    p = world.parameters
    return Cluster(connect(p).kubernetes, p.kubernetes.namespace)


def with_manifests(world: World, folder: Path, **changed: Any) -> dict[str, Any]:
    """The parameters with a copy of the range's manifests that a test may spoil."""
    shutil.copytree(world.plan.manifests, folder)
    return {"kubernetes": {**world.values["kubernetes"], "manifests": str(folder), **changed}}


@contextmanager
def secrets_of_both_sides(world: World, folder: Path, values: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Parameters under which both sides have an API key, the machines a password, and a case a token."""
    kubernetes = with_manifests(world, folder / "manifests")["kubernetes"]
    file = next((folder / "manifests").glob("*connections.yaml"))
    file.write_text(file.read_text(encoding="utf-8") + f"  api-key: {values['token']}\n", encoding="utf-8")
    (folder / "case-token").write_text(values["bearer"], encoding="utf-8")
    case = {"name": "a customer", "path": "/orders", "token": f"file:{folder / 'case-token'}"}
    settings = kubernetes["settings"]
    names = [*settings["names"], {"old": "API_KEY", "new": "/etc/order-service/connections/api-key"}]
    expected = [*settings["expected"], {"name": "OLD_PASSWORD", "reason": "a database that is not used any more"}]
    with machines_say(world, f"API_KEY={values['token']}\nOLD_PASSWORD={values['password']}\n"):
        changed = {"smoke": [*kubernetes["smoke"], case], "settings": {"names": names, "expected": expected}}
        yield {"kubernetes": kubernetes | changed}


@contextmanager
def machines_say(world: World, more: str, *instances: str) -> Iterator[None]:
    """Something more in the settings of machines, of all of them when none is named."""
    files = [world.plan.machines / f"{name}.env" for name in instances or world.plan.legacy]
    before = {file: file.read_text(encoding="utf-8") for file in files}
    for file, text in before.items():
        file.write_text(text + more, encoding="utf-8")
    try:
        yield
    finally:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8")


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
    values = planted.plant()
    with secrets_of_both_sides(world, tmp_path, values) as kubernetes:
        testers = {"traffic": {**world.values["traffic"], "testers": {"header": "X-Canary"}}, **kubernetes}
        played = play(NOTEBOOK, testers)
    assert (played.error, played.outcome) == ("", "passed"), played.message
    admitting = connect(check({**world.values, **testers}, "the test"))
    sides = [side_of(world, **headers) for headers in ({"X-Canary": "always"}, {})]
    back = shift(admitting, 0)  # a rollback
    assert sides == ["kubernetes", "legacy"]
    assert "testers are not sent to the new side any more" in back.note
    assert side_of(world, **{"X-Canary": "always"}) == "legacy"
    assert template_digest(deployment(cluster, "order-service")) == before
    passed = {verdict["name"] for verdict in played.attempt.facts["verdicts"] if verdict["outcome"] == "PASS"}
    assert {"permissions", "no user traffic", "rollout", "pods", "smoke", "sessions", "rollback drill"} <= passed
    assert "configuration" in passed
    told = (played.attempt.folder / "evidence" / "configuration.json").read_text(encoding="utf-8")
    same = {row["name"] for row in json.loads(told)["rows"] if row["kind"] == "same"}
    assert {"API_KEY → /etc/order-service/connections/api-key", "TZ"} <= same
    data = cluster.get("v1", "Secret", "order-service-connections")["data"]  # type: ignore[index]
    secret = data["redis-url"]
    files = [file for file in played.attempt.folder.rglob("*") if file.is_file()]
    for file in [*files, tmp_path / NOTEBOOK]:
        text = file.read_text(encoding="utf-8", errors="replace")
        assert secret not in text, file.name
        assert base64.b64decode(secret).decode() not in text, file.name
    left = b"\n".join(file.read_bytes() for file in [*files, tmp_path / NOTEBOOK])
    assert planted.leaks(left, values) == set()


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
def test_a_machine_that_drifted_fails_the_pilot_and_the_load_test_says_what_it_knows(
    world: World, cluster: Cluster, play: Play
) -> None:
    load = {"first": 20, "grow": 2, "most": 40, "step": "2s"}
    with machines_say(world, "STOP_SECONDS=30\n", "vm-2"):
        played = play(NOTEBOOK, {"kubernetes": {**world.values["kubernetes"], "load_test": load}})
    assert played.error == "CriterionFailed"
    assert "STOP_SECONDS (different: vm-2)" in played.message
    told = json.loads((played.attempt.folder / "evidence" / "load-test.json").read_text(encoding="utf-8"))
    assert [step["rate"] for step in told["steps"]] == [20, 40] or told["stopped"]
    verdicts = {verdict["name"]: verdict for verdict in played.attempt.facts["verdicts"]}
    assert verdicts["capacity of a Pod"]["outcome"] in ("PASS", "INCONCLUSIVE")  # a loaded machine sends late
    assert (played.attempt.folder / "evidence" / "autoscaler.json").is_file()


BAD = {
    "an unknown kind": ("apiVersion: odd.example/v1\nkind: Odd\nmetadata: {name: a}\n", "knows no Odd"),
    "a wrong schema": (f"{SERVICE}spec: {{ports: [{{port: eighty}}]}}\n", "refuses Service/a"),
    "two of one name": (f"{SERVICE}---\n{SERVICE}", "Service/a stands at .*a.yaml:1 and at"),
    "nothing": ("", "holds no object"),
    "a template": (f"{SERVICE}spec: {{{{ .Values.spec }}}}\n", "template expression"),
    "another namespace": (SERVICE.replace("name: a", "name: a, namespace: other"), "namespace other"),
    "no YAML": ("a: [", "not YAML"),
}


@pytest.mark.parametrize("case", [one if one == "a wrong schema" else pytest.param(one, marks=HEAVY) for one in BAD])
def test_a_bad_manifest_ends_the_run_with_one_sentence_and_applies_nothing(
    world: World, cluster: Cluster, tmp_path: Path, case: str
) -> None:
    text, says = BAD[case]
    changed = with_manifests(world, tmp_path / "manifests")
    file, wanted = deployed(tmp_path / "manifests")
    wanted["spec"]["replicas"] = 5
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    (tmp_path / "manifests" / "a.yaml").write_text(text, encoding="utf-8")
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text(yaml.safe_dump({**world.values, **changed}), encoding="utf-8")
    command = [sys.executable, "-m", "runbook_lib.cli", "run", str(parameters), "--phase", "pilot_deploy"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 78, done.stdout + done.stderr
    assert re.search(f"{says}.*nothing was applied", " ".join(done.stdout.split()))
    assert "Traceback" not in done.stdout + done.stderr
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
        before = replica_sets(cluster, deployment(cluster, "order-service"))[-2]
        put_back(cluster, "order-service", before, "the revision before", noted=False)
        wait(cluster, "order-service", world.parameters.kubernetes.rollout_timeout)


@pytest.mark.heavy
def test_a_dry_run_shows_the_difference_and_changes_nothing(
    world: World, cluster: Cluster, play: Play, tmp_path: Path
) -> None:
    changed = with_manifests(world, tmp_path / "manifests")
    file, wanted = deployed(tmp_path / "manifests")
    wanted["spec"]["replicas"] = 4
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    played = play(NOTEBOOK, changed, dry_run=True)
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert ".spec.replicas" in (played.attempt.folder / "evidence" / "differences.json").read_text(encoding="utf-8")
    assert deployment(cluster, "order-service")["spec"]["replicas"] == 3
