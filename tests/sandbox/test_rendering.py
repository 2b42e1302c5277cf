from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes import config as kubernetes_config

from runbook_lib import parameters
from runbook_lib.errors import BadParameters
from sandbox import rendering
from sandbox.plan import Plan, load
from sandbox.tools import Tool


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, Tool]:
    """An nginx that says what it was called with."""
    binary = tmp_path / "nginx"
    binary.write_text('#!/bin/sh\necho "$LD_LIBRARY_PATH" "$@"\n')
    binary.chmod(0o755)
    return {"nginx": Tool("nginx", binary, (Path("/some where"),))}


@pytest.fixture
def plan(tmp_path: Path, tools: dict[str, Tool]) -> Plan:
    plan = Plan("other", tmp_path / ".range" / "other", 204)
    rendering.write(plan, tools)
    return plan


def manifests(plan: Plan) -> list[dict[str, object]]:
    return [one for file in sorted(plan.manifests.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]


def test_the_manifests_name_the_ranges_own_stores(plan: Plan) -> None:
    text = "".join(file.read_text() for file in plan.manifests.glob("*.yaml"))
    assert plan.orders_database_url in text
    assert plan.redis_url in text
    assert {"Namespace", "Deployment", "Service"} <= {str(one["kind"]) for one in manifests(plan)}


def test_the_image_of_the_manifests_can_be_run(plan: Plan) -> None:
    images = json.loads(plan.images.read_text())
    [deployment] = [one for one in manifests(plan) if one["kind"] == "Deployment"]
    assert f"image: {next(iter(images))}" in yaml.safe_dump(deployment)


def test_a_real_cluster_gets_its_own_kubeconfig_and_image(tmp_path: Path, tools: dict[str, Tool]) -> None:
    given = tmp_path / "given"
    given.write_text("the kubeconfig of a cluster\n")
    plan = Plan("other", tmp_path / ".range" / "other", 204)
    rendering.write(plan, tools, given, "registry.real/order-service:1")
    assert plan.kubeconfig.read_text() == "the kubeconfig of a cluster\n"
    assert plan.kubeconfig.stat().st_mode & 0o077 == 0
    assert "image: registry.real/order-service:1" in yaml.safe_dump_all(manifests(plan))


def test_the_kubeconfig_opens_the_ranges_api(plan: Plan) -> None:
    client = kubernetes_config.new_client_from_config(str(plan.kubeconfig))  # type: ignore[no-untyped-call]
    assert client.configuration.host == plan.kubernetes_api.url


def test_the_parameters_are_valid_and_the_ranges_own(plan: Plan) -> None:
    assert parameters.load(plan.parameters)
    text = plan.parameters.read_text()
    assert plan.front.url in text
    assert f"records: {plan.folder}/records" in text


def test_the_default_range_uses_the_parameters_as_they_are(tmp_path: Path, tools: dict[str, Tool]) -> None:
    plan = Plan("default", tmp_path / ".range" / "default")
    rendering.write(plan, tools)
    assert "\nrecords: records\n" in plan.parameters.read_text()


def test_the_wrapper_of_nginx_needs_no_environment(plan: Plan) -> None:
    done = subprocess.run([plan.binaries / "nginx", "-t"], env={}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("/some where -p ")
    assert done.stdout.endswith(" -t\n")


def test_a_range_begins_at_the_beginning(plan: Plan, tools: dict[str, Tool]) -> None:
    plan.orders_database.write_text("orders of an earlier range")
    plan.faults.write_text('{"legacy": {"errors": 1}}')
    (plan.folder / "records").mkdir()
    rendering.write(plan, tools)
    assert not plan.orders_database.exists()
    assert json.loads(plan.faults.read_text())["legacy"] == {}
    assert (plan.folder / "records").exists()
    assert load(plan.file) == plan


def test_a_manifest_with_an_unknown_placeholder_is_named(
    plan: Plan, tools: dict[str, Tool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample = tmp_path / "sandbox/sample/manifests"
    sample.mkdir(parents=True)
    (sample / "odd.yaml").write_text("name: $nonsense\n")
    monkeypatch.setattr(rendering, "project_root", lambda: tmp_path)
    with pytest.raises(BadParameters, match=r"odd\.yaml names the placeholder 'nonsense'"):
        rendering.write(plan, tools)
