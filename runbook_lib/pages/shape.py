"""A value of a record that may be of any kind -> one of the kind that is expected; what does not fit is left out."""

from __future__ import annotations

from typing import Any


def mapping(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The text, number or truth value as text; empty for all else."""
    return str(value) if isinstance(value, str | int | float) else ""
