"""Label and field selectors of list, watch and deletecollection, and LabelSelectors inside objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes.errors import bad_request
from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]
Predicate = Callable[[JsonObject], bool]

_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z0-9_./-]+)|(?P<operator>==|!=|=|,|\(|\)|!|>|<))")
_EVERYWHERE = ("metadata.name", "metadata.namespace")
_FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.apiVersion",
        "involvedObject.fieldPath",
        "involvedObject.kind",
        "involvedObject.name",
        "involvedObject.namespace",
        "involvedObject.resourceVersion",
        "involvedObject.uid",
        "reason",
        "reportingComponent",
        "type",
    ),
    "Node": ("spec.unschedulable",),
    "Secret": ("type",),
    "Job": ("status.successful",),
    "Namespace": ("status.phase",),
    "ReplicaSet": ("status.replicas",),
}
_CONVERTED = ("Pod", "Node", "Event", "Secret", "Namespace")  # kinds whose unknown field is named in another way


def everything(_: JsonObject) -> bool:
    return True


def by_labels(text: str | None) -> Predicate:
    """The predicate of a labelSelector parameter; ApiError 400 when it cannot be read."""
    requirements = _Reader(text).requirements() if text else []
    if not requirements:
        return everything

    def matches(obj: JsonObject) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return matches


def by_fields(text: str | None, resource: Resource) -> Predicate:
    """The predicate of a fieldSelector parameter; ApiError 400 for a field that cannot be selected by."""
    if not text:
        return everything
    known = _EVERYWHERE + _FIELDS.get(resource.kind, ())
    terms: list[tuple[list[str], str, bool]] = []
    for part in text.split(","):
        field, operator, value = re.split(r"(!=|==|=)", part, maxsplit=1) if "=" in part else (part, "", "")
        if not operator:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if field not in known:
            raise bad_request(_unknown_field(field, resource))
        terms.append((field.split("."), value, operator != "!="))

    def matches(obj: JsonObject) -> bool:
        return all((_text_at(obj, path) == value) is wanted for path, value, wanted in terms)

    return matches


def match_selector(selector: JsonObject | None, labels: dict[str, str] | None) -> bool:
    """Whether labels satisfy a LabelSelector; a missing selector matches nothing, an empty one everything."""
    if selector is None:
        return False
    labels = labels or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_matches_expression(item, labels) for item in selector.get("matchExpressions") or ())


def _matches_expression(item: JsonObject, labels: dict[str, str]) -> bool:
    key, values = item["key"], item.get("values") or []
    match item["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _unknown_field(field: str, resource: Resource) -> str:
    if resource.kind in _CONVERTED:
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _text_at(obj: JsonObject, path: list[str]) -> str:
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


LabelTest = Callable[[dict[str, str]], bool]


class _Reader:
    """Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`."""

    def __init__(self, text: str) -> None:
        self.tokens = self._split(text)
        self.at = 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise bad_request(f"unable to parse requirement: found '{text[position:].strip()[0]}'")
            tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            position = match.end()
        return tokens

    def requirements(self) -> list[LabelTest]:
        found: list[LabelTest] = []
        while self.at < len(self.tokens):
            found.append(self._requirement())
            if self.at < len(self.tokens):
                self._take("operator", ",", expected="',' or 'end of string'")
        return found

    def _take(self, kind: str, *values: str, expected: str) -> str:
        found_kind, found = self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")
        if found_kind != kind or (values and found not in values):
            raise bad_request(f"unable to parse requirement: found '{found}', expected: {expected}")
        self.at += 1
        return found

    def _requirement(self) -> LabelTest:
        if self.tokens[self.at] == ("operator", "!"):
            self.at += 1
            absent = self._take("name", expected="identifier")
            return lambda labels: absent not in labels
        key = self._take("name", expected="identifier")
        following = self.tokens[self.at] if self.at < len(self.tokens) else ("operator", ",")
        if following == ("operator", ","):
            return lambda labels: key in labels
        self.at += 1
        if following in (("name", "in"), ("name", "notin")):
            values = self._values()
            wanted = following[1] == "in"
            return lambda labels: (labels.get(key) in values) is wanted
        if following[1] not in ("=", "==", "!="):
            raise bad_request(f"unable to parse requirement: found '{following[1]}', expected: in, notin, =, ==, !=")
        value = self._optional_name()
        equal = following[1] != "!="
        return lambda labels: (labels.get(key) == value) is equal

    def _optional_name(self) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "name":
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def _values(self) -> set[str]:
        self._take("operator", "(", expected="'('")
        values = {self._take("name", expected="identifier")}
        while self._take("operator", ",", ")", expected="',' or ')'") == ",":
            values.add(self._take("name", expected="identifier"))
        return values
