"""Whose a field is: what a rule covers, what it leaves out, what an owner's name tells."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from runbook_lib.observe.release.field_owners import Conflict, is_decided, taking, without_left
from runbook_lib.sections.release import FieldRule

BODY = {
    "metadata": {"name": "web", "annotations": {"example.com/owner": "us", "example.com": "no"}},
    "data": {"app.conf": "a", "app": "b"},
    "spec": {
        "replicas": 3,
        "template": {"spec": {"containers": [{"name": "web", "image": "a"}, {"name": "log", "image": "b"}]}},
        "ports": [{"port": 80, "targetPort": 1}, {"port": 80, "protocol": "UDP", "targetPort": 2}],
        "finalizers": ["a", "b"],
    },
}


CONTAINERS = ("spec", "template", "spec", "containers")


def rule(field: str, decision: Literal["leave", "take"] = "leave", name: str = "Deployment/web") -> FieldRule:
    return FieldRule(object=name, field=field, decision=decision, reason="as a test")


def at(body: Any, *steps: Any) -> Any:
    for step in steps:
        body = body[step] if isinstance(body, list) else body.get(step)
    return body


@pytest.mark.parametrize(
    ("field", "steps", "left"),
    [
        (".spec.replicas", ("spec", "replicas"), None),
        ('.spec.template.spec.containers[name="log"].image', (*CONTAINERS, 1), {"name": "log"}),
        (".spec.template.spec.containers[name=log]", CONTAINERS, [{"name": "web", "image": "a"}]),
        ('.spec.ports[port=80,protocol="UDP"].targetPort', ("spec", "ports", 1), {"port": 80, "protocol": "UDP"}),
        ('.spec.ports[port=80,protocol="TCP"].targetPort', ("spec", "ports", 0), {"port": 80}),
        (".metadata.annotations.example.com/owner", ("metadata", "annotations"), {"example.com": "no"}),
        (".data.app.conf", ("data",), {"app": "b"}),
        (".data[app.conf]", ("data",), {"app": "b"}),
        ('.spec.finalizers[="a"]', ("spec", "finalizers"), ["b"]),
    ],
)  # fmt: skip
def test_a_field_that_is_left_goes_and_nothing_else(field: str, steps: tuple[Any, ...], left: Any) -> None:
    body, said = without_left(BODY, "Deployment/web", [rule(field)])
    assert at(body, *steps) == left
    assert said == (f"{field}: as a test",)
    assert BODY["spec"]["replicas"] == 3, "the manifest itself stays as it is"


@pytest.mark.parametrize(
    "field", [".spec.absent", ".spec.replicas.deep", ".spec.containers[name=no]", ".data.app.conf.x"]
)
def test_a_rule_for_what_is_not_there_leaves_all_as_it_is(field: str) -> None:
    assert without_left(BODY, "Deployment/web", [rule(field)]) == (BODY, ())
    assert without_left(BODY, "Service/web", [rule(".spec.replicas")]) == (BODY, ())


@pytest.mark.parametrize(
    ("field", "name", "taken"),
    [
        (".spec.replicas", "Deployment/web", True),
        (".spec", "Deployment/*", True),
        (".spec.rep", "Deployment/web", False),
        (".spec.replicas", "Deployment/other", False),
        (".spec.template.spec.containers[name=web].image", "Deployment/web", False),
    ],
)
def test_only_what_a_rule_names_is_taken(field: str, name: str, taken: bool) -> None:
    found = taking([rule(field, "take", name)], "Deployment/web", Conflict(".spec.replicas", "hpa"))
    assert (found is not None) is taken
    assert not is_decided([rule(".spec.replicas", "leave")], "Deployment/web", Conflict(".spec.replicas", "hpa"))
    assert is_decided([], "Deployment/web", Conflict(".spec.replicas", "runbook")), "ours through an earlier undo"


def test_an_owner_that_is_known_says_what_it_means() -> None:
    assert "an autoscaler sets it" in Conflict(".spec.replicas", "kube-controller-manager").told
    assert "by hand" in Conflict(".spec.replicas", "kubectl-edit").told
    assert Conflict(".spec.replicas", "somebody").told == ".spec.replicas (somebody)"
