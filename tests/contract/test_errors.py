"""What the API server refuses, and how it says so."""

from __future__ import annotations

from typing import Any

import pytest

CONFIG_MAPS = "/api/v1/namespaces/NAMESPACE/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/NAMESPACE/deployments"


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "example.invalid/none:1"} | spec.pop("container", {})
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]} | spec.pop("pod", {})}
    found = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": found}


def config_map(name: str = "c", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} | more


def test_what_is_not_there_is_not_found(cluster: Any) -> None:
    status, body = cluster.request("GET", f"{DEPLOYMENTS}/missing")
    assert (status, body["reason"], body["message"]) == (404, "NotFound", 'deployments.apps "missing" not found')
    assert body["details"] == {"name": "missing", "group": "apps", "kind": "deployments"}


def test_an_unknown_resource_is_not_found(cluster: Any) -> None:
    assert cluster.request("GET", "/apis/apps/v1/namespaces/NAMESPACE/nonsense")[0] == 404
    assert cluster.request("GET", "/nonsense")[0] == 404


def test_a_name_that_is_taken_is_a_conflict(cluster: Any) -> None:
    assert cluster.request("POST", CONFIG_MAPS, config_map())[0] == 201
    status, body = cluster.request("POST", CONFIG_MAPS, config_map())
    assert (status, body["reason"], body["message"]) == (409, "AlreadyExists", 'configmaps "c" already exists')


def test_a_missing_namespace_is_named(cluster: Any) -> None:
    status, body = cluster.request("POST", "/api/v1/namespaces/no-such-namespace/configmaps", config_map())
    assert (status, body["message"]) == (404, 'namespaces "no-such-namespace" not found')


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (deployment(selector=None), "spec.selector"),
        (deployment(selector={"matchLabels": {"app": "other"}}), "spec.template.metadata.labels"),
        (deployment("Bad_Name"), "metadata.name"),
        (deployment(replicas=-1), "spec.replicas"),
        (deployment(container={"image": ""}), "spec.template.spec.containers[0].image"),
        (deployment(container={"name": "Bad Name"}), "spec.template.spec.containers[0].name"),
        (deployment(pod={"containers": []}), "spec.template.spec.containers"),
        (deployment(pod={"restartPolicy": "Never"}), "spec.template.spec.restartPolicy"),
        (
            deployment(container={"volumeMounts": [{"name": "none", "mountPath": "/x"}]}),
            "spec.template.spec.containers[0].volumeMounts[0].name",
        ),
        (
            deployment(container={"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
            "spec.template.spec.containers[0].resources.requests",
        ),
        (
            deployment(container={"readinessProbe": {"periodSeconds": 1}}),
            "spec.template.spec.containers[0].readinessProbe",
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            "spec.strategy.rollingUpdate.maxUnavailable",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_invalid_deployment_is_refused_with_the_field(cluster: Any, body: dict[str, Any], field: str) -> None:
    status, answer = cluster.request("POST", DEPLOYMENTS, body)
    assert (status, answer["reason"]) == (422, "Invalid")
    assert field in [cause["field"] for cause in answer["details"]["causes"]]
    assert answer["message"].startswith(f'Deployment.apps "{body["metadata"]["name"]}" is invalid: ')
    assert cluster.request("GET", f"{DEPLOYMENTS}/web")[0] == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (deployment(container={"resources": {"limits": {"memory": "1GB"}}}), "quantities must match"),
        (deployment(replicas="two"), "cannot handle"),
        (deployment(container={"env": [{"name": "PORT", "value": 8080}]}), "cannot handle"),
        (deployment(pod={"containers": {"name": "c"}}), "cannot handle"),
    ],
    ids=["quantity", "text for a number", "number for a text", "map for a list"],
)
def test_a_value_of_another_type_is_a_bad_request(cluster: Any, body: dict[str, Any], said: str) -> None:
    status, answer = cluster.request("POST", DEPLOYMENTS, body)
    assert (status, answer["reason"]) == (400, "BadRequest")
    assert said.replace("cannot handle", "cannot be handled as a Deployment") in answer["message"]


def test_the_selector_of_a_deployment_stays(cluster: Any) -> None:
    assert cluster.request("POST", DEPLOYMENTS, deployment())[0] == 201
    change = {"spec": {"selector": {"matchLabels": {"app": "z"}}}}
    status, body = cluster.request("PATCH", f"{DEPLOYMENTS}/web", change, "application/merge-patch+json")
    assert status == 422
    assert "field is immutable" in body["message"]


def test_an_immutable_configmap_stays(cluster: Any) -> None:
    assert cluster.request("POST", CONFIG_MAPS, config_map(data={"a": "1"}, immutable=True))[0] == 201
    change = {"data": {"a": "2"}}
    status, body = cluster.request("PATCH", f"{CONFIG_MAPS}/c", change, "application/merge-patch+json")
    assert status == 422
    assert "field is immutable when `immutable` is set" in body["message"]


def test_an_unknown_field_is_refused_when_asked_to_be_strict(cluster: Any) -> None:
    status, body = cluster.request("POST", f"{DEPLOYMENTS}?fieldValidation=Strict", deployment(nonsense=1))
    assert status == 400
    assert 'strict decoding error: unknown field "spec.nonsense"' in body["message"]


def test_an_unknown_field_is_dropped_otherwise(cluster: Any) -> None:
    status, body = cluster.request("POST", f"{DEPLOYMENTS}?fieldValidation=Ignore", deployment(nonsense=1))
    assert status == 201
    assert "nonsense" not in body["spec"]


def test_what_is_no_json_is_a_bad_request(cluster: Any) -> None:
    status, body = cluster.request("POST", DEPLOYMENTS, "{not json")
    assert (status, body["reason"]) == (400, "BadRequest")


def test_an_object_of_another_kind_is_a_bad_request(cluster: Any) -> None:
    assert cluster.request("POST", CONFIG_MAPS, deployment())[0] == 400


def test_an_object_of_another_namespace_is_a_bad_request(cluster: Any) -> None:
    body = config_map()
    body["metadata"]["namespace"] = "elsewhere"
    assert cluster.request("POST", CONFIG_MAPS, body)[0] == 400


def test_a_method_that_a_path_has_not_is_not_allowed(cluster: Any) -> None:
    status, body = cluster.request("PUT", DEPLOYMENTS, {})
    assert (status, body["reason"]) == (405, "MethodNotAllowed")


def test_a_patch_of_an_unknown_type_is_not_supported(cluster: Any) -> None:
    cluster.request("POST", CONFIG_MAPS, config_map())
    status, body = cluster.request("PATCH", f"{CONFIG_MAPS}/c", "x", "text/plain")
    assert (status, body["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("query", ["labelSelector=%21%21", "labelSelector=a%3D%3D%3Db", "fieldSelector=spec.foo%3Dx"])
def test_a_selector_that_cannot_be_read_is_a_bad_request(cluster: Any, query: str) -> None:
    status, body = cluster.request("GET", f"{DEPLOYMENTS}?{query}")
    assert (status, body["reason"]) == (400, "BadRequest")


def test_a_budget_with_both_limits_is_invalid(cluster: Any) -> None:
    spec = {"minAvailable": 1, "maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec}
    status, answer = cluster.request("POST", "/apis/policy/v1/namespaces/NAMESPACE/poddisruptionbudgets", body)
    assert status == 422
    assert "minAvailable and maxUnavailable cannot be both set" in answer["message"]
