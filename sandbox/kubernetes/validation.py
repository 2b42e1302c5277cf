"""What makes an object invalid, in the words of the API server."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]


def check(resource: Resource, obj: JsonObject, previous: JsonObject | None) -> None:
    """ApiError 422 when the object, or the change from `previous`, is not allowed."""
