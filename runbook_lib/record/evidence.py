"""Any value a notebook wants to keep -> JSON that can be read in ten years."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from runbook_lib.model import Measurement, plain


def storable(value: Any) -> Any:
    """The value made of JSON's types; not-a-number and infinities become None, because JSON has none."""
    value = plain(value)
    if isinstance(value, dict):
        return {str(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return storable(_opened(value))


def questions(value: Any) -> list[str]:
    """The queries of all Measurements inside a value."""
    if isinstance(value, Measurement):
        return [value.query] if value.query else []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [query for inner in value for query in questions(inner)]
    return []


def _opened(value: Any) -> Any:
    """One level of a value that JSON does not know, by the way its library offers."""
    if hasattr(value, "to_json") and hasattr(value, "columns"):  # a pandas DataFrame
        return value.reset_index(drop=value.index.name is None).to_dict("records")
    for way in ("model_dump", "to_dict", "tolist", "isoformat"):  # pydantic; kubernetes and Series; numpy; times
        if hasattr(value, way):
            return getattr(value, way)()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value) if isinstance(value, date | Decimal | PurePath) else repr(value)
