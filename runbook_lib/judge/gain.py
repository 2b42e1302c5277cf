"""What the move brings, by the formulas of those who made it; ranges instead of points, every input shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.artefacts import Host
from runbook_lib.judge.capacity import Sizing

HOURS = "hours a year"
CORES = "cores"


@dataclass(frozen=True)
class Range:
    """A figure that is known only between two values; a point when they are equal."""

    low: float
    high: float

    def __mul__(self, other: Range) -> Range:
        return Range(self.low * other.low, self.high * other.high)

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def text(self, unit: str = "") -> str:
        """The range as people write it: ``12 - 20 h``."""
        low, high = _digits(self.low), _digits(self.high)
        return f"{low if low == high else f'{low} - {high}'} {unit}".strip()


def _digits(value: float) -> str:
    """Three digits that count, all of those before the point, and never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


@dataclass(frozen=True)
class Gain:
    """One benefit: the formula, its inputs with where they come from, and the result.

    ``value`` in ``unit`` is for adding up; ``overlaps``: machines of other applications are in it, so that it is not.
    ``machines`` are those that it is in proportion to, because two applications may share one.
    """

    name: str
    formula: str
    inputs: tuple[tuple[str, str, str], ...]
    result: str
    value: Range | None = None
    unit: str = ""
    overlaps: bool = False
    machines: tuple[str, ...] = ()

    @property
    def assumed(self) -> tuple[str, ...]:
        """The inputs that nobody of this application stated or measured."""
        return tuple(name for name, _, origin in self.inputs if origin.startswith("assumed"))


@dataclass(frozen=True)
class Input:
    """A named figure and its origin: a file and line, or ``assumed`` with the source of the assumption."""

    value: Range
    origin: str


@dataclass(frozen=True)
class Machine:
    """A virtual machine as it is paid for."""

    name: str
    cores: float


@dataclass(frozen=True)
class Measured:
    """What was measured of one application: its machines, what they used together, and the size that follows."""

    machines: tuple[Machine, ...]
    used: float
    request: float
    replicas: int
    replicas_usual: int

    @property
    def cores(self) -> float:
        return sum(machine.cores for machine in self.machines)

    @property
    def requested(self) -> Range:
        """Cores of all Pods: on an average hour, at the peak."""
        return Range(self.request * self.replicas_usual, self.request * self.replicas)


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
    "release success after": Input(Range(0.95, 0.95), "assumed: one source reached 95 %"),
}


def gains(
    known: Mapping[str, Input],
    utilisation: float | None = None,
    measured: Measured | None = None,
    machines: Sequence[str] = (),
) -> tuple[Gain, ...]:
    """The gains of one application; ``known`` overrides the assumptions, ``utilisation`` is mean CPU use / VM size.

    Where its ``machines`` or ``VMs`` are known, they are counted and not all that run on the same physical hosts.
    """
    counted = {"VMs": Input(Range(len(machines), len(machines)), f"facts of {len(machines)} hosts")} if machines else {}
    given = {**ASSUMED, **counted, **known}
    found = [_operations(given, tuple(machines)), _delivery(given), _density(given)]
    if "release success before" in known:
        found.append(_success(given))
    if utilisation is None and measured is not None and measured.cores > 0:
        utilisation = measured.used / measured.cores
    if utilisation is not None:
        found.append(
            Gain(
                "idle today",
                "1 - mean use / size of the VM",
                (("mean use / size", f"{utilisation:.1%}", "usage and host facts"),),
                f"{1 - utilisation:.0%} of the processors paid for",
            )
        )
    return (*found, *(_processors(measured) if measured else ()))


def measured_of(hosts: Iterable[Host], sizing: Sizing) -> Measured | None:
    """What facts and use tell together; None without a size, or where a host has no processors or was not measured."""
    machines = [Machine(host.name, _cores(host)) for host in hosts]
    if not sizing.sizes or sizing.use is None or sizing.use.instances != len(machines):
        return None
    if any(machine.cores <= 0 for machine in machines):
        return None
    first = sizing.sizes[0]
    used = sizing.use.cpu_mean_together
    return Measured(tuple(machines), used, first.cpu_request, first.replicas, first.replicas_usual)


def _cores(host: Host) -> float:
    for name in ("processor_vcpus", "processor_nproc"):
        found = host.facts.get(name)
        if isinstance(found, int | str) and not isinstance(found, bool) and str(found).isdigit():
            return float(found)
    return 0.0


def _operations(given: Mapping[str, Input], machines: tuple[str, ...]) -> Gain:
    counted: tuple[str, ...] = ("VMs",) if "VMs" in given else ("physical hosts", "VMs per host")
    names = (*counted, "owners per VM", "minutes per owner", "maintenances per year")
    product = Range(1 / 60, 1 / 60)
    for name in names:
        product = product * given[name].value
    what = "VMs" if "VMs" in given else "hosts x VMs per host"
    formula = f"{what} x owners x minutes x maintenances / 60"
    return Gain(
        "operations time saved",
        formula,
        _shown(given, names),
        product.text(HOURS),
        product,
        HOURS,
        overlaps="VMs" not in given,
        machines=machines,
    )


def _delivery(given: Mapping[str, Input]) -> Gain:
    names = ("minutes per release before", "minutes per release after", "releases per month")
    before, after, count = (given[name].value for name in names)
    low = max(0.0, before.low - after.high) * count.low * 12 / 60
    high = max(0.0, before.high - after.low) * count.high * 12 / 60
    formula = "(minutes before - minutes after) x releases x 12 / 60"
    saved = Range(low, high)
    return Gain("delivery time saved", formula, _shown(given, names), saved.text(HOURS), saved, HOURS)


def _success(given: Mapping[str, Input]) -> Gain:
    names = ("release success before", "release success after", "releases per month")
    before, after, count = (given[name].value for name in names)
    low = max(0.0, after.low - before.high) * count.low * 12
    high = max(0.0, after.high - before.low) * count.high * 12
    formula = "(success after - success before) x releases x 12"
    saved, unit = Range(low, high), "releases a year"
    return Gain("failed releases avoided", formula, _shown(given, names), saved.text(unit), saved, unit)


def _density(given: Mapping[str, Input]) -> Gain:
    names = ("VMs per host", "containers per host")
    before, after = (given[name].value for name in names)
    result = Range(after.low / before.high, after.high / before.low) if before.low else Range(0, 0)
    return Gain(
        "density", "containers per host / VMs per host", _shown(given, names), result.text("x as many on a host")
    )


def _processors(measured: Measured) -> tuple[Gain, ...]:
    """Cores that are paid for today and not requested by the Pods; less than nothing where more is."""
    asked = measured.requested
    inputs = (
        ("cores of its machines", f"{measured.cores:g}", f"facts of {len(measured.machines)} hosts"),
        (
            "cores of its Pods",
            asked.text(),
            f"{measured.replicas_usual} to {measured.replicas} replicas of the default",
        ),
    )
    freed = Range(measured.cores - asked.high, measured.cores - asked.low)
    found = [Gain("processors freed", "cores of the VMs - cores requested", inputs, freed.text(CORES), freed, CORES)]
    if measured.cores > 0:
        better = Range(measured.cores / asked.high, measured.cores / asked.low)
        found.append(
            Gain("utilisation", "cores of the VMs / cores requested", inputs, better.text("x as much of them is used"))
        )
    return tuple(found)


def _shown(given: Mapping[str, Input], names: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    return tuple((name, given[name].value.text(), given[name].origin) for name in names)
