"""What an operator types: kubectl works on the cluster as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

Kubectl = Callable[..., str]

MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {greeting: hello, colour: blue}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "example.invalid/none:1"}]}
"""


def test_apply_creates_then_finds_nothing_to_do_then_changes(cluster: Any, kubectl: Kubectl) -> None:
    assert "configmap/settings created" in kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert "configmap/settings unchanged" in kubectl("apply", "-f", "-", stdin=MANIFEST)
    without = MANIFEST.replace(", colour: blue", "")
    assert "configmap/settings configured" in kubectl("apply", "-f", "-", stdin=without)
    assert cluster.core.read_namespaced_config_map("settings", cluster.namespace).data == {"greeting": "hello"}


def test_apply_refuses_a_field_that_does_not_exist(kubectl: Kubectl) -> None:
    wrong = MANIFEST.replace("replicas: 0", "replicas: 0\n  nonsense: 1")
    assert 'unknown field "spec.nonsense"' in kubectl("apply", "-f", "-", stdin=wrong, fails=True)


def test_a_server_side_dry_run_changes_nothing(cluster: Any, kubectl: Kubectl) -> None:
    assert "(server dry run)" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=MANIFEST)
    assert "settings" not in kubectl("get", "configmaps")


def test_server_side_apply_names_the_conflict_and_can_be_forced(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=MANIFEST)
    other = MANIFEST.replace("hello", "good day")
    said = kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=other, fails=True)
    assert 'conflict with "one"' in said
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=other)
    assert kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.greeting}") == "good day"


def test_get_prints_tables_and_objects(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    header, row = kubectl("get", "deployments").splitlines()
    assert header.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row.split()[:4] == ["web", "0/0", "0", "0"]
    assert "example.invalid/none:1" in kubectl("get", "deploy", "-o", "wide")
    assert json.loads(kubectl("get", "deploy", "web", "-o", "json"))["kind"] == "Deployment"
    assert yaml.safe_load(kubectl("get", "cm", "settings", "-o", "yaml"))["data"]["colour"] == "blue"
    assert kubectl("get", "cm", "-l", "app=web", "-o", "name").split() == ["configmap/settings"]


def test_a_list_is_sorted_by_a_field(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "b", "--from-literal=order=1")
    kubectl("create", "configmap", "a", "--from-literal=order=2")
    rows = kubectl("get", "configmaps", "--sort-by=.data.order", "--no-headers", "--field-selector=metadata.name!=x")
    names = [row.split()[0] for row in rows.splitlines()]
    assert [name for name in names if name in "ab"] == ["b", "a"]


def test_objects_are_edited_labelled_and_scaled(cluster: Any, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("label", "deployment", "web", "tier=front")
    kubectl("annotate", "deployment", "web", "note=seen")
    kubectl("set", "image", "deployment/web", "c=example.invalid/none:2")
    kubectl("set", "env", "deployment/web", "A=1")
    kubectl("patch", "deployment", "web", "-p", '{"spec": {"minReadySeconds": 3}}')
    kubectl("scale", "deployment", "web", "--replicas=1")
    read = cluster.apps.read_namespaced_deployment("web", cluster.namespace)
    assert (read.metadata.labels["tier"], read.metadata.annotations["note"]) == ("front", "seen")
    assert (read.spec.replicas, read.spec.min_ready_seconds) == (1, 3)
    container = read.spec.template.spec.containers[0]
    assert (container.image, container.env[0].value) == ("example.invalid/none:2", "1")


def test_wait_sees_a_deletion(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("delete", "configmap", "settings", "--wait=false")
    kubectl("wait", "--for=delete", "configmap/settings", "--timeout=20s")
    assert "NotFound" in kubectl("get", "configmap", "settings", fails=True)


def test_delete_takes_away_what_was_applied(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("delete", "-f", "-", "--timeout=30s", stdin=MANIFEST)
    assert kubectl("get", "deployments,replicasets", "-o", "name").strip() in ("", "No resources found")


def test_simple_objects_are_created_from_the_command_line(cluster: Any, kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "typed", "--from-literal=a=1")
    kubectl("create", "secret", "generic", "hidden", "--from-literal=word=swordfish")
    assert cluster.core.read_namespaced_config_map("typed", cluster.namespace).data == {"a": "1"}
    assert cluster.core.read_namespaced_secret("hidden", cluster.namespace).data == {"word": "c3dvcmRmaXNo"}


def test_one_may_ask_what_one_may_do(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "patch", "deployments").strip() == "yes"


def test_describe_tells_what_is_there(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    told = kubectl("describe", "deployment", "web")
    assert "example.invalid/none:1" in told
    assert "RollingUpdateStrategy" in told
