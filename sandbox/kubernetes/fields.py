"""How lists and maps of Kubernetes objects merge: by key, as sets, or as a whole.

The rules stand in the markers of the API types (patchMergeKey, listType, mapType). They are kept here by the name of
the field and, where a name means two things, by where it stands.
"""

from __future__ import annotations

from sandbox.kubernetes.resources import Resource

Path = tuple[str, ...]  # names of fields only, without the items of lists

# Server-side apply: lists whose items are known by the value of these fields.
_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "hostIPs": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "resourceClaims": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeClaimTemplates": (),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_SETS = frozenset({"finalizers"})
_ATOMIC = frozenset(
    {
        "claimRef",
        "configMapKeyRef",
        "fieldRef",
        "involvedObject",
        "labelSelector",
        "namespaceSelector",
        "nodeAffinity",
        "nodeSelector",
        "podSelector",
        "resourceFieldRef",
        "secretKeyRef",
        "selector",
        "targetRef",
    }
)
# Strategic merge patch: a list that is merged by one key; all others are replaced.
_MERGE_KEYS: dict[str, str] = {
    "addresses": "type",
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "resourceClaims": "name",
    "secrets": "name",
    "taints": "key",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_MERGED_SETS = frozenset({"finalizers"})
# Members of API types that are there, empty, before anybody sets them: structs that are no pointers, required lists.
_PRESENT = frozenset(
    {
        "containers",
        "jobTemplate",
        "metadata",
        "scaleTargetRef",
        "source",
        "spec",
        "status",
        "strategy",
        "template",
        "updateStrategy",
    }
)


def list_keys(resource: Resource, path: Path) -> tuple[str, ...]:
    """The fields by which apply knows the items of the list at that path; none: the list is one value."""
    if resource.custom:
        return ("type",) if path[-1] == "conditions" else ()
    if path[-1] == "ports":
        if resource.kind == "Service":
            return ("port", "protocol")
        return ("containerPort", "protocol") if "containers" in path or "initContainers" in path else ()
    return _LIST_KEYS.get(path[-1], ())


def is_set(path: Path) -> bool:
    """Whether apply takes the list at that path as a set of texts."""
    return path[-1] in _SETS


def is_atomic(resource: Resource, path: Path) -> bool:
    """Whether the map at that path has one owner and is replaced as a whole."""
    return not resource.custom and path[-1] in _ATOMIC


def is_present(resource: Resource, path: Path) -> bool:
    """Whether the map or list at that path is there before anybody sets it: then nobody owns it, only what is in it."""
    return path[-1] == "metadata" if resource.custom else path[-1] in _PRESENT


def merge_key(path: Path) -> str | None:
    """The field by which a strategic merge knows the items of the list at that path; None: it replaces the list."""
    if path[-1] == "ports":
        return "containerPort" if "containers" in path or "initContainers" in path else "port"
    return _MERGE_KEYS.get(path[-1])


def merges_as_set(path: Path) -> bool:
    """Whether a strategic merge adds to the list of texts at that path."""
    return path[-1] in _MERGED_SETS
