"""`runbook rollout`: each act is on record, a second time it does nothing, and stopping needs nobody's key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner
from workloads import READY, Objects, container, deployment

from runbook_lib.cli import app
from runbook_lib.errors import CriterionFailed, Observing
from runbook_lib.parameters import load, project_root
from runbook_lib.record.archive import attempts
from runbook_lib.rollout import commands

NEVER = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1}


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


@pytest.fixture
def file(cluster: Any, tmp_path: Path) -> Path:
    """Parameters of the Deployment ``web`` in the test's namespace, with an archive of their own and no key."""
    values = yaml.safe_load((project_root() / "parameters/demo.yaml").read_text(encoding="utf-8"))
    here = {"kubeconfig": str(cluster.kubeconfig), "namespace": cluster.namespace, "deployment": "web"}
    values["kubernetes"] |= here
    values["records"] = str(tmp_path / "records")
    values["gates"] |= {"keys": [], "allowed_signers": str(tmp_path / "nobody")}
    path = tmp_path / "web.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_a_rollout_is_looked_at_paused_and_taken_back_on_record(
    cluster: Any, objects: Objects, file: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    objects.create("deployments", deployment("web", container(cluster.image, readinessProbe=READY), 2))
    objects.wait_for_available("web")
    assert CliRunner().invoke(app, ["rollout", "status", str(file)]).exit_code == 0
    change = {"containers": [{"name": "c", "readinessProbe": NEVER}]}
    objects.patch("deployments", "web", {"spec": {"template": {"spec": change}}})
    objects.wait_for("a new Pod", lambda: objects.get("deployments", "web")["status"].get("updatedReplicas"))
    going = CliRunner().invoke(app, ["rollout", "status", str(file)])
    assert going.exit_code == Observing.exit_code
    assert "0 of 2 new Pods ready (1 made), 2 old still serve" in going.output
    assert "It goes on by itself: its 1 new Pod may still become ready" in going.output
    commands.pause(load(file), said.append)
    assert objects.get("deployments", "web")["spec"]["paused"] is True
    assert any("It is paused: only those Pods of revision 2 that exist" in line for line in said)
    assert "paused by" in CliRunner().invoke(app, ["rollout", "status", str(file)]).output
    commands.take_it_back(load(file), said.append)
    assert any("no Pod of another template exists any more" in line for line in said)
    commands.take_it_back(load(file), said.append)
    assert objects.get("deployments", "web")["spec"].get("paused", False) is False
    filed = attempts(tmp_path / "records")
    assert [(one.step[2], one.outcome) for one in filed] == [("pause", "passed"), *[("abort", "passed")] * 2]
    after = CliRunner().invoke(app, ["rollout", "status", str(file)])
    assert "revision 2 was aborted by" in after.output
    assert "no Pod of it exists" in after.output


@pytest.mark.heavy
def test_an_abort_is_carried_out_where_it_cannot_be_put_on_record(
    cluster: Any, objects: Objects, file: Path, tmp_path: Path
) -> None:
    objects.create("deployments", deployment("web", container(cluster.image, readinessProbe=NEVER)))
    objects.wait_for("a Pod", lambda: objects.pods("web"))
    (tmp_path / "records").write_text("no folder")
    stopped = CliRunner().invoke(app, ["rollout", "abort", str(file)])
    assert "not on record" in str(stopped.exception)
    assert objects.pods("web") == []


def test_a_deployment_that_is_not_there_is_said_in_one_sentence(file: Path) -> None:
    stopped = CliRunner().invoke(app, ["rollout", "pause", str(file)])
    assert isinstance(stopped.exception, CriterionFailed)
    assert "there is no Deployment/web in namespace" in str(stopped.exception)
