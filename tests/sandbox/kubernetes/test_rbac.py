"""Rights in the embedded API: rules, roles of roles, groups, and tokens that end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from sandbox.kubernetes import tokens
from sandbox.kubernetes.cluster import new_store
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.rbac import ADMINISTRATOR, User, Wanted, account, reason
from sandbox.kubernetes.request import Target
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store

ANNA = User("anna", ("team", "system:authenticated"))


def with_rule(rule: dict[str, Any], subject: dict[str, str], labels: dict[str, str] | None = None) -> Store:
    """A store where a ClusterRole of one rule is bound to somebody in the namespace default."""
    store = new_store()
    metadata = {"name": "some", "labels": labels or {}}
    store.create(resource("clusterroles"), {"metadata": metadata, "rules": [rule]})
    selector = {"matchLabels": {"into": "all"}}
    whole = {"metadata": {"name": "all"}, "aggregationRule": {"clusterRoleSelectors": [selector]}}
    store.create(resource("clusterroles"), whole)
    for name in ("some", "all"):
        binding = {"metadata": {"name": name, "namespace": "default"}, "subjects": [subject]}
        role = {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
        store.create(resource("rolebindings"), binding | {"roleRef": role})
    return store


PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}


@pytest.mark.parametrize(
    ("rule", "wanted", "allowed"),
    [
        (PODS, Wanted("get", "", "pods", "default", "a"), True),
        (PODS, Wanted("list", "", "pods", "default"), False),
        (PODS, Wanted("get", "", "pods", "kube-system"), False),
        (PODS, Wanted("get", "", "pods"), False),  # a RoleBinding gives nothing outside of its namespace
        (PODS, Wanted("get", "", "pods/log", "default", "a"), False),
        (PODS | {"resources": ["*/log"]}, Wanted("get", "", "pods/log", "default", "a"), True),
        (PODS | {"resources": ["*"], "verbs": ["*"]}, Wanted("delete", "", "secrets", "default", "a"), True),
        (PODS | {"apiGroups": ["*"]}, Wanted("get", "metrics.k8s.io", "pods", "default"), True),
        (PODS | {"resourceNames": ["a"]}, Wanted("get", "", "pods", "default", "a"), True),
        (PODS | {"resourceNames": ["a"]}, Wanted("get", "", "pods", "default", "b"), False),
    ],
)
def test_a_rule_allows_what_it_says(rule: dict[str, Any], wanted: Wanted, allowed: bool) -> None:
    store = with_rule(rule, {"kind": "User", "name": "anna"})
    assert (reason(store, ANNA, wanted) is not None) is allowed
    assert reason(store, ADMINISTRATOR, wanted) is not None


@pytest.mark.parametrize(
    ("subject", "user", "allowed"),
    [
        ({"kind": "Group", "name": "team"}, ANNA, True),
        ({"kind": "Group", "name": "others"}, ANNA, False),
        ({"kind": "User", "name": "ben"}, ANNA, False),
        ({"kind": "ServiceAccount", "name": "runner", "namespace": "default"}, account("default", "runner"), True),
        ({"kind": "ServiceAccount", "name": "runner", "namespace": "other"}, account("default", "runner"), False),
        ({"kind": "Group", "name": "system:serviceaccounts:default"}, account("default", "runner"), True),
    ],
)
def test_a_binding_is_for_its_subjects(subject: dict[str, str], user: User, allowed: bool) -> None:
    store = with_rule(PODS, subject)
    assert (reason(store, user, Wanted("get", "", "pods", "default")) is not None) is allowed


def test_a_role_of_roles_takes_in_those_that_its_labels_choose() -> None:
    store = with_rule(PODS, {"kind": "User", "name": "anna"}, {"into": "all"})
    store.delete(resource("rolebindings"), "default", "some")
    found = reason(store, ANNA, Wanted("get", "", "pods", "default"))
    assert found == 'RBAC: allowed by RoleBinding "all/default" of ClusterRole "all" to User "anna"'


def test_a_token_ends_with_its_time_and_with_its_account() -> None:
    moment = [datetime(2026, 11, 21, tzinfo=UTC)]
    store = new_store()
    store.clock = lambda: moment[0]
    accounts = resource("serviceaccounts", "")
    store.create(accounts, {"metadata": {"name": "runner", "namespace": "default"}})
    target = Target(accounts, "default", "runner", "token")
    token = tokens.issue(store, target, {"spec": {"expirationSeconds": 600}})["status"]["token"]
    asked = make_mocked_request("GET", "/", headers={"Authorization": f"Bearer {token}"})
    assert tokens.user_of(store, asked).name == "system:serviceaccount:default:runner"
    assert tokens.user_of(store, make_mocked_request("GET", "/")) == ADMINISTRATOR
    moment[0] += timedelta(seconds=601)
    with pytest.raises(ApiError, match="Unauthorized"):
        tokens.user_of(store, asked)
    moment[0] -= timedelta(seconds=601)
    store.delete(accounts, "default", "runner")
    store.create(accounts, {"metadata": {"name": "runner", "namespace": "default"}})
    with pytest.raises(ApiError, match="Unauthorized"):
        tokens.user_of(store, asked)
    with pytest.raises(ApiError, match="less than 10 minutes"):
        tokens.issue(store, target, {"spec": {"expirationSeconds": 60}})
