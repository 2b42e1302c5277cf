"""May a pilot deploy begin."""

import pytest

from runbook_lib.judge import preflight
from runbook_lib.model import Outcome
from runbook_lib.observe.rbac import Permission
from runbook_lib.observe.release.difference import Difference


@pytest.mark.parametrize(
    ("text", "outcome"), [("v1.36.2", 0), ("v1.25.0", 0), ("v1.24.17", 2), ("v1.30.1+k3s1", 0), ("moon", 1)]
)
def test_a_cluster_older_than_what_is_used_is_refused(text: str, outcome: int) -> None:
    assert preflight.version(text).outcome == outcome


def test_missing_permissions_are_named() -> None:
    answers = [Permission("get", "apps", "deployments", True), Permission("patch", "apps", "deployments", False)]
    verdict = preflight.permissions(answers)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.message.startswith("1 of 2 permissions; missing: patch deployments.apps. Have the YAML")
    assert preflight.permissions(answers[:1]).outcome is Outcome.PASS
    assert preflight.permissions([]).outcome is Outcome.INCONCLUSIVE


def test_a_permission_that_only_lets_us_know_more_fails_nothing_and_is_named() -> None:
    nodes = Permission("list", "", "nodes", False, namespaced=False, optional=True)
    verdict = preflight.permissions([Permission("get", "apps", "deployments", True), nodes])
    assert verdict.outcome is Outcome.PASS
    assert "list nodes" in verdict.message
    assert preflight.permissions([nodes]).outcome is Outcome.INCONCLUSIVE


def test_a_conflict_names_object_field_and_manager() -> None:
    owned = Difference("Deployment/web", "a.yaml:1", "change", (), (".spec.replicas (kubectl)",))
    verdict = preflight.difference([owned, Difference("Service/web", "a.yaml:9", "same")])
    assert verdict.outcome is Outcome.FAIL
    assert "Deployment/web .spec.replicas (kubectl)" in verdict.message
    assert preflight.difference([Difference("Service/web", "a.yaml:9", "same")]).outcome is Outcome.PASS
    assert preflight.difference([]).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("weight", "outcome"), [(0, 0), (1, 2), (None, 1)])
def test_no_user_may_be_on_the_side_that_is_deployed(weight: int | None, outcome: int) -> None:
    assert preflight.no_users(weight).outcome == outcome
