"""What the API server writes into an object where the client wrote nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.kubernetes.resources import Resource

if TYPE_CHECKING:
    from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]


def pruned(value: Any) -> Any:
    """A deep copy without the members that are null."""
    if isinstance(value, dict):
        return {key: pruned(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [pruned(item) for item in value]
    return value


def fill(resource: Resource, obj: JsonObject) -> None:
    """Defaults and normal forms, in place."""


def on_create(resource: Resource, obj: JsonObject, store: Store) -> None:
    """What is given once, when the object is created: addresses, first status, in place."""
