"""Objects are kept as Kubernetes keeps them: defaults, patches, selectors, pages, owners, optimistic locking."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from kubernetes import client, dynamic
from kubernetes.client.exceptions import ApiException

POD_TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "example.invalid/none:1"}]},
}


def deployment(name: str = "web", replicas: int = 0) -> dict[str, Any]:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": POD_TEMPLATE}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, labels: dict[str, str] | None = None) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data={"key": "value"})


def test_a_deployment_gets_the_defaults_of_the_server(cluster: Any) -> None:
    made = cluster.apps.create_namespaced_deployment(cluster.namespace, deployment())
    assert made.metadata.uid
    assert made.metadata.generation == 1
    assert made.spec.strategy.rolling_update.max_surge == "25%"
    assert made.spec.progress_deadline_seconds == 600
    container = made.spec.template.spec.containers[0]
    assert container.image_pull_policy == "IfNotPresent"
    assert container.termination_message_path == "/dev/termination-log"
    assert made.spec.template.spec.restart_policy == "Always"


def test_quantities_are_kept_in_their_shortest_form(cluster: Any) -> None:
    body = deployment()
    resources = {"requests": {"cpu": "0.5", "memory": "1024Mi"}, "limits": {"cpu": "1500m", "memory": "1.5Gi"}}
    container = POD_TEMPLATE["spec"]["containers"][0] | {"resources": resources}
    body["spec"] = body["spec"] | {"template": POD_TEMPLATE | {"spec": {"containers": [container]}}}
    made = cluster.apps.create_namespaced_deployment(cluster.namespace, body)
    kept = made.spec.template.spec.containers[0].resources
    assert kept.requests == {"cpu": "500m", "memory": "1Gi"}
    assert kept.limits == {"cpu": "1500m", "memory": "1536Mi"}


def test_a_secret_given_as_text_is_kept_encoded(cluster: Any) -> None:
    secret = client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"word": "swordfish"})
    cluster.core.create_namespaced_secret(cluster.namespace, secret)
    read = cluster.core.read_namespaced_secret("s", cluster.namespace)
    assert base64.b64decode(read.data["word"]) == b"swordfish"
    assert read.type == "Opaque"
    assert read.string_data is None


def test_a_write_that_changes_nothing_keeps_the_resource_version(cluster: Any) -> None:
    made = cluster.core.create_namespaced_config_map(cluster.namespace, config_map("c"))
    again = cluster.core.replace_namespaced_config_map("c", cluster.namespace, made)
    assert again.metadata.resource_version == made.metadata.resource_version


def test_generation_counts_changes_of_the_spec_only(cluster: Any) -> None:
    cluster.apps.create_namespaced_deployment(cluster.namespace, deployment())
    labelled = cluster.apps.patch_namespaced_deployment("web", cluster.namespace, {"metadata": {"labels": {"a": "b"}}})
    assert labelled.metadata.generation == 1
    scaled = cluster.apps.patch_namespaced_deployment("web", cluster.namespace, {"spec": {"minReadySeconds": 1}})
    assert scaled.metadata.generation == 2


def test_a_replacement_of_something_older_is_a_conflict(cluster: Any) -> None:
    made = cluster.core.create_namespaced_config_map(cluster.namespace, config_map("c"))
    cluster.core.patch_namespaced_config_map("c", cluster.namespace, {"data": {"key": "other"}})
    made.data["key"] = "mine"
    with pytest.raises(ApiException) as refused:
        cluster.core.replace_namespaced_config_map("c", cluster.namespace, made)
    assert refused.value.status == 409
    assert cluster.core.read_namespaced_config_map("c", cluster.namespace).data == {"key": "other"}


def test_a_strategic_patch_merges_containers_by_name_and_takes_env_away(cluster: Any) -> None:
    cluster.apps.create_namespaced_deployment(cluster.namespace, deployment())

    def patched(*env: dict[str, str]) -> list[tuple[str, str]]:
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [*env]}]}}}}
        made = cluster.apps.patch_namespaced_deployment("web", cluster.namespace, change)
        container = made.spec.template.spec.containers[0]
        assert container.image == "example.invalid/none:1"
        return [(item.name, item.value) for item in container.env or ()]

    assert patched({"name": "A", "value": "1"}) == [("A", "1")]
    assert sorted(patched({"name": "B", "value": "2"})) == [("A", "1"), ("B", "2")]
    assert patched({"name": "A", "$patch": "delete"}) == [("B", "2")]


def test_a_merge_patch_replaces_lists_and_takes_nulls_away(cluster: Any) -> None:
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("c", {"a": "b"}))
    path = "/api/v1/namespaces/NAMESPACE/configmaps/c"
    change = {"metadata": {"labels": {"a": None}}, "data": {"key": None, "new": "1"}}
    status, patched = cluster.request("PATCH", path, change, "application/merge-patch+json")
    assert (status, patched["data"]) == (200, {"new": "1"})
    assert "labels" not in patched["metadata"]


def test_a_json_patch_is_carried_out_as_a_whole_or_not_at_all(cluster: Any) -> None:
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("c"))
    path = "/api/v1/namespaces/NAMESPACE/configmaps/c"
    good = [{"op": "test", "path": "/data/key", "value": "value"}, {"op": "add", "path": "/data/a~1b", "value": "1"}]
    bad = [{"op": "add", "path": "/data/x", "value": "1"}, {"op": "test", "path": "/data/key", "value": "other"}]
    assert cluster.request("PATCH", path, bad, "application/json-patch+json")[0] == 422
    # a slash is no key of a ConfigMap: the patched object is refused, too
    assert cluster.request("PATCH", path, good, "application/json-patch+json")[0] == 422
    good[1]["path"] = "/data/new"
    status, patched = cluster.request("PATCH", path, good, "application/json-patch+json")
    assert (status, patched["data"]) == (200, {"key": "value", "new": "1"})


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=a", ["one"]),
        ("app!=a", ["three", "two"]),
        ("app in (a, b)", ["one", "two"]),
        ("app notin (a),tier", ["two"]),
        ("!app", ["three"]),
        ("app,tier=x", ["one", "two"]),
    ],
)
def test_labels_select(cluster: Any, selector: str, names: list[str]) -> None:
    for name, labels in (
        ("one", {"app": "a", "tier": "x"}),
        ("two", {"app": "b", "tier": "x"}),
        ("three", {"own": "1"}),
    ):
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map(name, labels | {"test": "yes"}))
    selected = f"test=yes,{selector}"
    found = cluster.core.list_namespaced_config_map(cluster.namespace, label_selector=selected)
    assert sorted(item.metadata.name for item in found.items) == names


def test_fields_select(cluster: Any) -> None:
    for name in ("one", "two"):
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map(name))
    found = cluster.core.list_namespaced_config_map(cluster.namespace, field_selector="metadata.name=two")
    assert [item.metadata.name for item in found.items] == ["two"]


def test_a_list_comes_in_pages_and_none_is_lost_or_doubled(cluster: Any) -> None:
    for number in range(7):
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map(f"page-{number}", {"test": "yes"}))
    names, token, pages = [], None, 0
    while token is not None or pages == 0:
        more = {"_continue": token} if token else {}
        page = cluster.core.list_namespaced_config_map(cluster.namespace, label_selector="test=yes", limit=3, **more)
        names += [item.metadata.name for item in page.items]
        token, pages = page.metadata._continue or None, pages + 1
    assert names == [f"page-{number}" for number in range(7)]
    assert pages == 3


def test_scale_changes_the_replicas_and_nothing_else(cluster: Any) -> None:
    made = cluster.apps.create_namespaced_deployment(cluster.namespace, deployment())
    cluster.apps.patch_namespaced_deployment_scale("web", cluster.namespace, {"spec": {"replicas": 2}})
    scale = cluster.apps.read_namespaced_deployment_scale("web", cluster.namespace)
    assert scale.spec.replicas == 2
    assert scale.status.selector == "app=web"
    read = cluster.apps.read_namespaced_deployment("web", cluster.namespace)
    assert read.spec.replicas == 2
    assert read.spec.template == made.spec.template


def test_the_status_is_written_apart_from_the_spec(cluster: Any) -> None:
    body = client.V1PodDisruptionBudget(
        metadata=client.V1ObjectMeta(name="b"),
        spec=client.V1PodDisruptionBudgetSpec(
            min_available=1, selector=client.V1LabelSelector(match_labels={"app": "none"})
        ),
    )
    policy = client.PolicyV1Api(cluster.client)
    policy.create_namespaced_pod_disruption_budget(cluster.namespace, body)
    change = {"spec": {"minAvailable": 5}, "status": {"expectedPods": 9}}
    patched = policy.patch_namespaced_pod_disruption_budget_status("b", cluster.namespace, change)
    assert (patched.spec.min_available, patched.status.expected_pods) == (1, 9)
    patched = policy.patch_namespaced_pod_disruption_budget("b", cluster.namespace, {"status": {"expectedPods": 7}})
    assert patched.status.expected_pods != 7


def test_a_dry_run_says_what_it_would_make_and_makes_nothing(cluster: Any) -> None:
    made = cluster.core.create_namespaced_config_map(cluster.namespace, config_map("dry"), dry_run="All")
    assert made.metadata.uid
    with pytest.raises(ApiException) as missing:
        cluster.core.read_namespaced_config_map("dry", cluster.namespace)
    assert missing.value.status == 404


def test_what_an_object_owns_goes_with_it(cluster: Any) -> None:
    owner = cluster.core.create_namespaced_config_map(cluster.namespace, config_map("owner"))
    owned = config_map("owned")
    owned.metadata.owner_references = [
        client.V1OwnerReference(api_version="v1", kind="ConfigMap", name="owner", uid=owner.metadata.uid)
    ]
    cluster.core.create_namespaced_config_map(cluster.namespace, owned)
    cluster.core.delete_namespaced_config_map("owner", cluster.namespace)
    cluster.wait("the owned object is gone", lambda: "owned" not in names(cluster))


def test_orphans_stay_when_that_is_asked_for(cluster: Any) -> None:
    owner = cluster.core.create_namespaced_config_map(cluster.namespace, config_map("owner"))
    owned = config_map("owned")
    owned.metadata.owner_references = [
        client.V1OwnerReference(api_version="v1", kind="ConfigMap", name="owner", uid=owner.metadata.uid)
    ]
    cluster.core.create_namespaced_config_map(cluster.namespace, owned)
    cluster.core.delete_namespaced_config_map("owner", cluster.namespace, propagation_policy="Orphan")
    cluster.wait("the owner is gone", lambda: "owner" not in names(cluster))
    left = cluster.core.read_namespaced_config_map("owned", cluster.namespace)
    assert not left.metadata.owner_references


def test_a_finalizer_keeps_an_object_until_it_is_taken_off(cluster: Any) -> None:
    body = config_map("held")
    body.metadata.finalizers = ["example.org/held"]
    cluster.core.create_namespaced_config_map(cluster.namespace, body)
    cluster.core.delete_namespaced_config_map("held", cluster.namespace)
    held = cluster.core.read_namespaced_config_map("held", cluster.namespace)
    assert held.metadata.deletion_timestamp is not None
    cluster.core.patch_namespaced_config_map("held", cluster.namespace, {"metadata": {"finalizers": None}})
    cluster.wait("the object is gone", lambda: "held" not in names(cluster))


def test_a_collection_is_deleted_by_its_labels(cluster: Any) -> None:
    for name in ("one", "two"):
        cluster.core.create_namespaced_config_map(cluster.namespace, config_map(name, {"of": name}))
    cluster.core.delete_collection_namespaced_config_map(cluster.namespace, label_selector="of=one")
    cluster.wait("the selected object is gone", lambda: "one" not in names(cluster))
    assert "two" in names(cluster)


def test_a_deletion_with_another_uid_is_a_conflict(cluster: Any) -> None:
    cluster.core.create_namespaced_config_map(cluster.namespace, config_map("c"))
    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    with pytest.raises(ApiException) as refused:
        cluster.core.delete_namespaced_config_map("c", cluster.namespace, body=options)
    assert refused.value.status == 409
    assert "c" in names(cluster)


def test_a_lease_is_taken_over_only_from_the_state_that_was_read(cluster: Any) -> None:
    leases = client.CoordinationV1Api(cluster.client)
    body = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "first", "leaseDurationSeconds": 15}}
    read = leases.create_namespaced_lease(cluster.namespace, body)
    read.spec.holder_identity = "second"
    leases.replace_namespaced_lease("l", cluster.namespace, read)
    read.spec.holder_identity = "third"
    with pytest.raises(ApiException) as refused:
        leases.replace_namespaced_lease("l", cluster.namespace, read)
    assert refused.value.status == 409
    assert leases.read_namespaced_lease("l", cluster.namespace).spec.holder_identity == "second"


def test_a_generated_name_begins_as_asked_and_is_new_each_time(cluster: Any) -> None:
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="some-"))
    made = [cluster.core.create_namespaced_config_map(cluster.namespace, body).metadata.name for _ in range(3)]
    assert len(set(made)) == 3
    assert all(name.startswith("some-") and len(name) == 10 for name in made)


def test_a_route_of_weights_is_reached_by_the_dynamic_client(cluster: Any) -> None:
    found = dynamic.DynamicClient(cluster.client)
    try:
        routes = found.resources.get(api_version="gateway.networking.k8s.io/v1", kind="HTTPRoute")
    except dynamic.exceptions.ResourceNotFoundError:
        pytest.skip("this cluster has no HTTPRoute: the Gateway API is not installed in it")
    backends = [{"name": "legacy", "port": 80, "weight": 90}, {"name": "web", "port": 80, "weight": 10}]
    body = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "r"},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": backends}]},
    }
    made = routes.create(body=body, namespace=cluster.namespace)
    assert made.spec.rules[0].backendRefs[1].kind == "Service"
    backends[0]["weight"], backends[1]["weight"] = 50, 50
    change = {"spec": {"rules": [{"backendRefs": backends}]}}
    routes.patch(name="r", namespace=cluster.namespace, body=change, content_type="application/merge-patch+json")
    read = routes.get(name="r", namespace=cluster.namespace)
    assert [backend.weight for backend in read.spec.rules[0].backendRefs] == [50, 50]


def test_one_may_ask_what_one_may_do(cluster: Any) -> None:
    attributes = client.V1ResourceAttributes(
        namespace=cluster.namespace, verb="patch", group="apps", resource="deployments"
    )
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes))
    answer = client.AuthorizationV1Api(cluster.client).create_self_subject_access_review(review)
    assert answer.status.allowed is True


def names(cluster: Any) -> list[str]:
    return [item.metadata.name for item in cluster.core.list_namespaced_config_map(cluster.namespace).items]
