"""03 refuses before it changes anything: whoever lacks rights, and a release that there is no room for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from kubernetes import client

from runbook_lib.clients import connect
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.rollout import deployment
from tests.contract.limited import apply_yaml, client_of
from tests.notebooks.conftest import Play, World

NOTEBOOK = "03_pilot_deploy.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.heavy, pytest.mark.timeout(400)]


@dataclasses.dataclass(frozen=True)
class Home:
    """The namespace of the release, for whoever makes accounts and quotas in it."""

    client: client.ApiClient
    namespace: str

    @property
    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.client)


@pytest.fixture
def home(world: World) -> Home:
    return Home(connect(world.parameters).kubernetes, world.parameters.kubernetes.namespace)


def printed(notebook: Path) -> str:
    """What the cell of the permissions printed."""
    cells = nbformat.read(notebook, 4).cells
    (cell,) = [cell for cell in cells if cell.id == "cluster"]
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")


def with_token(world: World, home: Home, path: Path) -> dict[str, Any]:
    """The parameters with a kubeconfig that holds the token of an account without a right."""
    limited = client_of(home, "operator").configuration
    content = yaml.safe_load(world.plan.kubeconfig.read_text(encoding="utf-8"))
    content["users"][0]["user"] = {"token": limited.api_key["authorization"]}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return {"kubernetes": {**world.values["kubernetes"], "kubeconfig": str(path)}}


def generation(world: World, home: Home) -> tuple[int, int]:
    """Of the Deployment, and how many ConfigMaps and Secrets there are: nothing may have moved them."""
    live = deployment(Cluster(home.client, home.namespace), world.parameters.kubernetes.deployment)
    made = [home.core.list_namespaced_secret, home.core.list_namespaced_config_map]
    return live["metadata"]["generation"], sum(len(listed(home.namespace).items) for listed in made)


def test_who_lacks_rights_is_told_which_and_what_is_printed_grants_them(
    world: World, home: Home, play: Play, tmp_path: Path
) -> None:
    before = generation(world, home)
    limited = with_token(world, home, tmp_path / "limited")
    try:
        refused = play(NOTEBOOK, limited)
        assert (refused.error, refused.outcome) == ("CriterionFailed", "failed")
        assert "patch deployments.apps" in refused.message
        assert generation(world, home) == before, "nothing was changed"
        apply_yaml(home.client, printed(tmp_path / NOTEBOOK))
        played = play(NOTEBOOK, limited, dry_run=True)
        assert (played.error, played.outcome) == ("", "passed")
        assert printed(tmp_path / NOTEBOOK).strip() == ""
    finally:
        home.core.delete_namespaced_service_account("operator", home.namespace)


def test_a_release_that_the_quota_or_the_nodes_have_no_room_for_is_refused_before_it_is_applied(
    world: World, home: Home, play: Play
) -> None:
    before = generation(world, home)
    hard = {"requests.memory": "400Mi"}
    quota = client.V1ResourceQuota(
        metadata=client.V1ObjectMeta(name="small"), spec=client.V1ResourceQuotaSpec(hard=hard)
    )
    home.core.create_namespaced_resource_quota(home.namespace, quota)
    node = home.core.list_node().items[0].metadata.name
    try:
        full = play(NOTEBOOK)
        assert full.error == "CriterionFailed"
        assert "quota small: requests.memory 384 MiB used + 384 MiB more > 400 MiB" in full.message
        home.core.delete_namespaced_resource_quota("small", home.namespace)
        home.core.patch_node(node, {"spec": {"unschedulable": True}})
        crowded = play(NOTEBOOK)
        assert crowded.error == "CriterionFailed"
        assert "no node has room for 3 of Deployment/order-service" in crowded.message
        assert generation(world, home) == before, "nothing was changed"
    finally:
        home.core.patch_node(node, {"spec": {"unschedulable": None}})
        if any(one.metadata.name == "small" for one in home.core.list_namespaced_resource_quota(home.namespace).items):
            home.core.delete_namespaced_resource_quota("small", home.namespace)
