"""Which Pods are a Deployment's: those of its ReplicaSets that have not ended, whatever else has the same labels."""

from __future__ import annotations

from typing import Any

import pytest
from workloads import READY, Objects, container, deployment

from runbook_lib.act.abort import left
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.explain import troubles
from runbook_lib.observe.workload.pods import newest_pods, pods
from runbook_lib.observe.workload.stale import stale

REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


@pytest.fixture
def here(cluster: Any) -> Cluster:
    return Cluster(cluster.client, cluster.namespace)


@pytest.mark.heavy
def test_what_ended_or_is_of_somebody_else_is_no_part_of_a_release(
    cluster: Any, objects: Objects, here: Cluster
) -> None:
    objects.create("configmaps", {"metadata": {"name": "settings"}, "data": {"A": "1"}})
    one = container(cluster.image, readinessProbe=READY, envFrom=[{"configMapRef": {"name": "settings"}}])
    objects.create("deployments", deployment("web", one, 2))
    objects.wait_for_available("web")
    _evicted(cluster, objects, "web-evicted", "1")
    never = container(cluster.image) | {"readinessProbe": {"exec": {"command": ["false"]}}}
    objects.create("pods", {"metadata": {"name": "web-job", "labels": {"app": "web"}}, "spec": {"containers": [never]}})
    objects.patch("configmaps", "settings", {"data": {"A": "2"}}, "merge-patch")
    change = {"containers": [{"name": "c", "env": [{"name": "V", "value": "2"}]}]}
    objects.patch("deployments", "web", {"spec": {"template": {"spec": change}}})
    objects.wait_for_available("web")
    objects.wait_for("the old Pods are gone", lambda: len(objects.pods("web")) == 4)
    mine = {pod["metadata"]["name"] for pod in objects.pods("web")} - {"web-evicted", "web-job"}
    assert {pod.name for pod in pods(here, "web")} == mine
    assert {pod.name for pod in newest_pods(here, "web").values()} == mine
    assert (left(here, "web"), troubles(here, "web"), stale(here, "web")) == ([], [], ())
    _evicted(cluster, objects, "web-again", "2")
    (told,) = troubles(here, "web")
    assert ("it failed" in told.what, told.uid) == (True, ""), "it is told, and nothing is done about it"


def _evicted(cluster: Any, objects: Objects, name: str, revision: str) -> None:
    """A Pod that ended and that its ReplicaSet has already replaced: nobody deletes it."""
    body = {"restartPolicy": "Never", "containers": [container(cluster.image, "raise SystemExit(1)")]}
    objects.create("pods", {"metadata": {"name": name}, "spec": body})
    objects.wait_for("it failed", lambda: objects.get("pods", name)["status"].get("phase") == "Failed")
    owner = next(
        one for one in objects.list("replicasets", "app%3Dweb") if one["metadata"]["annotations"][REVISION] == revision
    )
    whose = {key: owner["metadata"][key] for key in ("name", "uid")}
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": True, **whose}
    metadata = {"labels": owner["spec"]["selector"]["matchLabels"], "ownerReferences": [reference]}
    objects.patch("pods", name, {"metadata": metadata}, "merge-patch")
