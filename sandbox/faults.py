"""What can go wrong on purpose: the faults of a range, checked strictly and written where every part reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.errors import BadParameters
from sandbox.plan import Plan

APPLICATION_SIDES = ("legacy", "kubernetes")
RANGE_SIDES = ("range",)
SIDES = (*APPLICATION_SIDES, *RANGE_SIDES)

Value = float | bool
Faults = dict[str, dict[str, Value]]


@dataclass(frozen=True)
class Fault:
    """One kind of fault: `least` and `most` bound a number, both None means true or false."""

    name: str
    sides: tuple[str, ...]
    meaning: str
    least: float | None = None
    most: float | None = None

    @property
    def allowed(self) -> str:
        """The values it takes, for a sentence."""
        return "true or false" if self.least is None else f"a number from {self.least:g} to {self.most:g}"


CATALOGUE = {
    fault.name: fault
    for fault in (
        Fault("errors", APPLICATION_SIDES, "share of user requests answered 500", 0, 1),
        Fault("latency", APPLICATION_SIDES, "seconds added to each user request", 0, 30),
        Fault("crash", APPLICATION_SIDES, "the container exits 1 about 1 s after its start, again and again"),
        Fault("leak", APPLICATION_SIDES, "memory grows by so many MiB a second, until OOMKilled at the limit", 0, 1024),
        Fault("oom", APPLICATION_SIDES, "memory jumps over the limit at once: OOMKilled"),
        Fault("throttle", ("kubernetes",), "share of each CPU period for which the container stands still", 0, 0.95),
        Fault("slow_start", APPLICATION_SIDES, "seconds before /healthz and /ready answer", 0, 600),
        Fault("session_loss", APPLICATION_SIDES, "share of session look-ups that fail (401)", 0, 1),
        Fault("wrong_amount", APPLICATION_SIDES, "share by which amounts are written too low", 0, 1),
        Fault("prometheus_down", RANGE_SIDES, "Prometheus is stopped"),
        Fault("api_down", RANGE_SIDES, "the Kubernetes API refuses connections, Pods go on"),
        Fault("reload_refused", RANGE_SIDES, "nginx' configuration has a broken file: its test and reload fail"),
    )
}


def read(path: Path) -> Faults:
    """The faults that are on; an absent file is none."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        content = {}
    except ValueError as error:
        raise BadParameters(f"{path} is not JSON ({error}): delete it, which switches every fault off.") from error
    return {side: dict(content.get(side, {})) for side in SIDES}


def write(path: Path, faults: Mapping[str, Mapping[str, Value]]) -> None:
    """Replace the file whole, so that no reader sees half of it."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(faults, indent=2) + "\n")
    temporary.replace(path)


def on(plan: Plan, name: str) -> bool:
    """Whether a fault of the range itself is on."""
    return bool(read(plan.faults)["range"].get(name))


def switch(path: Path, words: Sequence[str]) -> Faults:
    """Do what the command line says and return the faults that are on then.

    `errors=0.3 side=kubernetes` switches on, `off`, `off errors`, `off side=legacy` switch off, nothing shows.
    Raises BadParameters, with what is allowed, before anything is written.
    """
    faults = read(path)
    if not words:
        return faults
    changed = _off(faults, words) if "off" in words else _on(faults, words)
    write(path, changed)
    return changed


def _on(faults: Faults, words: Sequence[str]) -> Faults:
    pairs = [_pair(word) for word in words]
    side = _side(pairs)
    wanted = [(name, value) for name, value in pairs if name != "side"]
    if not wanted:
        raise BadParameters(f"Which fault? Name one, e.g. errors=0.3 side=kubernetes. There are: {_names(CATALOGUE)}.")
    for name, text in wanted:
        fault = _known(name)
        value = parse(fault, text)
        for one in _sides_for(fault, side):
            if value is False or (value == 0 and value is not True):
                faults[one].pop(name, None)
            else:
                faults[one][name] = value
    return faults


def _off(faults: Faults, words: Sequence[str]) -> Faults:
    rest = [word for word in words if word != "off"]
    side = _side([_pair(word) for word in rest if "=" in word])
    if stray := [word for word in rest if "=" in word and not word.startswith("side=")]:
        raise BadParameters(f"{stray[0]!r} after off: name only the fault, e.g. `fault off errors side=kubernetes`.")
    names = [_known(word).name for word in rest if "=" not in word]
    for one in (side,) if side else SIDES:
        faults[one] = {name: value for name, value in faults[one].items() if names and name not in names}
    return faults


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise BadParameters(f"{word!r} is not KEY=VALUE: write e.g. errors=0.3 side=kubernetes, or off.")
    return name.strip().replace("-", "_"), value.strip()


def _side(pairs: Sequence[tuple[str, str]]) -> str | None:
    sides = [value for name, value in pairs if name == "side"]
    if len(sides) > 1:
        raise BadParameters("side= is given twice: name one side.")
    if sides and sides[0] not in SIDES:
        raise BadParameters(f"side={sides[0]} is unknown: sides are {', '.join(SIDES)}.")
    return sides[0] if sides else None


def _known(name: str) -> Fault:
    name = name.replace("-", "_")
    if name not in CATALOGUE:
        raise BadParameters(f"There is no fault {name!r}: there are {_names(CATALOGUE)}.")
    return CATALOGUE[name]


def _sides_for(fault: Fault, side: str | None) -> tuple[str, ...]:
    """The side it is switched on for; a fault that can only have one needs none named."""
    if side is None and len(fault.sides) > 1:
        raise BadParameters(f"{fault.name} needs a side: add side={' or side='.join(fault.sides)}.")
    if side is not None and side not in fault.sides:
        raise BadParameters(f"{fault.name} is no fault of side {side}: use side={' or side='.join(fault.sides)}.")
    return (side,) if side else fault.sides


def parse(fault: Fault, text: str) -> Value:
    """The value as the parts read it; BadParameters says what is allowed."""
    refusal = BadParameters(f"{fault.name}={text} is not allowed: {fault.name} takes {fault.allowed}.")
    if fault.least is None or fault.most is None:
        if text.lower() not in ("true", "false"):
            raise refusal
        return text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        raise refusal from None
    if not fault.least <= number <= fault.most:
        raise refusal
    return number


def _names(faults: Mapping[str, Fault]) -> str:
    return ", ".join(faults)
