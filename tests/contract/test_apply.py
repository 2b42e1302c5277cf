"""Server-side apply: who owns which field, what conflicts, what goes when it is applied no more."""

from __future__ import annotations

import json
from typing import Any

APPLY = "application/apply-patch+yaml"


def applied(cluster: Any, body: dict[str, Any], manager: str, query: str = "") -> tuple[int, dict[str, Any]]:
    plural = {"Deployment": "/apis/apps/v1/namespaces/NAMESPACE/deployments"}.get(
        body["kind"], "/api/v1/namespaces/NAMESPACE/configmaps"
    )
    path = f"{plural}/{body['metadata']['name']}?fieldManager={manager}{query}"
    status, answer = cluster.request("PATCH", path, body, APPLY)
    return status, answer


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def deployment(image: str = "example.invalid/none:1", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": image} | spec.pop("container", {})
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container, *spec.pop("more", [])]}}
    found = {"selector": {"matchLabels": {"app": "web"}}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": found}


def owners(obj: dict[str, Any]) -> dict[str, str]:
    """What each manager owns, as text."""
    return {
        entry["manager"]: json.dumps(entry["fieldsV1"], sort_keys=True)
        for entry in obj["metadata"].get("managedFields", ())
    }


def test_an_apply_creates_and_an_equal_one_changes_nothing(cluster: Any) -> None:
    status, made = applied(cluster, config_map(a="1"), "one")
    assert status == 201
    status, again = applied(cluster, config_map(a="1"), "one")
    assert status == 200
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_field_that_is_applied_no_more_goes(cluster: Any) -> None:
    applied(cluster, config_map(a="1", b="2"), "one")
    _, left = applied(cluster, config_map(a="1"), "one")
    assert left["data"] == {"a": "1"}


def test_a_field_that_another_applies_too_stays(cluster: Any) -> None:
    applied(cluster, config_map(a="1", b="2"), "one")
    assert applied(cluster, config_map(b="2"), "two")[0] == 200
    _, left = applied(cluster, config_map(a="1"), "one")
    assert left["data"] == {"a": "1", "b": "2"}


def test_a_field_of_another_conflicts_and_is_named(cluster: Any) -> None:
    applied(cluster, config_map(a="1"), "one")
    status, body = applied(cluster, config_map(a="2"), "two")
    assert (status, body["reason"]) == (409, "Conflict")
    assert body["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    assert body["details"]["causes"] == [cause]


def test_two_conflicts_with_one_manager_are_told_together(cluster: Any) -> None:
    applied(cluster, config_map(a="1", b="1"), "one")
    status, body = applied(cluster, config_map(a="2", b="2"), "two")
    assert status == 409
    assert [cause["field"] for cause in body["details"]["causes"]] == [".data.a", ".data.b"]
    assert body["message"].startswith("Apply failed with 2 conflicts: ")


def test_an_update_owns_what_it_wrote(cluster: Any) -> None:
    applied(cluster, config_map(a="1"), "one")
    path = "/api/v1/namespaces/NAMESPACE/configmaps/c?fieldManager=hand"
    assert cluster.request("PATCH", path, {"data": {"a": "2"}}, "application/merge-patch+json")[0] == 200
    status, body = applied(cluster, config_map(a="1"), "one")
    assert status == 409
    assert 'conflict with "hand" using v1' in body["message"]


def test_force_takes_the_field_over(cluster: Any) -> None:
    applied(cluster, config_map(a="1"), "one")
    status, forced = applied(cluster, config_map(a="2"), "two", "&force=true")
    assert (status, forced["data"]) == (200, {"a": "2"})
    assert "f:a" not in owners(forced).get("one", "")
    assert "f:a" in owners(forced)["two"]


def test_a_dry_run_tells_the_conflict_and_changes_nothing(cluster: Any) -> None:
    applied(cluster, config_map(a="1"), "one")
    assert applied(cluster, config_map(a="2"), "two", "&dryRun=All")[0] == 409
    status, would = applied(cluster, config_map(a="2"), "two", "&dryRun=All&force=true")
    assert (status, would["data"]) == (200, {"a": "2"})
    _, read = cluster.request("GET", "/api/v1/namespaces/NAMESPACE/configmaps/c")
    assert read["data"] == {"a": "1"}


def test_containers_are_known_by_their_names(cluster: Any) -> None:
    applied(cluster, deployment(replicas=0), "one")
    sidecar = {"name": "side", "image": "example.invalid/side:1"}
    body = deployment(more=[sidecar])
    body["spec"]["template"]["spec"]["containers"] = [sidecar]
    status, both = applied(cluster, body, "two")
    assert status == 200
    assert {item["name"] for item in both["spec"]["template"]["spec"]["containers"]} == {"c", "side"}
    body["spec"]["template"]["spec"].pop("containers")
    _, left = applied(cluster, body, "two")
    assert [item["name"] for item in left["spec"]["template"]["spec"]["containers"]] == ["c"]


def test_an_image_conflict_names_the_container(cluster: Any) -> None:
    applied(cluster, deployment(replicas=0), "one")
    status, body = applied(cluster, deployment("example.invalid/none:2"), "two")
    assert status == 409
    assert body["details"]["causes"][0]["field"] == '.spec.template.spec.containers[name="c"].image'


def test_a_probe_that_is_applied_no_more_goes_with_its_defaults(cluster: Any) -> None:
    probe = {"readinessProbe": {"httpGet": {"path": "/", "port": 80}}}
    _, made = applied(cluster, deployment(replicas=0, container=probe), "one")
    assert made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] == 10
    _, left = applied(cluster, deployment(replicas=0), "one")
    assert "readinessProbe" not in left["spec"]["template"]["spec"]["containers"][0]


def test_a_number_of_replicas_left_out_is_left_to_whoever_scales(cluster: Any) -> None:
    applied(cluster, deployment(replicas=0), "one")
    scale = "/apis/apps/v1/namespaces/NAMESPACE/deployments/web/scale?fieldManager=scaler"
    assert cluster.request("PATCH", scale, {"spec": {"replicas": 2}}, "application/merge-patch+json")[0] == 200
    status, kept = applied(cluster, deployment(), "one")
    assert (status, kept["spec"]["replicas"]) == (200, 2)
    assert applied(cluster, deployment(replicas=0), "one")[0] == 409


def test_an_apply_without_a_manager_is_invalid(cluster: Any) -> None:
    path = "/api/v1/namespaces/NAMESPACE/configmaps/c"
    status, body = cluster.request("PATCH", path, config_map(a="1"), APPLY)
    assert status == 422
    assert "fieldManager: Required value: is required for apply patch" in body["message"]


def test_yaml_is_read_as_kubernetes_reads_it(cluster: Any) -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  when: '2026-01-01'\n  many: |\n    a\n    b\n"
    )
    path = "/api/v1/namespaces/NAMESPACE/configmaps/c?fieldManager=one"
    status, made = cluster.request("PATCH", path, text, APPLY)
    assert (status, made["data"]) == (201, {"when": "2026-01-01", "many": "a\nb\n"})
