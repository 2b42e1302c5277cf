"""The kinds of values that parameters hold: durations, weights, addresses, references to secrets."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic.json_schema import WithJsonSchema
from pydantic_core import PydanticCustomError

_UNITS = {"ms": 0.001, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = r"^[0-9]+(\.[0-9]+)?(ms|s|m|min|h|d|w)$"
_REFERENCE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|secret:[^/#]+/[^/#]+#.+)$"


def read_duration(value: object) -> timedelta:
    """``"90s"``, ``"15min"``, ``"24h"``, ``"2w"`` as a timedelta; a bare number is refused because it has no unit."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.match(_DURATION, value):
        raise ValueError(f"{value!r} is not a duration; write a number and a unit, like 30s, 15min, 24h, 7d or 2w")
    number, unit = re.match(r"^([0-9.]+)([a-z]+)$", value).groups()  # type: ignore[union-attr]
    try:
        return timedelta(seconds=float(number) * _UNITS[unit])
    except OverflowError:
        raise ValueError(f"{value!r} is longer than a duration can be") from None


def write_duration(value: timedelta) -> str:
    """The shortest exact way to write it: ``timedelta(hours=24)`` is ``"1d"``."""
    seconds = value.total_seconds()
    for unit in ("w", "d", "h", "min", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds * 1000:.3f}".rstrip("0").rstrip(".") + "ms" if seconds else "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION, "examples": ["30s", "15min", "24h", "2w"]}),
]


def read_day(value: object) -> date:
    """A day, as YAML reads it or as its text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no day; write it like 2026-12-31") from None


Day = Annotated[date, BeforeValidator(read_day)]


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be longer than nothing")
    return value


def _reference(value: str) -> str:
    """Pass references only; the value itself is not said aloud, for it may be a secret."""
    if not re.match(_REFERENCE, value):
        raise PydanticCustomError("not_a_reference", "must be env:NAME, file:PATH or secret:namespace/name#key")
    return value


def _without_password(value: str) -> str:
    url = urlsplit(value)
    if url.password or re.search(r"(^|&)pass(word|wd)?=", url.query):
        raise PydanticCustomError(
            "not_a_reference", "the URL holds a password; name one of env:NAME, file:PATH or secret:namespace/name#key"
        )
    return value


def _address(value: str) -> str:
    """An http address without a password, or a reference to one."""
    if re.match(_REFERENCE, value):
        return value
    if not re.match(r"^https?://[^/]+", value):
        raise PydanticCustomError("not_a_reference", "must be an http(s) URL, or a reference to one such as env:NAME")
    return _without_password(value)


Span = Annotated[Duration, AfterValidator(_positive)]
Url = Annotated[str, AfterValidator(_without_password)]
Address = Annotated[str, AfterValidator(_address)]
Weight = Annotated[int, Field(strict=True, ge=0, le=100, description="percent of the users on the Kubernetes side")]
Reference = Annotated[
    str,
    AfterValidator(_reference),
    Field(
        description="a secret by reference: env:NAME, file:PATH or secret:namespace/name#key; never a value",
        json_schema_extra={"pattern": _REFERENCE},
    ),
]
