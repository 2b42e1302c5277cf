"""The downward API: fields of a Pod and resources of its containers, as text."""

from __future__ import annotations

import math
import re
from typing import Any

from sandbox.kubernetes.quantity import amount

JsonObject = dict[str, Any]

_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def field_value(pod: JsonObject, path: str) -> str:
    """The value of a fieldRef; ValueError for a path that the downward API does not have."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    keyed = _KEYED.fullmatch(path)
    if keyed is not None:
        return str(metadata.get(keyed[1], {}).get(keyed[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        entries = metadata.get(path.partition(".")[2], {})
        return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": status.get("hostIP", ""),
    }
    if path not in fields:
        raise ValueError(f"unsupported fieldPath: {path}")
    return str(fields[path])


def resource_value(pod: JsonObject, reference: JsonObject, container: JsonObject | None = None) -> str:
    """The value of a resourceFieldRef, in units of its divisor, rounded up; without a limit the node's size."""
    if "containerName" in reference:
        containers = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
        container = next(one for one in containers if one["name"] == reference["containerName"])
    kind, _, name = reference["resource"].partition(".")
    resources = (container or {}).get("resources", {})
    quantity = resources.get(kind, {}).get(name) or resources.get("limits", {}).get(name, "0")
    divisor = amount(reference.get("divisor") or "1") or 1
    return str(math.ceil(amount(quantity) / divisor))
