"""What the move brought: figures before and after, each with where it comes from; what is not known stays empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ENDED = frozenset({"passed", "failed", "rolled_back", "crashed"})
NOBODY = "nobody knows"


@dataclass(frozen=True)
class Known:
    """A value with its origin: who measured or stated it, and over what time; None where nobody knows."""

    value: float | None
    origin: str = NOBODY


@dataclass(frozen=True)
class Figure:
    """One figure before and after; ``remark`` says what keeps both from being the same thing, if anything does."""

    name: str
    unit: str
    group: str
    before: Known
    after: Known
    less_is_better: bool = True
    remark: str = ""

    @property
    def change(self) -> float | None:
        """Relative change; None when one of both is not known, or there was nothing before."""
        if self.before.value is None or self.after.value is None or self.before.value == 0:
            return None
        return self.after.value / self.before.value - 1

    @property
    def better(self) -> bool | None:
        """Whether it went the right way; None when it did not move, or nobody can say."""
        before, after = self.before.value, self.after.value
        if before is None or after is None or before == after:
            return None
        return (after < before) is self.less_is_better


@dataclass(frozen=True)
class Prices:
    """What a core and a GiB cost in a month."""

    currency: str
    core: float
    gibibyte: float


Source = Mapping[str, Known]
MISSING = Known(None)


def ratio(part: float | None, whole: float | None) -> float | None:
    """``part`` of ``whole``; None when one is not known or there is no whole."""
    return None if part is None or not whole else part / whole


def success_rate(outcomes: Iterable[str]) -> float | None:
    """Passed attempts of all that came to an end; those that waited for a person are not counted."""
    ended = [outcome for outcome in outcomes if outcome in ENDED]
    return ratio(sum(outcome == "passed" for outcome in ended), len(ended))


def acceptance(before: Source, after: Source, prices: Prices | None = None) -> list[Figure]:
    """The figures of the acceptance report, in the order in which people ask.

    Both sources may name: hours, release_minutes, success, undo_seconds, instances, density, cores_paid, cores_used,
    memory_paid, memory_used (bytes), failed (a share), p99 (seconds).
    """
    paid_before, paid_after = (_known(side, "cores_paid", "memory_paid") for side in (before, after))
    rollout = "before: the whole release as stated; after: from the change to the last Pod"
    return [
        _figure("hours of operations a year", "h", "people", before, after, "hours"),
        _figure("time to deliver a release", "min", "people", before, after, "release_minutes", remark=rollout),
        _figure("releases that succeed", "%", "people", before, after, "success", 100, less=False),
        _figure("back to the earlier release", "s", "people", before, after, "undo_seconds"),
        _figure("instances on a host", "", "machines", before, after, "density", less=False),
        _figure("cores paid for", "cores", "machines", before, after, "cores_paid"),
        _figure("memory paid for", "GiB", "machines", before, after, "memory_paid", 2**-30),
        _share("cores in use", "machines", before, after, "cores_used", "cores_paid"),
        _share("memory in use", "machines", before, after, "memory_used", "memory_paid"),
        Figure(
            "cost a month",
            prices.currency if prices else "",
            "machines",
            _cost(prices, *paid_before),
            _cost(prices, *paid_after),
            remark="cores and memory paid for, at the same prices" if prices else "",
        ),
        _figure("requests that failed", "%", "users", before, after, "failed", 100),
        _figure("99 of 100 requests within", "ms", "users", before, after, "p99", 1000),
    ]


def number(value: Any) -> float | None:
    """A stated value as a number; None when it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _figure(
    name: str,
    unit: str,
    group: str,
    before: Source,
    after: Source,
    key: str,
    scale: float = 1,
    less: bool = True,
    remark: str = "",
) -> Figure:
    first, second = (_scaled(side.get(key, MISSING), scale) for side in (before, after))
    return Figure(name, unit, group, first, second, less, remark)


def _share(name: str, group: str, before: Source, after: Source, used: str, paid: str) -> Figure:
    pairs = (_known(side, used, paid) for side in (before, after))
    first, second = (Known(_percent(ratio(p.value, w.value)), _origin(p, w)) for p, w in pairs)
    return Figure(name, "%", group, first, second, less_is_better=False)


def _cost(prices: Prices | None, cores: Known, memory: Known) -> Known:
    if prices is None:
        return Known(None, "retention.prices names no price")
    if cores.value is None or memory.value is None:
        return Known(None, _origin(cores, memory))
    return Known(cores.value * prices.core + memory.value / 2**30 * prices.gibibyte, "retention.prices")


def _origin(part: Known, whole: Known) -> str:
    unknown = [one.origin for one in (part, whole) if one.value is None]
    return unknown[0] if unknown else f"{part.origin}; of {whole.origin}"


def _known(side: Source, *keys: str) -> tuple[Known, ...]:
    return tuple(side.get(key, MISSING) for key in keys)


def _scaled(known: Known, scale: float) -> Known:
    return Known(None if known.value is None else known.value * scale, known.origin)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
