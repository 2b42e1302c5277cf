"""What the users saw: counted by the second, kept as lines, added up between two times."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SIDES = ("legacy", "kubernetes")


@dataclass
class Tally:
    """Requests that were answered (or failed) in some stretch of time; a failure has a kind: a status or a reason."""

    requests: int = 0
    failed: int = 0
    retried: int = 0
    by_side: Counter[str] = field(default_factory=Counter)
    failed_by_side: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    amount_cents: int = 0
    tenths_of_ms: Counter[int] = field(default_factory=Counter)

    def add(self, side: str | None, seconds: float, failure: str | None) -> None:
        """One request; ``side`` is None when nobody said which one answered."""
        self.requests += 1
        self.tenths_of_ms[round(seconds * 10_000)] += 1
        if side is not None:
            self.by_side[side] += 1
        if failure is not None:
            self.failed += 1
            self.failures[failure] += 1
            if side is not None:
                self.failed_by_side[side] += 1

    def merge(self, other: Tally) -> None:
        """Add another stretch to this one."""
        for name in ("requests", "failed", "retried", "orders", "amount_cents"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("by_side", "failed_by_side", "failures", "tenths_of_ms"):
            getattr(self, name).update(getattr(other, name))

    def quantile_ms(self, share: float) -> float | None:
        """The nearest-rank quantile of the time to answer, to a tenth of a millisecond; None without requests."""
        rank = share * self.requests
        seen = 0
        for tenths in sorted(self.tenths_of_ms):
            seen += self.tenths_of_ms[tenths]
            if seen >= rank:
                return tenths / 10
        return None

    def as_json(self) -> dict[str, Any]:
        """The figures of a line of load.jsonl."""
        return {
            "requests": self.requests,
            "failed": self.failed,
            "retried": self.retried,
            "by_side": {side: self.by_side[side] for side in SIDES},
            "failed_by_side": {side: self.failed_by_side[side] for side in SIDES},
            "failures": dict(sorted(self.failures.items())),
            "p50_ms": self.quantile_ms(0.5),
            "p99_ms": self.quantile_ms(0.99),
            "orders_acknowledged": self.orders,
            "orders_amount_cents": self.amount_cents,
        }


@dataclass(frozen=True)
class Totals:
    """What users saw between two times; ``seconds`` is how many lines that covers, latencies are the worst second's."""

    seconds: int
    requests: int
    failed: int
    retried: int
    by_side: dict[str, int]
    failed_by_side: dict[str, int]
    failures: dict[str, int]
    orders_acknowledged: int
    orders_amount_cents: int
    worst_p99_ms: float | None

    def share(self, side: str = "kubernetes") -> float | None:
        """The share of the requests that this side answered; None when none was."""
        answered = sum(self.by_side.values())
        return self.by_side[side] / answered if answered else None


def totals(lines: Path, since: datetime | None = None, until: datetime | None = None) -> Totals:
    """Add up load.jsonl for ``since <= at < until``; a file that is not there is no traffic."""
    chosen = [line for line in read_lines(lines) if _within(datetime.fromisoformat(line["at"]), since, until)]
    failures: Counter[str] = Counter()
    for line in chosen:
        failures.update(line["failures"])
    return Totals(
        seconds=len(chosen),
        requests=sum(line["requests"] for line in chosen),
        failed=sum(line["failed"] for line in chosen),
        retried=sum(line["retried"] for line in chosen),
        by_side={side: sum(line["by_side"][side] for line in chosen) for side in SIDES},
        failed_by_side={side: sum(line["failed_by_side"][side] for line in chosen) for side in SIDES},
        failures=dict(sorted(failures.items())),
        orders_acknowledged=sum(line["orders_acknowledged"] for line in chosen),
        orders_amount_cents=sum(line["orders_amount_cents"] for line in chosen),
        worst_p99_ms=max((line["p99_ms"] for line in chosen if line["p99_ms"] is not None), default=None),
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a JSON lines file; one that is still being written is left for later."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


def now() -> str:
    """The time of a line, in UTC to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
