"""API versions: served by the cluster's version, not on their way out; kinds that nobody here can judge are named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Resource, Schemas, Served
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.kinds import GONE, GROUPS, HOME, group_of, looked_at, own
from runbook_lib.judge.workload.world import World

EARLY = re.compile(r"v\d+(alpha|beta)\d*")
OLD = {
    ("v1", "Endpoints"): (33, "EndpointSlices (discovery.k8s.io/v1)"),
    ("v1", "ComponentStatus"): (19, "the health endpoints of the components"),
}


def api_versions(world: World) -> Iterator[Seen]:
    for resource in filter(own, world.resources):
        node = resource.node.get("apiVersion")
        refused = _refused(resource, world.schemas)
        if refused:
            yield failed(resource, node, refused)
        else:
            yield passed(resource, node, resource.api_version)


def deprecated(world: World) -> Iterator[Seen]:
    for resource in filter(own, world.resources):
        if _refused(resource, world.schemas):
            continue
        node = resource.node.get("apiVersion")
        leaving = _leaving(resource, world.schemas)
        if leaving:
            yield failed(resource, node, f"{resource.api_version} {resource.kind} {leaving}")
        else:
            yield passed(resource, node, f"{resource.api_version} is there to stay")


def known_kinds(world: World) -> Iterator[Seen]:
    for resource in world.resources:
        title = f"{resource.api_version} {resource.kind}"
        form = _form(resource, world.schemas)
        pods = resource.node.get("spec", "template", "spec", "containers").elements()
        if pods and world.workload(resource) is None:
            yield unknown(resource, resource.node, f"{title} makes Pods, and no check looks at them", "blocking")
        elif not looked_at(resource) and form is None:
            why = f"it is not Kubernetes' {resource.kind}" if resource.kind in HOME else "no check knows it"
            yield unknown(resource, resource.node, f"{title} is not validated: {why}", "info")
        elif form is None and world.schemas and world.schemas.used and not own(resource):
            message = f"the form of {title} is not validated: it is an extension, whose schema is in its cluster"
            yield unknown(resource, resource.node, message, "info")
        elif maker := world.maker(resource):
            yield passed(resource, resource.node, f"{maker.title} has made it, and is asked in its place")
        else:
            yield passed(resource, resource.node, f"{title} is known")


def _refused(resource: Resource, schemas: Schemas | None) -> str:
    """Why the API server of the version asked for does not serve it; empty when it does."""
    api, kind = resource.api_version, resource.kind
    since, newer = GONE.get((api, kind), (0, ""))
    if since and (schemas is None or _minor(schemas.version) >= since):
        there = schemas.kinds[api, kind].elsewhere if schemas and (api, kind) in schemas.kinds else ()
        newer = newer if newer in there or not there else there[-1]
        return f"{api} is not served for {kind} since 1.{since}: {f'it is {newer}' if newer else 'nothing replaces it'}"
    if since:
        return ""
    if group_of(api) not in GROUPS and (schemas is None or not schemas.used or kind not in HOME):
        return f"{api} is no group of Kubernetes, and that of an extension has a dot"
    if schemas is None or not schemas.used:
        home = {HOME.get(kind, api)} | ({"autoscaling/v1"} if kind == "HorizontalPodAutoscaler" else set())
        return "" if api in home else f"{api} is not served for {kind}: it is {HOME[kind]}"
    served = schemas.kinds.get((api, kind))
    if served is None or served.form is not None:
        return ""
    return f"{api} {kind} is not served by Kubernetes {schemas.used}: {_instead(served, kind)}"


def _instead(served: Served, kind: str) -> str:
    if served.elsewhere:
        return f"it is {' or '.join(served.elsewhere)}"
    if served.versions:
        return f"only {served.versions[0]} to {served.versions[-1]} are known to serve it"
    return f"it has no kind {kind} there; is it written right?"


def _leaving(resource: Resource, schemas: Schemas | None) -> str:
    """Why it should not be begun with; empty when it is there to stay."""
    since, newer = GONE.get((resource.api_version, resource.kind), (0, ""))
    if since:
        return f"is not served any more from 1.{since} on: {f'it is {newer}' if newer else 'nothing replaces it'}"
    since, newer = OLD.get((resource.api_version, resource.kind), (0, ""))
    if since and (schemas is None or _minor(schemas.version) >= since):
        return f"is deprecated since 1.{since}: use {newer}"
    early = EARLY.fullmatch(resource.api_version.rpartition("/")[2])
    if not early:
        return ""
    served = schemas.kinds.get((resource.api_version, resource.kind)) if schemas else None
    group = group_of(resource.api_version)
    stable = [api for api in (served.elsewhere if served else ()) if group_of(api) == group and "beta" not in api]
    stable = [api for api in stable if "alpha" not in api]
    if stable:
        return f"is {early[1]}: {stable[-1]} is there to stay"
    return (
        f"is {early[1]}: a cluster serves it only where somebody switched it on, and a later version need not have it"
    )


def _form(resource: Resource, schemas: Schemas | None) -> object:
    served = schemas.kinds.get((resource.api_version, resource.kind)) if schemas else None
    return served.form if served else None


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


CHECKS = (
    Check(
        "api-version",
        "The cluster serves the API version",
        "blocking",
        "The API server refuses the object.",
        DOCS + "reference/using-api/deprecation-guide/",
        api_versions,
    ),
    Check(
        "api-deprecated",
        "The API version is there to stay",
        "warning",
        "The next upgrade of the cluster takes it away, and the release after that fails.",
        DOCS + "reference/using-api/deprecation-policy/",
        deprecated,
    ),
    Check(
        "kind-known",
        "Every kind is known to the checks",
        "info",
        "What is not validated is neither right nor wrong.",
        DOCS + "concepts/extend-kubernetes/api-extension/custom-resources/",
        known_kinds,
    ),
)
