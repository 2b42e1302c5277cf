"""The recordings of a real API server, and how an answer is compared with them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parents[2] / "golden"

# Not compared, everywhere: what is drawn by chance or read from a clock.
_BY_CHANCE = frozenset(
    {
        "clusterIP",
        "clusterIPs",
        "continue",
        "creationTimestamp",
        "firstTimestamp",
        "lastTimestamp",
        "lastTransitionTime",
        "lastUpdateTime",
        "resourceVersion",
        "time",
        "uid",
    }
)
# Not compared: the columns' help texts, which nobody is shown.
_TEXTS = frozenset({"description"})
# Not compared: what controllers write, sooner or later than the recorded request (their own tests hold it).
_CONTROLLER = "kube-controller-manager"
_WRITTEN_BY_CONTROLLERS = frozenset({"deployment.kubernetes.io/revision"})
_STATUS_OF = frozenset({"Deployment", "PodDisruptionBudget"})
# Not compared: objects of the recorded cluster that the requests did not make.
_OF_THE_CLUSTER = ("kube-root-ca.crt", "openshift-service-ca.crt", "o.")


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer; `events` of a watch, in place of a response."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    status: int
    response: Any
    events: list[dict[str, Any]] | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def exchanges(name: str) -> Iterator[Exchange]:
    """The conversation of a recording, in order."""
    with gzip.open(GOLDEN / f"{name}.jsonl.gz", "rt") as lines:
        for line in lines:
            one = json.loads(line)
            headers = {"Accept": one["accept"] or "application/json", "User-Agent": one["userAgent"]}
            if one["contentType"]:
                headers["Content-Type"] = one["contentType"]
            request = one.get("request")
            body = request if isinstance(request, str) or request is None else json.dumps(request)
            events = one.get("events")
            yield Exchange(one["method"], one["path"], headers, body, one["status"], one.get("response"), events)


def comparable(value: Any, kind: str = "") -> Any:
    """An answer without what is not compared."""
    if isinstance(value, list):
        return [comparable(item, kind) for item in value if not _is_of_cluster(item)]
    if not isinstance(value, dict):
        return value
    kind = str(value.get("kind", "")).removesuffix("List") or kind
    if kind == "Table":
        value = value | {"rows": [_without_chance(row, value["columnDefinitions"]) for row in value["rows"]]}
    found = {
        key: comparable(item, kind if key == "items" else "")
        for key, item in value.items()
        if key not in _BY_CHANCE | _TEXTS | _WRITTEN_BY_CONTROLLERS
        and not (key == "status" and kind in _STATUS_OF and isinstance(item, dict))
    }
    if "managedFields" in found:
        mine = [entry for entry in found["managedFields"] if entry["manager"] != _CONTROLLER]
        found["managedFields"] = sorted(mine, key=lambda entry: json.dumps(entry, sort_keys=True))
    if found.get("annotations") == {}:  # held nothing but the revision
        del found["annotations"]
    return found


def _is_of_cluster(item: Any) -> bool:
    """An object, or a row of a table, that was in the namespace anyway."""
    metadata = item.get("object", item).get("metadata", {}) if isinstance(item, dict) else {}
    return str(metadata.get("name", "")).startswith(_OF_THE_CLUSTER)


def _without_chance(row: dict[str, Any], columns: list[dict[str, Any]]) -> dict[str, Any]:
    by_chance = ("Age", "Last Seen", "First Seen", "Cluster-IP")
    cells = [cell for cell, column in zip(row["cells"], columns, strict=True) if column["name"] not in by_chance]
    return row | {"cells": cells}


def differences(recorded: Any, answered: Any, path: str = "") -> Iterator[str]:
    """Where two comparable answers differ, one line for each place."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for key in sorted({*recorded, *answered}):
            if key not in answered:
                yield f"{path}.{key}: missing, recorded {json.dumps(recorded[key])[:300]}"
            elif key not in recorded:
                yield f"{path}.{key}: answered {json.dumps(answered[key])[:300]}, not recorded"
            else:
                yield from differences(recorded[key], answered[key], f"{path}.{key}")
    elif isinstance(recorded, list) and isinstance(answered, list) and len(recorded) == len(answered):
        for at, (left, right) in enumerate(zip(recorded, answered, strict=True)):
            yield from differences(left, right, f"{path}[{at}]")
    elif recorded != answered:
        yield f"{path}: recorded {json.dumps(recorded)[:300]}, answered {json.dumps(answered)[:300]}"
