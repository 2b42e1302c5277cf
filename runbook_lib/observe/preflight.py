"""Before a pilot deploy: which cluster this is, what we may do there, what room it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, plain_object, speaking
from runbook_lib.observe.rbac import Permission


@dataclass(frozen=True)
class Version:
    """What answers at the other end; ``uid`` of kube-system tells two clusters of one name apart."""

    server: str
    version: str
    uid: str


def version(cluster: Cluster) -> Version:
    """Which cluster this is; Unreachable when it does not answer."""
    found = cluster.client.version["kubernetes"]
    home = cluster.get("v1", "Namespace", "kube-system") or {}
    return Version(cluster.server, found["gitVersion"], home.get("metadata", {}).get("uid", ""))


class Need(NamedTuple):
    """Verbs on one resource that this runbook uses."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    namespaced: bool = True


NEEDED = (
    Need("apps", "deployments", ("get", "list", "watch", "create", "update", "patch")),
    Need("apps", "replicasets", ("list",)),
    Need("", "pods", ("list",)),
    Need("", "events", ("list",)),
    Need("", "configmaps", ("get", "create", "update", "patch")),
    Need("", "secrets", ("get", "create", "update", "patch")),
    Need("discovery.k8s.io", "endpointslices", ("list",)),
)


def permissions(cluster: Cluster, needed: Iterable[Need] = NEEDED) -> list[Permission]:
    """What the cluster itself says about each verb (SelfSubjectAccessReview); it asks, it changes nothing."""
    reviews = cluster.resource("authorization.k8s.io/v1", "SelfSubjectAccessReview")
    answers = []
    for group, resource, verbs, namespaced in needed:
        for verb in verbs:
            attributes = {"group": group, "resource": resource, "verb": verb}
            if namespaced:
                attributes["namespace"] = cluster.namespace
            body = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
            with speaking(cluster, f"may I {verb} {resource}"):
                status = plain_object(reviews.create(body=body, _request_timeout=PATIENCE)).get("status") or {}
            answers.append(Permission(verb, group, resource, bool(status.get("allowed")), namespaced))
    return answers


def needed_for(cluster: Cluster, objects: Iterable[Object]) -> list[Need]:
    """What applying these objects asks for, beyond what every pilot deploy needs."""
    known = {(need.group, need.resource) for need in NEEDED}
    found: dict[tuple[str, str], Need] = {}
    for item in objects:
        resource = cluster.resource(item["apiVersion"], item["kind"])
        if (key := (resource.group or "", resource.name)) not in known:
            found[key] = Need(*key, ("get", "create", "patch"), bool(resource.namespaced))
    return [found[key] for key in sorted(found)]
