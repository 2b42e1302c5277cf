"""Before a pilot deploy: which cluster this is, what we may do there, what room it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


READ = ("get", "list", "watch")
NEEDED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("apps", "deployments", (*READ, "create", "update", "patch")),
    ("apps", "replicasets", READ),
    ("", "pods", READ),
    ("", "events", ("list",)),
    ("", "services", READ),
    ("", "configmaps", ("get", "create", "update", "patch")),
    ("", "secrets", ("get", "create", "update", "patch")),
    ("discovery.k8s.io", "endpointslices", READ),
)


def permissions(cluster: Cluster, needed: Iterable[tuple[str, str, tuple[str, ...]]] = NEEDED) -> list[Permission]:
    """What the cluster itself says about each verb (SelfSubjectAccessReview); it asks, it changes nothing."""
    reviews = cluster.resource("authorization.k8s.io/v1", "SelfSubjectAccessReview")
    answers = []
    for group, resource, verbs in needed:
        for verb in verbs:
            attributes = {"namespace": cluster.namespace, "group": group, "resource": resource, "verb": verb}
            body = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
            with speaking(cluster, f"may I {verb} {resource}"):
                status = plain_object(reviews.create(body=body, _request_timeout=PATIENCE)).get("status") or {}
            answers.append(Permission(verb, group, resource, bool(status.get("allowed")), status.get("reason", "")))
    return answers


def needed_for(cluster: Cluster, objects: Iterable[Object]) -> list[tuple[str, str, tuple[str, ...]]]:
    """What applying these objects asks for, beyond what every pilot deploy needs."""
    known = {(group, resource) for group, resource, _ in NEEDED}
    found = {}
    for item in objects:
        resource = cluster.resource(item["apiVersion"], item["kind"])
        if (key := (resource.group or "", resource.name)) not in known:
            found[key] = ("get", "create", "patch")
    return [(group, name, verbs) for (group, name), verbs in sorted(found.items())]
