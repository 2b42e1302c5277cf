"""What a check costs grows with the number of objects, not with its square."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.artefacts import Node, Resource, node_of
from runbook_lib.judge.workload.check import Check
from runbook_lib.judge.workload.judge import CHECKS
from runbook_lib.judge.workload.world import World

FEW = 10
GROWTH = 2.4
"""Twice as many objects may cost so many times as much."""


def application(name: str) -> list[dict[str, Any]]:
    labels = {"app": name}
    container = {
        "name": "web",
        "image": "eclipse-temurin:21",
        "env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx1g"}],
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": name}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": [volume]}}
    selector = {"matchLabels": labels}
    saved = {"includedNamespaces": ["default"], "labelSelector": selector}
    return [
        of("apps/v1", "Deployment", name, {"selector": selector, "template": template}),
        of("v1", "LimitRange", name, {"limits": [{"type": "Container", "default": {"memory": "2Gi"}}]}),
        of("v1", "Service", name, {"selector": labels, "ports": [{"port": 80}]}),
        of("v1", "PersistentVolumeClaim", name, {"accessModes": ["ReadWriteOnce"]}),
        of("velero.io/v1", "Schedule", name, {"schedule": "0 2 * * *", "template": saved}),
        of("snapscheduler.backube/v1", "SnapshotSchedule", name, {"schedule": "0 * * * *", "claimSelector": selector}),
        of("policy/v1", "PodDisruptionBudget", name, {"maxUnavailable": 1, "selector": selector}),
        of("networking.k8s.io/v1", "NetworkPolicy", name, {"podSelector": selector, "ingress": [{}]}),
    ]


def of(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def looks(check: Check, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the check looks into an object, of so many applications."""
    plain = [one for number in range(count) for one in application(f"a{number}")]
    found = tuple(Resource(one["apiVersion"], one["kind"], one["metadata"]["name"], "", node_of(one)) for one in plain)
    asked, get = [0], Node.get

    def counted(node: Node, *keys: str) -> Node:
        asked[0] += 1
        return get(node, *keys)

    with monkeypatch.context() as patched:
        patched.setattr(Node, "get", counted)
        list(check.judge(World(found)))
    return asked[0]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_twice_as_many_objects_cost_a_check_twice_as_much(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looks(check, 2 * FEW, monkeypatch) <= GROWTH * looks(check, FEW, monkeypatch)
