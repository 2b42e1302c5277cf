"""Who lacks a right is told which, and what is printed grants it: with a token that may do nothing, on any cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook_lib.act import configuration, workload
from runbook_lib.act.release import apply
from runbook_lib.errors import CriterionFailed, Unreachable
from runbook_lib.judge import preflight as judge
from runbook_lib.model import Outcome
from runbook_lib.observe import preflight
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.rbac import Permission, rbac
from runbook_lib.observe.release import bundle
from runbook_lib.observe.release.difference import compare
from tests.contract.limited import apply_yaml, client_of
from tests.contract.test_release import release


@pytest.fixture
def runner(cluster: Any) -> Cluster:
    """The test's namespace, seen by somebody without a single right in it."""
    return Cluster(client_of(cluster), cluster.namespace)


@pytest.fixture
def granted(cluster: Any) -> Any:
    """Applies what was printed, and takes what lies in no namespace away again."""
    made: list[Any] = []

    def apply(text: str) -> None:
        made.extend(yaml.safe_load_all(text))
        apply_yaml(cluster.client, text)

    yield apply
    for document in made:
        kind, metadata = document["kind"], document["metadata"]
        if metadata.get("namespace") != cluster.namespace:
            space = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
            plural = f"{kind.lower()}s"
            cluster.request("DELETE", f"/apis/rbac.authorization.k8s.io/v1{space}/{plural}/{metadata['name']}")


def asked(here: Cluster, folder: Path) -> list[Permission]:
    objects = [manifest.object for manifest in bundle.read(folder, here.namespace)]
    return preflight.permissions(
        here, [*preflight.of_release(here, objects), *preflight.of_rollout("web"), *preflight.LOOKS]
    )


def test_what_is_printed_makes_the_preflight_pass_and_nothing_was_changed_before(
    cluster: Any, runner: Cluster, granted: Any, tmp_path: Path
) -> None:
    folder = release(tmp_path, cluster.image)
    assert preflight.version(runner).uid == "", "it may not look into kube-system"
    before = asked(runner, folder)
    refused = judge.permissions(before)
    assert refused.outcome is Outcome.FAIL
    assert "patch deployments.apps" in refused.message
    assert "drill and rollback" in refused.message
    with pytest.raises(CriterionFailed, match="cannot"):
        compare(runner, bundle.read(folder, runner.namespace))
    assert cluster.apps.list_namespaced_deployment(cluster.namespace).items == []
    granted(rbac(before, runner.namespace, preflight.who(runner), "runbook-web"))
    after = cluster.wait("the granted rights", lambda: _all_allowed(asked(runner, folder)))
    assert judge.permissions(after).outcome is Outcome.PASS
    assert rbac(after, runner.namespace, preflight.who(runner)) == ""
    names = configuration.concerned([], [m.object for m in bundle.read(folder, runner.namespace)])
    apply(runner, bundle.read(folder, runner.namespace))
    kept = configuration.snapshot(runner, names).after
    for kind in ("ConfigMap", "Secret"):  # what is immutable can only be made anew
        one = Cluster(cluster.client, cluster.namespace).resource("v1", kind)
        one.delete(name="web", namespace=cluster.namespace)
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "web"}, "immutable": True}
        one.create(body=body, namespace=cluster.namespace)
    assert configuration.restore(runner, kept).done
    workload.annotate(runner, "web", {"runbook/drill": "1"})


def _all_allowed(answers: list[Permission]) -> list[Permission] | None:
    return answers if all(one.allowed for one in answers) else None


def test_each_request_needs_its_own_right_and_is_refused_in_the_servers_words(cluster: Any, runner: Cluster) -> None:
    user = f"system:serviceaccount:{cluster.namespace}:runner"
    assert preflight.who(runner) == user
    for about, call in {
        f'secrets "web" is forbidden: User "{user}" cannot get resource "secrets" in API group "" '
        f'in the namespace "{cluster.namespace}"': lambda: runner.get("v1", "Secret", "web"),
        f'replicasets.apps is forbidden: User "{user}" cannot list resource "replicasets" in API group "apps" '
        f'in the namespace "{cluster.namespace}"': lambda: runner.all("apps/v1", "ReplicaSet"),
        f'nodes is forbidden: User "{user}" cannot list resource "nodes" in API group "" '
        "at the cluster scope": lambda: runner.all("v1", "Node"),
        f'namespaces "kube-system" is forbidden: User "{user}" cannot get resource "namespaces" in API group "" '
        'in the namespace "kube-system"': lambda: runner.get("v1", "Namespace", "kube-system"),
    }.items():
        with pytest.raises(CriterionFailed) as failed:
            call()
        sentence, _, document = str(failed.value).partition("; what is missing:\n")
        assert sentence == about
        role, binding = yaml.safe_load_all(document)
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "runner", "namespace": cluster.namespace}]
        assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_a_role_of_names_allows_these_names_only(cluster: Any, runner: Cluster, granted: Any) -> None:
    mine = Permission("get", "", "configmaps", False, name="mine")
    granted(rbac([mine], cluster.namespace, preflight.who(runner)))
    cluster.wait("the right", lambda: _may(runner, "mine"))
    with pytest.raises(CriterionFailed, match='configmaps "other" is forbidden'):
        runner.get("v1", "ConfigMap", "other")


def _may(here: Cluster, name: str) -> bool:
    try:
        here.get("v1", "ConfigMap", name)
    except CriterionFailed:
        return False
    return True


def test_a_token_that_is_none_is_told_to_log_in_again(cluster: Any, runner: Cluster) -> None:
    runner.api.configuration.api_key["authorization"] += "x"
    with pytest.raises(Unreachable, match="log in again"):
        runner.get("v1", "ConfigMap", "web")


def test_a_role_names_what_is_asked_through_the_api_server_with_its_port(
    cluster: Any, runner: Cluster, granted: Any
) -> None:
    path = f"/api/v1/namespaces/{cluster.namespace}/services/web:80/proxy/"
    named = Permission("get", "", "services/proxy", False, name="web:80")
    assert _proxied(runner, path) == 403
    granted(rbac([named], cluster.namespace, preflight.who(runner)))
    assert cluster.wait("the right", lambda: _proxied(runner, path) != 403)
    assert _proxied(runner, path.replace("web:80", "web")) == 403


def _proxied(here: Cluster, path: str) -> int:
    """The status of a question to a Service that is not there: whoever may ask hears so."""
    asked = here.api.param_serialize(method="GET", resource_path=path, auth_settings=["BearerToken"])
    return int(here.api.call_api(*asked).status)
