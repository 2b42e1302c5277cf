"""What the objects of a release stand on: volumes on StorageClasses, routes on IngressClasses and Gateways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook_lib.judge.preflight.seen import Reference, Unknown
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.listing import listed, one
from runbook_lib.observe.preflight.gateways import gateway_of
from runbook_lib.observe.preflight.images import pod_spec

DEFAULT_STORAGE = "storageclass.kubernetes.io/is-default-class"
DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
OLD_INGRESS = "kubernetes.io/ingress.class"


def storage(cluster: Cluster, objects: Sequence[Object]) -> tuple[Reference, ...]:
    """Each claim of the release and its StorageClass, and each claim that Pods name and nobody brings."""
    claims = list(_claims(objects))
    named = sorted(set(_named_claims(objects)) - {name for name, _, _ in claims})
    if not claims and not named:
        return ()
    live = listed(cluster, "v1", "PersistentVolumeClaim")
    there = {} if isinstance(live, Unknown) else {item["metadata"]["name"]: item for item in live}
    classes = listed(cluster, "storage.k8s.io/v1", "StorageClass") if claims else []
    ours = [item for item in objects if item["kind"] == "StorageClass"]
    found = [_class_of(user, spec, name in there, classes, ours) for name, user, spec in claims]
    for name in named:
        state = "there" if name in there else "unknown" if isinstance(live, Unknown) else "absent"
        found.append(Reference("a Pod of the release", f"PersistentVolumeClaim/{name}", state))  # type: ignore[arg-type]
    return tuple(found)


def _claims(objects: Sequence[Object]) -> Iterator[tuple[str, str, Object]]:
    """Name, title and spec of each claim, those of a StatefulSet's template once."""
    for item in objects:
        title = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] == "PersistentVolumeClaim":
            yield item["metadata"]["name"], title, item["spec"]
        elif item["kind"] == "StatefulSet":
            for claim in item["spec"].get("volumeClaimTemplates") or []:
                name = f"{claim['metadata']['name']}-{item['metadata']['name']}-0"
                yield name, f"{title} {claim['metadata']['name']}", claim["spec"]


def _named_claims(objects: Sequence[Object]) -> Iterator[str]:
    for item in objects:
        for volume in (pod_spec(item) or {}).get("volumes") or []:
            if name := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                yield name


def _class_of(
    user: str, spec: Object, exists: bool, classes: Sequence[Object] | Unknown, ours: Sequence[Object]
) -> Reference:
    name = spec.get("storageClassName")
    needs = f"StorageClass/{name}" if name else "a default StorageClass"
    if exists:
        return Reference(user, needs, "there", "its volume is there already")
    if name == "" or spec.get("volumeName"):
        return Reference(
            user, f"PersistentVolume {spec.get('volumeName', '')}".strip(), "unknown", "it is bound by hand"
        )
    if isinstance(classes, Unknown):
        return Reference(user, needs, "unknown", classes.why)
    every = [*classes, *ours]
    fitting = [c for c in every if (c["metadata"]["name"] == name if name else _is_default(c, DEFAULT_STORAGE))]
    others = ", ".join(sorted(c["metadata"]["name"] for c in every)) or "none"
    return Reference(user, needs, "there" if fitting else "absent", "" if fitting else f"there are: {others}")


def _is_default(item: Object, annotation: str) -> bool:
    return (item["metadata"].get("annotations") or {}).get(annotation) == "true"


def routes(cluster: Cluster, objects: Sequence[Object]) -> tuple[Reference, ...]:
    """Each Ingress and its class, each route of the Gateway API and its Gateways."""
    found = []
    ingresses = [item for item in objects if item["kind"] == "Ingress"]
    classes = listed(cluster, "networking.k8s.io/v1", "IngressClass") if ingresses else []
    ours = [item for item in objects if item["kind"] == "IngressClass"]
    found += [_ingress(item, classes, ours) for item in ingresses]
    hanging = [(item, ref) for item in objects if item["kind"].endswith("Route") for ref in _gateways(item)]
    known = listed(cluster, "gateway.networking.k8s.io/v1", "GatewayClass") if hanging else []
    for item, reference in hanging:
        found.append(gateway_of(cluster, item, reference, objects, known))
    return tuple(found)


def _gateways(item: Object) -> list[Object]:
    parents = (item.get("spec") or {}).get("parentRefs") or []
    return [ref for ref in parents if ref.get("kind", "Gateway") == "Gateway"]


def _ingress(item: Object, classes: Sequence[Object] | Unknown, ours: Sequence[Object]) -> Reference:
    user = f"Ingress/{item['metadata']['name']}"
    old = (item["metadata"].get("annotations") or {}).get(OLD_INGRESS)
    name = (item.get("spec") or {}).get("ingressClassName") or old
    needs = f"IngressClass/{name}" if name else "a default IngressClass"
    if isinstance(classes, Unknown):
        return Reference(user, needs, "unknown", classes.why)
    every = [*classes, *ours]
    fitting = [c for c in every if (c["metadata"]["name"] == name if name else _is_default(c, DEFAULT_INGRESS))]
    if fitting:
        return Reference(user, needs, "there", str((fitting[0].get("spec") or {}).get("controller", "")))
    if not name or name == old:  # some controllers take those that name no class, or only the old annotation
        return Reference(user, needs, "unknown", "a controller may take it all the same")
    others = ", ".join(sorted(c["metadata"]["name"] for c in every)) or "none"
    return Reference(user, needs, "absent", f"there are: {others}")


def service(cluster: Cluster, name: str, deployment: str, objects: Sequence[Object]) -> Reference:
    """The Service of the release, or the one that is there, and whether it chooses the Deployment's Pods."""
    ours = {(item["kind"], item["metadata"]["name"]): item for item in objects}
    user, needs = f"{name}.{cluster.namespace}.svc", f"Service/{name}"
    found = ours.get(("Service", name)) or one(cluster, "v1", "Service", cluster.namespace, name)
    if found is None:
        return Reference(user, needs, "absent")
    if isinstance(found, Unknown):
        return Reference(user, needs, "unknown", found.why)
    chosen = (found.get("spec") or {}).get("selector") or {}
    workload = ours.get(("Deployment", deployment))
    labels = ((workload or {}).get("spec", {}).get("template", {}).get("metadata") or {}).get("labels") or {}
    if workload is not None and not (chosen and chosen.items() <= labels.items()):
        return Reference(user, f"a Service of the Pods of Deployment/{deployment}", "refused", f"it chooses {chosen}")
    return Reference(user, needs, "there")


def older_versions(cluster: Cluster, objects: Sequence[Object]) -> tuple[str, ...]:
    """Objects in a version before the stable one that this cluster serves of the same kind, by discovery alone."""
    found = []
    for item in objects:
        group, _, version = item["apiVersion"].rpartition("/")
        if "alpha" in version or "beta" in version:
            served = cluster.client.resources.search(kind=item["kind"], group=group or None)
            stable = sorted(r.api_version for r in served if not ("alpha" in r.api_version or "beta" in r.api_version))
            if stable:
                title = f"{item['kind']}/{item['metadata']['name']}"
                found.append(f"{title} is {version}, {group}/{stable[-1]} is served")
    return tuple(found)
