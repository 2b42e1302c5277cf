"""The binary form in which kubectl sends what it makes itself (`kubectl create configmap`, `auth can-i`, `autoscale`).

Only what those commands send is known: the field numbers are those of the generated.proto files of k8s.io/api. A field
that is not known and holds something is refused, never dropped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sandbox.kubernetes.errors import ApiError

JsonObject = dict[str, Any]
CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

# A type is a message of this table, `text`, `bytes`, `number`, `count` (0 is none), `flag`, `map` (of texts), `data` (a
# map of bytes), or `*` and one of them for a list. A message with `=` before it is written as its only value.
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "TypeMeta": {1: ("apiVersion", "text"), 2: ("kind", "text")},
    "Unknown": {1: ("typeMeta", "TypeMeta"), 2: ("raw", "bytes"), 3: ("encoding", "text"), 4: ("type", "text")},
    "ObjectMeta": {
        1: ("name", "text"),
        2: ("generateName", "text"),
        3: ("namespace", "text"),
        5: ("uid", "text"),
        6: ("resourceVersion", "text"),
        7: ("generation", "count"),
        8: ("creationTimestamp", "Time"),
        11: ("labels", "map"),
        12: ("annotations", "map"),
        14: ("finalizers", "*text"),
    },
    "LabelSelector": {1: ("matchLabels", "map"), 2: ("matchExpressions", "*Requirement")},
    "Requirement": {1: ("key", "text"), 2: ("operator", "text"), 3: ("values", "*text")},
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "map"),
        3: ("binaryData", "data"),
        4: ("immutable", "flag"),
    },
    "Secret": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "data"),
        3: ("type", "text"),
        4: ("stringData", "map"),
        5: ("immutable", "flag"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "Nothing"), 3: ("status", "Nothing")},
    "ServiceAccount": {1: ("metadata", "ObjectMeta")},
    "Service": {1: ("metadata", "ObjectMeta"), 2: ("spec", "ServiceSpec"), 3: ("status", "Nothing")},
    "ServiceSpec": {
        1: ("ports", "*ServicePort"),
        2: ("selector", "map"),
        3: ("clusterIP", "text"),
        4: ("type", "text"),
        10: ("externalName", "text"),
    },
    "ServicePort": {
        1: ("name", "text"),
        2: ("protocol", "text"),
        3: ("port", "number"),
        4: ("targetPort", "IntOrString"),
        5: ("nodePort", "count"),
    },
    "Deployment": {1: ("metadata", "ObjectMeta"), 2: ("spec", "DeploymentSpec"), 3: ("status", "Nothing")},
    "DeploymentSpec": {
        1: ("replicas", "number"),
        2: ("selector", "LabelSelector"),
        3: ("template", "PodTemplateSpec"),
        4: ("strategy", "Nothing"),
    },
    "PodTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodSpec": {2: ("containers", "*Container"), 3: ("restartPolicy", "text")},
    "Container": {
        1: ("name", "text"),
        2: ("image", "text"),
        3: ("command", "*text"),
        4: ("args", "*text"),
        6: ("ports", "*ContainerPort"),
        8: ("resources", "Nothing"),
    },
    "ContainerPort": {1: ("name", "text"), 3: ("containerPort", "number"), 4: ("protocol", "text")},
    "Job": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec"), 3: ("status", "Nothing")},
    "JobSpec": {6: ("template", "PodTemplateSpec")},
    "CronJob": {1: ("metadata", "ObjectMeta"), 2: ("spec", "CronJobSpec"), 3: ("status", "Nothing")},
    "CronJobSpec": {1: ("schedule", "text"), 5: ("jobTemplate", "JobTemplateSpec")},
    "JobTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec")},
    "PodDisruptionBudget": {1: ("metadata", "ObjectMeta"), 2: ("spec", "BudgetSpec"), 3: ("status", "Nothing")},
    "BudgetSpec": {
        1: ("minAvailable", "IntOrString"),
        2: ("selector", "LabelSelector"),
        3: ("maxUnavailable", "IntOrString"),
    },
    "HorizontalPodAutoscaler": {1: ("metadata", "ObjectMeta"), 2: ("spec", "ScalerSpec"), 3: ("status", "Nothing")},
    "ScalerSpec": {
        1: ("scaleTargetRef", "Reference"),
        2: ("minReplicas", "number"),
        3: ("maxReplicas", "number"),
        4: ("metrics", "*Metric"),
    },
    "Reference": {1: ("kind", "text"), 2: ("name", "text"), 3: ("apiVersion", "text")},
    "Metric": {1: ("type", "text"), 4: ("resource", "ResourceMetric")},
    "ResourceMetric": {1: ("name", "text"), 2: ("target", "MetricTarget")},
    "MetricTarget": {
        1: ("type", "text"),
        2: ("value", "=Quantity"),
        3: ("averageValue", "=Quantity"),
        4: ("averageUtilization", "number"),
    },
    "Quantity": {1: ("value", "text")},
    "SelfSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "Question"), 3: ("status", "Nothing")},
    "Question": {1: ("resourceAttributes", "Attributes"), 2: ("nonResourceAttributes", "PathAttributes")},
    "Attributes": {
        1: ("namespace", "text"),
        2: ("verb", "text"),
        3: ("group", "text"),
        4: ("version", "text"),
        5: ("resource", "text"),
        6: ("subresource", "text"),
        7: ("name", "text"),
    },
    "PathAttributes": {1: ("path", "text"), 2: ("verb", "text")},
    "SelfSubjectRulesReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "RulesQuestion"), 3: ("status", "Nothing")},
    "RulesQuestion": {1: ("namespace", "text")},
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta"), 2: ("status", "Nothing")},
    "Eviction": {1: ("metadata", "ObjectMeta"), 2: ("deleteOptions", "DeleteOptions")},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "number"),
        2: ("preconditions", "Preconditions"),
        3: ("orphanDependents", "flag"),
        4: ("propagationPolicy", "text"),
        5: ("dryRun", "*text"),
    },
    "Preconditions": {1: ("uid", "text"), 2: ("resourceVersion", "text")},
    "Nothing": {},
}


def decode(body: bytes) -> JsonObject:
    """The object in a body; ApiError 415 for a kind or field that is not known here."""
    if not body.startswith(_MAGIC):
        raise _refused("it does not begin as protobuf of Kubernetes does")
    envelope = _message("Unknown", body[len(_MAGIC) :], raw=True)
    about = envelope["typeMeta"]
    if about["kind"] not in _MESSAGES:
        raise _refused(f"{about['kind']} is not known in this form")
    found: JsonObject = about | _message(about["kind"], envelope.get("raw", b""))
    return found


def _refused(why: str) -> ApiError:
    message = f"the body of the request was in protobuf and cannot be read here ({why}): send application/json"
    return ApiError(415, message)


def _message(name: str, data: bytes, *, raw: bool = False) -> JsonObject:
    """A message as JSON; what is empty is left out, as Kubernetes leaves it out of JSON."""
    known = _MESSAGES[name]
    found: JsonObject = {}
    for number, value in _fields(data):
        if number not in known:
            if _holds_something(value):
                raise _refused(f"field {number} of {name} is not known")
            continue
        field, kind = known[number]
        item = value if raw and kind == "bytes" else _value(kind.removeprefix("*"), value)
        if kind.startswith("*"):
            found.setdefault(field, []).append(item)
        elif kind in ("map", "data"):
            found.setdefault(field, {}).update(item)
        elif item not in (None, "") and not (kind == "count" and item == 0):
            found[field] = item
    return found


def _holds_something(value: int | bytes) -> bool:
    """Whether a field that is not known was set: Go writes plain members also when they are empty."""
    return bool(value) if isinstance(value, int) else any(_holds_something(inner) for _, inner in _tried(value))


def _tried(value: bytes) -> Iterator[tuple[int, int | bytes]]:
    try:
        yield from _fields(value)
    except (IndexError, ValueError):
        yield 0, 1  # no message: a text that is not empty


def _value(kind: str, value: int | bytes) -> Any:
    if isinstance(value, int):
        return bool(value) if kind == "flag" else value - (1 << 64) if value >= 1 << 63 else value
    match kind:
        case "text":
            return value.decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "map" | "data":
            key, content = _bytes_at(value, 1), _bytes_at(value, 2)
            return {key.decode(): content.decode() if kind == "map" else base64.b64encode(content).decode()}
        case "Time":
            seconds = _number_at(value, 1)
            return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
        case "IntOrString":
            return _bytes_at(value, 3).decode() if _number_at(value, 1) else _number_at(value, 2)
        case _ if kind.startswith("="):
            return _message(kind[1:], value).get("value")
        case _:
            return _message(kind, value)


def _bytes_at(data: bytes, number: int) -> bytes:
    found = dict(_fields(data)).get(number, b"")
    return found if isinstance(found, bytes) else b""


def _number_at(data: bytes, number: int) -> int:
    found = dict(_fields(data)).get(number, 0)
    return found if isinstance(found, int) else 0


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and raw values of a message; ValueError or IndexError when it is none."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
            case 2:
                length, at = _varint(data, at)
                if at + length > len(data):
                    raise ValueError("a field is longer than its message")
                yield key >> 3, data[at : at + length]
                at += length
            case other:
                raise ValueError(f"wire type {other}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
