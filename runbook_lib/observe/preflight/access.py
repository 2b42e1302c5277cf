"""Which cluster answers, as whom it knows us, and what it lets us do; it is asked, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.observe.cluster import PATIENCE, Cluster, Missing, Object, plain_object, speaking
from runbook_lib.observe.preflight.needs import Need
from runbook_lib.observe.rbac import Permission


@dataclass(frozen=True)
class Version:
    """What answers at the other end; ``uid`` of kube-system tells two clusters of one name apart, "" where unseen."""

    server: str
    version: str
    uid: str


def version(cluster: Cluster) -> Version:
    """Which cluster this is; Unreachable when it does not answer."""
    found = cluster.client.version["kubernetes"]
    try:
        home = cluster.get("v1", "Namespace", "kube-system") or {}
    except CriterionFailed:  # whoever has only a namespace may not look there
        home = {}
    return Version(cluster.server, found["gitVersion"], home.get("metadata", {}).get("uid", ""))


def who(cluster: Cluster) -> str:
    """The user that the cluster takes us for; "" where it is too old to say (before 1.28)."""
    try:
        found = _review(cluster, "authentication.k8s.io/v1", "SelfSubjectReview", {}, "who am I")
    except (BadParameters, CriterionFailed, Missing):
        return ""
    return str(((found.get("status") or {}).get("userInfo") or {}).get("username", ""))


def permissions(cluster: Cluster, needed: Iterable[Need]) -> list[Permission]:
    """What the cluster itself says about each verb (SelfSubjectAccessReview), each question asked once."""
    asked = {one: None for need in needed for one in _questions(cluster, need)}
    return [_answered(cluster, one) for one in asked]


def _questions(cluster: Cluster, need: Need) -> list[Permission]:
    place = (need.namespace or cluster.namespace) if need.namespaced else ""
    return [
        Permission(
            verb, need.group, need.resource, False, need.namespaced, place, need.name, need.purpose, need.optional
        )
        for verb in need.verbs
    ]


def _answered(cluster: Cluster, one: Permission) -> Permission:
    resource, _, subresource = one.resource.partition("/")  # a rule says pods/log, a review asks for both apart
    wanted = {"group": one.group, "resource": resource, "verb": one.verb}
    more = (("namespace", one.namespace), ("name", one.name), ("subresource", subresource))
    wanted |= {key: value for key, value in more if value}
    spec = {"spec": {"resourceAttributes": wanted}}
    found = _review(cluster, "authorization.k8s.io/v1", "SelfSubjectAccessReview", spec, f"may I {one.title}")
    allowed = bool((found.get("status") or {}).get("allowed"))
    return Permission(**{**vars(one), "allowed": allowed})


def _review(cluster: Cluster, api_version: str, kind: str, body: dict[str, Any], about: str) -> Object:
    reviews = cluster.resource(api_version, kind)
    with speaking(cluster, about):
        try:
            written = reviews.create(body={"apiVersion": api_version, "kind": kind, **body}, _request_timeout=PATIENCE)
        except ApiException as error:
            if error.status in (405, 422):  # served by another name only, or refused by an admission of the house
                raise CriterionFailed(f"the cluster does not answer {about}: {error.status}") from None
            raise
    return plain_object(written)
