"""What the move brings, by the formulas of those who made it; ranges instead of points, every input shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A figure that is known only between two values; a point when they are equal."""

    low: float
    high: float

    def __mul__(self, other: Range) -> Range:
        return Range(self.low * other.low, self.high * other.high)

    def text(self, unit: str = "") -> str:
        """The range as people write it: ``12 - 20 h``."""
        shown = f"{self.low:,.3g}" if self.low == self.high else f"{self.low:,.3g} - {self.high:,.3g}"
        return f"{shown} {unit}".strip()


@dataclass(frozen=True)
class Gain:
    """One benefit: the formula, its inputs with where they come from, and the result."""

    name: str
    formula: str
    inputs: tuple[tuple[str, str, str], ...]
    result: str


@dataclass(frozen=True)
class Input:
    """A named figure and its origin: a file and line, or ``assumed`` with the source of the assumption."""

    value: Range
    origin: str


# What others measured (the source documents); used where the profile says nothing, and marked as assumed.
ASSUMED: dict[str, Input] = {
    "minutes per owner": Input(Range(5, 5), "assumed: one source's measure"),
    "owners per VM": Input(Range(1, 2), "assumed"),
    "VMs per host": Input(Range(17, 17), "assumed: one source's measure"),
    "containers per host": Input(Range(20, 30), "assumed: one source reached 30"),
    "minutes per release before": Input(Range(3.8, 3.8), "assumed: one source's measure"),
    "minutes per release after": Input(Range(2.1, 2.6), "assumed: one source reached 2.1"),
    "releases per month": Input(Range(4, 8), "assumed"),
    "maintenances per year": Input(Range(2, 6), "assumed"),
    "physical hosts": Input(Range(1, 1), "assumed"),
}


def gains(known: Mapping[str, Input], utilisation: float | None = None) -> tuple[Gain, ...]:
    """The gains of one application; ``known`` overrides the assumptions, ``utilisation`` is mean CPU use / VM size."""
    given = {**ASSUMED, **known}
    found = [_operations(given), _delivery(given), _density(given)]
    if utilisation is not None:
        found.append(
            Gain(
                "idle today",
                "1 - mean use / size of the VM",
                (("mean use / size", f"{utilisation:.1%}", "usage and host facts"),),
                f"{1 - utilisation:.0%} of the processors paid for",
            )
        )
    return tuple(found)


def _operations(given: Mapping[str, Input]) -> Gain:
    names = ("physical hosts", "VMs per host", "owners per VM", "minutes per owner", "maintenances per year")
    product = Range(1 / 60, 1 / 60)
    for name in names:
        product = product * given[name].value
    formula = "hosts x VMs per host x owners x minutes x maintenances / 60"
    return Gain("operations time saved", formula, _shown(given, names), product.text("hours a year"))


def _delivery(given: Mapping[str, Input]) -> Gain:
    names = ("minutes per release before", "minutes per release after", "releases per month")
    before, after, count = (given[name].value for name in names)
    low = max(0.0, before.low - after.high) * count.low * 12 / 60
    high = max(0.0, before.high - after.low) * count.high * 12 / 60
    formula = "(minutes before - minutes after) x releases x 12 / 60"
    return Gain("delivery time saved", formula, _shown(given, names), Range(low, high).text("hours a year"))


def _density(given: Mapping[str, Input]) -> Gain:
    names = ("VMs per host", "containers per host")
    before, after = (given[name].value for name in names)
    result = Range(after.low / before.high, after.high / before.low) if before.low else Range(0, 0)
    return Gain(
        "density", "containers per host / VMs per host", _shown(given, names), result.text("x as many on a host")
    )


def _shown(given: Mapping[str, Input], names: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    return tuple((name, given[name].value.text(), given[name].origin) for name in names)
