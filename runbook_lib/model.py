"""What flows between the steps: Measurement -> Verdict -> Decision -> Change, and the Event that records each."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Side = Literal["legacy", "kubernetes"]
SIDES: tuple[Side, Side] = ("legacy", "kubernetes")
BY_HAND = "asked for by a person"
"""How the cause of a rollback begins for which nobody gave another one."""


class Outcome(enum.IntEnum):
    """Ordered so that the worst of several is their maximum; no data is INCONCLUSIVE, never PASS."""

    PASS = 0
    INCONCLUSIVE = 1
    FAIL = 2


@dataclass(frozen=True)
class Measurement:
    """One number read from the world, with the question that was asked; ``value`` is None when there was no answer."""

    name: str
    value: float | None
    unit: str
    side: Side | None
    at: datetime
    query: str


@dataclass(frozen=True)
class Finding:
    """One thing seen in a file or an object: where it is, why it matters for the move, what answers it."""

    check: str
    title: str
    outcome: Outcome
    severity: Literal["blocking", "warning", "info"]
    object: str
    message: str
    reason: str = ""
    file: str = ""
    line: int = 0
    mend: str = ""
    waived: str = ""
    """Who answers for it, until when and why; it still stands in every list, and does not count."""


@dataclass(frozen=True)
class Verdict:
    """A judgement with both numbers in its message: ``error rate 4.1 % (37/902) > limit 1.0 %``.

    ``trigger`` is True when the verdict alone is reason enough to bring the traffic back at once.
    """

    name: str
    outcome: Outcome
    message: str
    numbers: dict[str, float] = field(default_factory=dict)
    trigger: bool = False


@dataclass(frozen=True)
class Decision:
    """What a gate said: allowed by whom, when, on which evidence."""

    gate: str
    allowed: bool
    by: str
    at: datetime
    reason: str
    evidence_digest: str


@dataclass(frozen=True)
class Change:
    """What an act did: ``done`` is False when the world was already right."""

    what: str
    before: Any
    after: Any
    done: bool
    at: datetime
    note: str = ""


@dataclass(frozen=True)
class Event:
    """One line of the journal."""

    at: datetime
    kind: str
    data: dict[str, Any]


def worst(verdicts: Iterable[Verdict]) -> Outcome:
    """The worst outcome; INCONCLUSIVE when there is nothing to judge."""
    return max((v.outcome for v in verdicts), default=Outcome.INCONCLUSIVE)


def now() -> datetime:
    """The time in UTC, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


_PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """The same value made of JSON's types: dataclasses as objects, enums by name, times as ISO 8601 in UTC."""
    if type(value) in _PLAIN:  # nearly all that there is; an enum may be an int, so that isinstance would not do
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return value


def canonical(value: Any) -> bytes:
    """One byte string for one value: sorted keys, no spaces, UTF-8; what digests are taken over."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """sha256 in hexadecimal of the canonical form, or of the bytes when given bytes."""
    return hashlib.sha256(value if isinstance(value, bytes) else canonical(value)).hexdigest()
