"""What a record holds for a share of the users, and the note beside it that says how long older answers are used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from runbook_lib.errors import BadParameters
from runbook_lib.sections.traffic import Dns

_HEAD = "runbook"
_SHOWN = 12  # attainable percents that one sentence names


@dataclass(frozen=True)
class Mix:
    """So many addresses of each side in one record: resolvers hand them out in turn, each as often as any other."""

    legacy: int
    kubernetes: int

    @property
    def percent(self) -> Fraction:
        """Share of the Kubernetes side."""
        return Fraction(100 * self.kubernetes, self.legacy + self.kubernetes)


@dataclass(frozen=True)
class Note:
    """What a change leaves beside the record: ``asked`` percent, until when resolvers may hold what stood before it
    (``held``), and until when nothing of a side may be taken away (``keep``).
    """

    asked: int
    held: datetime
    keep: datetime


def attainable(legacy: int, kubernetes: int) -> tuple[Mix, ...]:
    """Every share that so many addresses can make, ascending; of mixes with one share the one with most addresses."""
    mixes = [Mix(a, b) for a in range(legacy + 1) for b in range(kubernetes + 1) if a + b]
    largest = {mix.percent: mix for mix in mixes}  # ascending: the last of one share has most addresses
    return tuple(largest[percent] for percent in sorted(largest))


def nearest(legacy: int, kubernetes: int, weight: int, tolerance: int) -> Mix:
    """The attainable mix that comes nearest; BadParameters, with what is attainable, when that is too far off.

    Only 0 and 100 percent leave a side out.
    """
    mixes = attainable(legacy, kubernetes)
    inner = [mix for mix in mixes if mix.legacy and mix.kubernetes]
    best = {0: mixes[0], 100: mixes[-1]}.get(weight) or min(inner, key=lambda mix: abs(mix.percent - weight))
    if abs(best.percent - weight) <= max(Fraction(tolerance), Fraction(1, 2)):
        return best
    percents = sorted({whole(mix.percent) for mix in mixes}, key=lambda percent: abs(percent - weight))[:_SHOWN]
    raise BadParameters(
        f"{weight} % cannot be made of {legacy} legacy and {kubernetes} kubernetes addresses: the nearest is "
        f"{float(best.percent):.1f} %, further off than traffic.knob.tolerance ({tolerance}); attainable "
        f"{'near it ' if len(mixes) > _SHOWN else ''}are {', '.join(str(p) for p in sorted(percents))} %, "
        "or take SRV, which has weights"
    )


def whole(percent: Fraction) -> int:
    """A whole percent, which is 0 or 100 only when the share is exactly that: one per mille is not nobody."""
    return percent.numerator if percent in (0, 100) else min(max(math.floor(percent + Fraction(1, 2)), 1), 99)


def planned(knob: Dns, weight: int, priority: int = 0) -> frozenset[str]:
    """What the record holds for that weight; BadParameters when it cannot be made."""
    if knob.record == "SRV":
        return frozenset(_services(knob, weight, priority))
    if knob.record == "CNAME":
        if weight not in (0, 100):
            raise BadParameters(f"a CNAME has no shares: {weight} % cannot be made, attainable are 0 and 100 %")
        return frozenset(values(knob, knob.kubernetes if weight else knob.legacy))
    mix = nearest(len(knob.legacy), len(knob.kubernetes), weight, knob.tolerance)
    return frozenset(values(knob, [*knob.legacy[: mix.legacy], *knob.kubernetes[: mix.kubernetes]]))


def _services(knob: Dns, weight: int, priority: int) -> Iterable[str]:
    """SRV records whose weights (RFC 2782) add up to exactly that share, whatever the numbers of targets are."""
    old, new = len(knob.legacy), len(knob.kubernetes)
    each_new, each_old = weight * old, (100 - weight) * new
    divisor = math.gcd(each_new, each_old)
    for side, each in ((knob.legacy, each_old), (knob.kubernetes, each_new)):
        if each:  # a weight of 0 would still be chosen now and then
            yield from (f"{priority} {each // divisor} {value}" for value in values(knob, side))


def values(knob: Dns, side: Sequence[str]) -> list[str]:
    """What stands in the parameters as the server writes it: names are full and end with a dot."""
    return list(side) if knob.record in ("A", "AAAA") else [value.rstrip(".") + "." for value in side]


def share(knob: Dns, records: Iterable[str]) -> Fraction:
    """Percent of the users that the record sends to the Kubernetes side; BadParameters when it cannot be told."""
    weights = {"legacy": 0, "kubernetes": 0}
    sides = {v.lower(): side for side in ("legacy", "kubernetes") for v in values(knob, getattr(knob, side))}
    strange = []
    for record in records:
        weight, value = _weighed(knob, record)
        if side := sides.get(value.lower()):
            weights[side] += weight
        else:
            strange.append(value)
    if strange or not sum(weights.values()):
        holds = f"holds {strange[0]}, which is of neither side" if strange else "has nothing but weights of 0"
        raise BadParameters(
            f"{knob.record} {knob.name} {holds}; mend the record, or traffic.knob.legacy and .kubernetes"
        )
    return Fraction(100 * weights["kubernetes"], sum(weights.values()))


def _weighed(knob: Dns, record: str) -> tuple[int, str]:
    if knob.record != "SRV":
        return 1, record
    _, weight, value = record.split(" ", 2)
    return int(weight), value


def priority_of(knob: Dns, records: Iterable[str]) -> int:
    """The priority of all SRV records; BadParameters when they have several: a weight then says nothing."""
    if knob.record != "SRV":
        return 0
    found = {int(record.split(" ")[0]) for record in records}
    if len(found) != 1:
        raise BadParameters(
            f"SRV {knob.name} has the priorities {sorted(found)}; weights count within one only: make it one"
        )
    return found.pop()


def standing_weight(knob: Dns, records: frozenset[str], note: Note | None) -> int:
    """The whole percent that stands: the one that was asked for, as long as the share is the one made for it."""
    percent = share(knob, records)
    if note and abs(percent - note.asked) <= knob.tolerance and knob.record in ("A", "AAAA"):
        made = nearest(len(knob.legacy), len(knob.kubernetes), note.asked, knob.tolerance)
        return note.asked if made.percent == percent else whole(percent)
    return whole(percent)


def later(note: Note | None, asked: int, held: datetime, keep: datetime) -> Note:
    """The note after a change: a moment that was promised once is never brought forward."""
    if note is None:
        return Note(asked, held, keep)
    return replace(note, asked=asked, held=max(note.held, held), keep=max(note.keep, keep))


def write_note(note: Note) -> tuple[str, ...]:
    """The strings of the TXT record."""
    moments = (f"{name}={moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for name, moment in _moments(note))
    return (_HEAD, f"asked={note.asked}", *moments)


def read_note(strings: Sequence[str]) -> Note | None:
    """The note in a TXT record; None when the record is not one that `write_note` made."""
    try:
        head, asked, held, keep = strings
        if head != _HEAD or not (asked.startswith("asked=") and held.startswith("held=") and keep.startswith("keep=")):
            return None
        at = [datetime.strptime(text[5:], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for text in (held, keep)]
        note = Note(int(asked[6:]), at[0], at[1])
    except ValueError:
        return None
    return note if 0 <= note.asked <= 100 else None


def _moments(note: Note) -> tuple[tuple[str, datetime], ...]:
    return (("held", note.held), ("keep", note.keep))
