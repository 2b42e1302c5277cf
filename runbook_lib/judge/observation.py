"""What one tick of a watched stage saw: a frozen value, and one line of JSON for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, ConfigDict, TypeAdapter, ValidationError

from runbook_lib.errors import BadParameters
from runbook_lib.judge.rates import Interval


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)  # one kind of time zone, whether it was read or made: tables cannot mix them


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


@dataclass(frozen=True)
class Pods:
    """The Deployment's Pods at one look; ``restarts`` and ``killed`` by container, only those that have any."""

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    wanted: int
    ready: int
    restarts: dict[str, int] = field(default_factory=dict)
    killed: dict[str, str] = field(default_factory=dict)
    """When the last OOM kill of the container ended."""


@dataclass(frozen=True)
class Observation:
    """One tick: everything that the judge needs of it. None is what nobody could tell.

    ``errors`` and ``slow`` are the counts since the tick that was measured before, and None where there is none: at the
    first tick, and where ``problem`` says what prevented the measurement. ``gap``: for a part of this interval
    Prometheus has nothing. ``bound``: the bucket boundary in seconds above which a request counts as slow.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    at: Moment
    errors: Interval | None = None
    slow: Interval | None = None
    pods: Pods | None = None
    alerts: tuple[str, ...] | None = None
    throttled: float | None = None
    weight: int | None = None
    """Percent of the users that the knob says it sends to the new side."""
    problem: str = ""
    notes: tuple[str, ...] = ()
    bound: float = 0.0
    missed: bool = False
    """Some series were not scraped and are remembered from an earlier tick."""
    gap: bool = False
    seconds: float = 0.0
    """How long ago it was measured before."""

    @property
    def measured(self) -> bool:
        """True when the counters could be read."""
        return not self.problem


def to_line(observation: Observation, redact: Callable[[Any], Any] | None = None) -> str:
    """The observation as one line of JSON, without its end; ``redact`` takes the secrets out of its values."""
    value = _adapter().dump_python(observation, mode="json")
    value = redact(value) if redact else value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def from_line(line: str | bytes) -> Observation:
    """The observation of a line; BadParameters when it is anything else."""
    try:
        return _adapter().validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadParameters(f"this is no observation ({where or 'the line'}: {first['msg']}): {line[:80]!r}") from None


def read_lines(content: bytes, name: str) -> tuple[list[Observation], str]:
    """The observations of a file, and what was left out: a last line that a crash tore. BadParameters for any other."""
    *whole, torn = content.split(b"\n")
    found = list(_numbered(whole, name))
    return found, f"{name}: the last line was torn and is left out" if torn else ""


def _numbered(lines: Iterable[bytes], name: str) -> Iterable[Observation]:
    for number, line in enumerate(lines, 1):
        try:
            yield from_line(line)
        except BadParameters as error:
            raise BadParameters(f"{name}, line {number}: {error}") from None


@cache
def _adapter() -> TypeAdapter[Observation]:
    return TypeAdapter(Observation)
