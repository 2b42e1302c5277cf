"""When two Pod templates are the same, and the hash that names their ReplicaSet."""

from __future__ import annotations

import json
from typing import Any

from sandbox.kubernetes.quantity import amount

JsonObject = dict[str, Any]

HASH_LABEL = "pod-template-hash"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' SafeEncodeString: no vowels, no look-alikes
_QUANTITIES = ("limits", "requests")
_INT_OR_STRING = ("port", "targetPort")


def canonical(template: JsonObject) -> JsonObject:
    """The template without nulls and without the hash label, quantities and ports in one form.

    `kubectl rollout undo` sends `creationTimestamp: null`, which must not make a second ReplicaSet.
    """
    form: JsonObject = _canonical(template)
    labels = form.get("metadata", {}).get("labels", {})
    labels.pop(HASH_LABEL, None)
    return form


def same(one: JsonObject, other: JsonObject) -> bool:
    """Whether two templates make the same Pods."""
    return canonical(one) == canonical(other)


def template_hash(template: JsonObject, collisions: int = 0) -> str:
    """A name of up to 10 letters for a template; `collisions` gives another one when it is taken."""
    text = json.dumps(canonical(template), sort_keys=True, separators=(",", ":")) + (
        "" if not collisions else str(collisions)
    )
    number = 0x811C9DC5  # FNV-1a, 32 bit
    for byte in text.encode():
        number = (number ^ byte) * 0x01000193 & 0xFFFFFFFF
    return "".join(_ALPHABET[int(digit) % len(_ALPHABET)] for digit in str(number))


def _canonical(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if key in _QUANTITIES:
            return {name: _number(quantity) for name, quantity in value.items() if quantity is not None}
        return {name: _canonical(item, name) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if key in _INT_OR_STRING and isinstance(value, str) and value.isdigit():
        return int(value)
    return value


def _number(quantity: Any) -> str:
    try:
        return str(amount(quantity).normalize())
    except ValueError:
        return str(quantity)
