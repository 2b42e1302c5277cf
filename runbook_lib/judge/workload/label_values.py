"""Labels and annotations as the API server takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed
from runbook_lib.judge.workload.schema import held
from runbook_lib.judge.workload.world import World

NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
ANNOTATIONS = 256 * 2**10


def valid_labels(world: World) -> Iterator[Seen]:
    for resource in world.resources:
        found: list[tuple[Node, str]] = []
        workload = world.workload(resource)
        owners = (
            [resource.node.get("metadata"), workload.template.get("metadata")]
            if workload
            else [resource.node.get("metadata")]
        )
        for metadata in owners[:1] if resource.kind == "Pod" else owners:
            for key, node in metadata.get("labels").entries():
                wrong = _wrong_key(key) or _wrong_value(node)
                found += [(node, f"label {key[:80]!r}: {wrong}")] if wrong else []
            for key, node in metadata.get("annotations").entries():
                found += (
                    [(node, f"annotation {key[:80]!r}: {_wrong_key(key.lower())}")] if _wrong_key(key.lower()) else []
                )
            size = sum(len(key) + len(node.text().encode()) for key, node in metadata.get("annotations").entries())
            if size > ANNOTATIONS:
                found.append((metadata.get("annotations"), f"annotations take {size // 1024} KiB, 256 KiB at most"))
        for field in ("selector", "podSelector"):
            found += _wrong_expressions(resource.node.get("spec", field), held(world, resource))
        for node, message in found:
            yield failed(resource, node, f"{message}: the API server refuses it")
        if not found and any(owner.get("labels").exists or owner.get("annotations").exists for owner in owners):
            yield passed(resource, resource.node.get("metadata"), "labels and annotations have a valid form")


def _wrong_expressions(selector: Node, by_schema: bool) -> Iterator[tuple[Node, str]]:
    """In and NotIn compare with values, Exists and DoesNotExist with none; a schema knows the four itself."""
    for rule in selector.get("matchExpressions").elements():
        operator, values = rule.get("operator").text("(none)"), rule.get("values").elements()
        if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            if not by_schema:
                yield rule, f"selector of {rule.get('key').text()}: {operator} is no operator"
        elif (operator in ("In", "NotIn")) != bool(values):
            yield rule, f"selector of {rule.get('key').text()}: {operator} with{'' if values else 'out'} values"


def _wrong_key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not PREFIX.fullmatch(prefix)):
        return f"{prefix[:60]!r} is no DNS name"
    return "" if NAME.fullmatch(name) else f"{name[:70]!r} is no name of at most 63 letters"


def _wrong_value(node: Node) -> str:
    text = node.text()
    if len(text) > 63:
        return f"its value has {len(text)} letters, 63 at most"
    return "" if not text or NAME.fullmatch(text) else f"its value {text!r} has other signs than letters, digits, - _ ."


CHECKS = (
    Check(
        "label-form",
        "Labels and annotations have a valid form",
        "blocking",
        "The API server refuses the object; a value taken from a branch's name is the usual slip.",
        DOCS + "concepts/overview/working-with-objects/labels/#syntax-and-character-set",
        valid_labels,
    ),
)
