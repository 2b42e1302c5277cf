"""What runs the guard is fit for production by our own checks, and starts commands that exist."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from runbook_lib.cli import app
from runbook_lib.judge.workload.judge import check_manifests
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Outcome
from runbook_lib.observe.files.manifests import read_manifests

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "runbook-guard@.service"


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "guard.yaml").read_text())}


def test_with_its_config_map_the_manifests_pass_the_containerization_checks(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "guard.yaml", tmp_path)
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "runbook-guard", "namespace": "shop"}}
    (tmp_path / "parameters.yaml").write_text(
        yaml.safe_dump({**made, "data": {"order-service.yaml": "application: {}"}})
    )
    manifests = read_manifests(tmp_path)
    report = check_manifests(World(manifests.resources, namespace="shop"), manifests)
    wrong = [f for f in report.findings if f.outcome is Outcome.FAIL and f.severity == "blocking"]
    assert wrong == []


def test_the_guard_may_do_what_it_does_and_nothing_else(objects: dict[str, Any]) -> None:
    rules = {(rule["resources"][0], verb) for rule in objects["Role"]["rules"] for verb in rule["verbs"]}
    leases = {("leases", verb) for verb in ("create", "get", "update")}
    assert rules == {*leases, ("pods", "list"), ("deployments", "get")}


def test_probes_and_arguments_are_commands_that_exist(objects: dict[str, Any]) -> None:
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    probes = [container[name]["exec"]["command"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert objects["Deployment"]["spec"]["replicas"] == 2
    for command in (container["args"], *probes):
        assert command[:2] == ["runbook", "guard"]
        told = CliRunner().invoke(app, [*command[1:-1], "nosuch.yaml"])
        assert told.exit_code and "no parameters file nosuch.yaml" in str(told.exception)


def test_the_unit_starts_the_guard_and_systemd_understands_it(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert "ExecStart=/srv/runbooks/.venv/bin/runbook guard parameters/%i.yaml" in text
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd here")
    here = tmp_path / UNIT.name.replace("@", "@order-service")
    here.write_text(text.replace("/srv/runbooks/.venv/bin/runbook", "/bin/true"))
    ended = subprocess.run([program, "verify", "--man=no", str(here)], capture_output=True, text=True, check=False)
    assert (ended.returncode, [line for line in ended.stderr.splitlines() if "runbook-guard" in line]) == (0, [])
