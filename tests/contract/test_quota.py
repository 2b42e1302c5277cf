"""A namespace with a quota or limits refuses what takes too much, in the API server's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.workloads import Objects, condition, container, deployment

JsonObject = dict[str, Any]


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


def quota(objects: Objects, **hard: str) -> None:
    """A quota of these sizes (`_` stands for a dot), once the cluster has counted for it."""
    sizes = {name.replace("_", "."): size for name, size in hard.items()}
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "compute"}, "spec": {"hard": sizes}}
    objects.create("resourcequotas", body)
    objects.wait_for("the quota", lambda: objects.get("resourcequotas", "compute").get("status", {}).get("used"))


def sized(image: str, **sizes: JsonObject) -> JsonObject:
    return container(image, resources=sizes)


def used(objects: Objects) -> JsonObject:
    return dict(objects.get("resourcequotas", "compute")["status"]["used"])


def refusal(objects: Objects, one: JsonObject, name: str) -> str:
    """What the server says to a Pod of this container."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [one]}}
    code, answer = objects.cluster.request("POST", "/api/v1/namespaces/NAMESPACE/pods", body)
    assert (code, answer.get("reason")) == (403, "Forbidden"), answer
    return str(answer["message"])


def test_a_rollout_stops_at_the_quota_says_so_and_goes_on_when_it_is_raised(cluster: Any, objects: Objects) -> None:
    quota(objects, requests_memory="80Mi", pods="10")
    objects.create("deployments", deployment("web", sized(cluster.image, requests={"cpu": "10m", "memory": "32Mi"}), 3))
    found = objects.wait_for(
        "the refusal", lambda: condition(objects.get("deployments", "web"), "ReplicaFailure").get("message")
    )
    assert "is forbidden: exceeded quota: compute, requested: requests.memory=32Mi, used: requests.memory=64Mi" in found
    assert found.endswith(", limited: requests.memory=80Mi")
    objects.wait_for("two Pods", lambda: used(objects) == {"pods": "2", "requests.memory": "64Mi"})
    objects.patch("resourcequotas", "compute", {"spec": {"hard": {"requests.memory": "96Mi"}}}, "merge-patch")
    objects.wait_for_available("web")
    assert used(objects) == {"pods": "3", "requests.memory": "96Mi"}
    objects.patch("deployments", "web", {"spec": {"replicas": 0}}, "merge-patch")
    objects.wait_for("what is given back", lambda: used(objects) == {"pods": "0", "requests.memory": "0"})


def test_a_pod_must_say_what_the_quota_counts(cluster: Any, objects: Objects) -> None:
    quota(objects, limits_memory="1Gi", requests_cpu="1")
    said = refusal(objects, sized(cluster.image), "silent")
    assert said == (
        'pods "silent" is forbidden: failed quota: compute: must specify limits.memory for: c; requests.cpu for: c'
    )


def test_objects_are_counted_too(objects: Objects) -> None:
    quota(objects, **{"count/configmaps": "8"})
    names = iter("abcdefghij")

    def one_more() -> str:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": next(names)}}
        code, answer = objects.cluster.request("POST", "/api/v1/namespaces/NAMESPACE/configmaps", body)
        return "" if code == 201 else str(answer["message"])

    said = objects.wait_for("the refusal", one_more, 30)
    assert said.startswith('configmaps "')
    assert "exceeded quota: compute, requested: count/configmaps=1, used: count/configmaps=8" in said


def test_limits_of_a_namespace_are_filled_in_and_held(cluster: Any, objects: Objects) -> None:
    limit = {"type": "Container", "default": {"memory": "64Mi"}, "defaultRequest": {"cpu": "20m"}}
    limit |= {"max": {"memory": "128Mi"}, "min": {"cpu": "10m"}}
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "sizes"}, "spec": {"limits": [limit]}}
    objects.create("limitranges", body)
    pod = {"containers": [sized(cluster.image)], "terminationGracePeriodSeconds": 1}
    made = objects.create("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "small"}, "spec": pod})
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "64Mi"},
        "requests": {"cpu": "20m", "memory": "64Mi"},
    }
    large = sized(cluster.image, limits={"memory": "1Gi"}, requests={"cpu": "1m"})
    said = refusal(objects, large, "large")
    assert "minimum cpu usage per Container is 10m, but request is 1m" in said
    assert "maximum memory usage per Container is 128Mi, but limit is 1Gi" in said
