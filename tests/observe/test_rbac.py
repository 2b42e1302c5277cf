"""What is missing is printed as one document that can be applied."""

from __future__ import annotations

import dataclasses

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.observe.rbac import Permission, rbac, rbac_for
from sandbox.kubernetes.cluster import new_store
from sandbox.kubernetes.rbac import User, Wanted, reason
from sandbox.kubernetes.resources import resource

PATCH = Permission("patch", "apps", "deployments", False, name="web", purpose="deploy")
GET = Permission("get", "apps", "deployments", True, name="web")
LIST = Permission("list", "apps", "deployments", True)
NAMESPACE = Permission("create", "", "namespaces", False, namespaced=False)
NODES = Permission("list", "", "nodes", False, namespaced=False, optional=True)


def documents(*answers: Permission, user: str = "anna") -> list[dict[str, object]]:
    return list(yaml.safe_load_all(rbac(answers, "shop", user, "runbook-web")))


def test_each_role_has_its_binding_to_whoever_asked() -> None:
    role, binding, cluster_role, cluster_binding = documents(PATCH, NAMESPACE)
    assert (cluster_role["kind"], cluster_role["metadata"]) == ("ClusterRole", {"name": "runbook-web-shop"})
    assert cluster_binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "runbook-web-shop",
    }
    assert (role["kind"], role["metadata"]) == ("Role", {"name": "runbook-web", "namespace": "shop"})
    assert binding["subjects"] == [{"kind": "User", "name": "anna", "apiGroup": "rbac.authorization.k8s.io"}]


def test_a_role_is_printed_whole_because_it_takes_the_place_of_the_one_before() -> None:
    role, _ = documents(PATCH, GET, LIST)
    assert role["rules"] == [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["patch", "get"]},
    ]


def test_what_is_asked_without_a_name_is_not_asked_again_with_one() -> None:
    role, _ = documents(PATCH, dataclasses.replace(PATCH, name=""))
    assert role["rules"] == [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}]


def test_nothing_is_printed_while_nothing_is_missing() -> None:
    assert rbac([GET, LIST], "shop", "anna") == ""


def test_what_is_only_useful_comes_last_and_says_that_it_may_be_left_out() -> None:
    text = rbac([NODES, PATCH], "shop", "anna")
    needed, _, useful = text.partition("# only to know more, may be left out; missing now: list nodes\n")
    assert "# needed; missing now: patch deployments.apps\n" in needed
    assert [one["kind"] for one in yaml.safe_load_all(useful)] == ["ClusterRole", "ClusterRoleBinding"]
    assert "only to know more" in rbac([NODES, GET], "shop", "anna")
    assert "needed;" not in rbac([NODES, GET], "shop", "anna")


def test_another_namespace_has_a_role_of_its_own() -> None:
    route = Permission("update", "gateway.networking.k8s.io", "httproutes", False, namespace="edge", name="web")
    places = [one["metadata"] for one in documents(PATCH, route)]
    assert [place["namespace"] for place in places] == ["edge", "edge", "shop", "shop"]  # type: ignore[index]


def test_who_is_not_known_is_to_be_written_in() -> None:
    text = rbac([PATCH], "shop")
    assert text.startswith("# the cluster does not say who is asking")
    _, binding = yaml.safe_load_all(text)
    assert binding["subjects"][0]["name"] == "WHO-RUNS-THE-RUNBOOK"


def test_a_403_without_a_namespace_asks_for_a_cluster_role() -> None:
    message = 'nodes is forbidden: User "anna" cannot list resource "nodes" in API group "" at the cluster scope'
    role, _ = yaml.safe_load_all(rbac_for(message, "shop"))
    assert (role["kind"], role["metadata"]["name"]) == ("ClusterRole", "runbook-list-nodes-shop")
    assert rbac_for("no", "shop") == "(the API server did not say which permission)"


PERMISSIONS = st.builds(
    Permission,
    verb=st.sampled_from(["get", "list", "create", "patch"]),
    group=st.sampled_from(["", "apps"]),
    resource=st.sampled_from(["pods", "pods/proxy", "deployments"]),
    allowed=st.booleans(),
    namespaced=st.booleans(),
    namespace=st.sampled_from(["", "shop", "edge"]),
    name=st.sampled_from(["", "web", "web:http"]),
    optional=st.booleans(),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(PERMISSIONS, max_size=8), st.sampled_from(["anna", "system:serviceaccount:shop:runner"]))
def test_whoever_applies_what_is_printed_has_all_that_was_asked_and_nothing_else(
    answers: list[Permission], user: str
) -> None:
    store = new_store()
    for space in ("shop", "edge"):
        store.create(resource("namespaces", ""), {"metadata": {"name": space}})
    for document in yaml.safe_load_all(rbac(answers, "shop", user, "runbook-web")):
        if document:
            store.create(resource(document["kind"]), document)

    def may(one: Permission, verb: str) -> bool:
        place = (one.namespace or "shop") if one.namespaced else ""
        wanted = Wanted(verb, one.group, one.resource, place, one.name)
        return reason(store, User(user, ("system:authenticated",)), wanted) is not None

    for optional in (False, True):  # each part is printed when something of it is missing
        part = [one for one in answers if one.optional is optional]
        if not all(one.allowed for one in part):
            assert all(may(one, one.verb) for one in part)
    assert not any(may(one, "delete") for one in answers)
