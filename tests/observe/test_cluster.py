"""Every refusal of a cluster is one sentence with a class of its own, and a 403 says what to grant."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import CriterionFailed, Unreachable
from runbook_lib.observe import preflight
from runbook_lib.observe.cluster import Cluster, Expired, Missing, speaking
from runbook_lib.observe.release.field_owners import Conflict, conflicts_of

DENIED = (
    'deployments.apps "web" is forbidden: User "system:serviceaccount:shop:runbook" cannot patch resource '
    '"deployments" in API group "apps" in the namespace "shop"'
)


@pytest.fixture
def cluster() -> Cluster:
    """A cluster at an address where nothing listens."""
    settings = Configuration()
    settings.host, settings.retries = "http://127.0.0.1:9", False
    return Cluster(ApiClient(settings), "shop")


def refusal(status: int, message: str, **details: Any) -> ApiException:
    error = ApiException(status=status, reason="a reason")
    error.body = json.dumps({"kind": "Status", "message": message, "details": details})
    return error


def test_a_cluster_that_does_not_answer_is_unreachable_in_one_sentence(cluster: Cluster) -> None:
    with pytest.raises(Unreachable, match=r"the cluster at http://127\.0\.0\.1:9 does not answer") as failed:
        preflight.version(cluster)
    said = str(failed.value)
    assert "kubernetes.kubeconfig" in said
    assert "\n" not in said
    assert "object at 0x" not in said


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unreachable),
        (403, CriterionFailed),
        (404, Missing),
        (410, Expired),
        (429, Unreachable),
        (500, Unreachable),
        (503, Unreachable),
        (409, ApiException),  # left to those who write
        (422, ApiException),
    ],
)
def test_each_status_has_its_error(cluster: Cluster, status: int, error: type[Exception]) -> None:
    with pytest.raises(error), speaking(cluster, "Deployment/web"):
        raise refusal(status, "the server says so")


def test_a_403_prints_the_role_that_answers_it(cluster: Cluster) -> None:
    with pytest.raises(CriterionFailed) as failed, speaking(cluster, "Deployment/web"):
        raise refusal(403, DENIED)
    sentence, _, document = str(failed.value).partition("\n")
    assert sentence.startswith(DENIED)
    role, binding = yaml.safe_load_all(document)
    assert role["rules"] == [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "runbook", "namespace": "shop"}]


def test_conflicts_name_field_and_manager() -> None:
    message = 'conflict with "kubectl" using apps/v1'
    causes = [{"reason": "FieldManagerConflict", "message": message, "field": ".spec.replicas"}]
    assert conflicts_of(refusal(409, "Apply failed", causes=causes)) == (Conflict(".spec.replicas", "kubectl"),)
    assert conflicts_of(refusal(409, "the object has been modified")) == ()
