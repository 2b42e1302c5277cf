"""What is at stake when an application is moved: a judgement of its own, beside how much work the move is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from runbook_lib.artefacts import Node
from runbook_lib.judge.drift import Drift
from runbook_lib.judge.inventory.assign import instances_of

LEVELS = ("low", "medium", "high")
HIGH = frozenset(
    (
        "high", "very high", "highest", "critical", "core", "vital", "mission critical", "business critical", "tier 0",
        "tier 1", "p0", "核心", "关键", "高", "重要",
    )
)  # fmt: skip
MEDIUM = frozenset(("medium", "normal", "middle", "moderate", "standard", "tier 2", "p1", "p2", "中", "一般", "普通"))
LOW = frozenset(("low", "minor", "non critical", "uncritical", "tier 3", "tier 4", "p3", "p4", "低", "非核心", "次要"))
STATES = {"stateless": 0, "cache": 0, "sessions": 1, "local files": 2, "database": 2}
FEW, MANY = 2, 10
"""Dependents: up to FEW weigh nothing, from MANY on they weigh most."""
GOOD_RELEASES = 0.95
UNKNOWN = "counted as the worst until somebody says it"


@dataclass(frozen=True)
class Around:
    """What risk hangs on besides the state; None (and an empty criticality) where nobody knows."""

    criticality: str = ""
    dependents: int | None = None
    release_success: float | None = None
    drift: tuple[str, ...] | None = None
    """Aspects that the image must decide and in which hosts differ."""
    sharing: tuple[str, ...] | None = None
    """Other applications with a database of this one's."""
    sized: bool | None = None
    """Whether enough was measured to name a size."""


@dataclass(frozen=True)
class Risk:
    """``level`` is low, medium or high; the reasons, the gravest first, say what each factor weighs."""

    level: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Factor:
    """One thing that risk hangs on: 0 weighs nothing, 2 is grave."""

    weight: int
    reason: str


def judge_risk(state: str, around: Around) -> Risk:
    """high: two grave factors, or a sum of 5; low: none grave and a sum of 2 at most; else medium.

    What nobody knows weighs as much as the worst that could be known, so that missing data never lowers a risk.
    """
    factors = [
        _criticality(around.criticality),
        _dependents(around.dependents),
        _state(state),
        _releases(around.release_success),
        _drift(around.drift),
        _sharing(around.sharing),
        _sized(around.sized),
    ]
    total, grave = sum(f.weight for f in factors), sum(f.weight == 2 for f in factors)
    level = "high" if grave >= 2 or total >= 5 else "low" if not grave and total <= 2 else "medium"
    ordered = sorted((f for f in factors if f.weight), key=lambda f: -f.weight)
    return Risk(level, tuple(f"{f.reason} (+{f.weight})" for f in ordered) or ("nothing speaks against it",))


def around(
    stated: Node,
    drifts: Iterable[Drift] | None = None,
    dependents: int | None = None,
    sharing: Collection[str] | None = None,
    sized: bool | None = None,
) -> Around:
    """What risk hangs on, from the merged profile; ``dependents`` and ``sharing`` are what the fleet tells of it."""
    stated_ones = stated.get("dependents")
    told = len(stated_ones.elements()) if isinstance(stated_ones.value, list) else None
    return Around(
        criticality=stated.get("criticality").text(),
        dependents=_most(told, dependents),
        release_success=share(stated.get("releases", "success_rate")),
        drift=None if drifts is None else _drifting(stated, tuple(drifts)),
        sharing=None if sharing is None else tuple(sorted(sharing)),
        sized=sized,
    )


def with_fleet(own: Around, dependents: int | None, sharing: Collection[str] | None) -> Around:
    """The same with what only the other applications' profiles tell."""
    others = None if sharing is None else tuple(sorted(sharing))
    return replace(own, dependents=_most(own.dependents, dependents), sharing=others)


def criticality(text: str) -> str:
    """``high``, ``medium`` or ``low`` of a word that people use for it; empty for one that is not understood."""
    word = " ".join(text.lower().replace("-", " ").replace("_", " ").split())
    return next((level for level, words in (("high", HIGH), ("medium", MEDIUM), ("low", LOW)) if word in words), "")


def differing(drifts: Iterable[Drift]) -> tuple[str, ...] | None:
    """The aspects that the image must decide and in which hosts differ; None when there was nothing to compare."""
    rows = [row for row in drifts if len(row.values) > 1]
    return tuple(row.aspect for row in rows if row.differs and row.weight == 3) if rows else None


def share(node: Node) -> float | None:
    """A share as a person writes it: 0.91, 91, ``91%``; None for anything else."""
    text = node.text().strip()
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        return None
    value = value / 100 if text.endswith("%") or value > 1 else value
    return value if 0 <= value <= 1 and not isinstance(node.value, bool) else None


def _drifting(stated: Node, drifts: Collection[Drift]) -> tuple[str, ...] | None:
    """The same; none where people say that it has one machine, and that is on record."""
    alone = len(tuple(instances_of(stated))) == 1 and any(len(row.values) == 1 for row in drifts)
    return () if alone else differing(drifts)


def _most(stated: int | None, counted: int | None) -> int | None:
    """The greater of two counts of the same: neither source need know all."""
    return max((count for count in (stated, counted) if count is not None), default=None)


def _criticality(text: str) -> Factor:
    word = criticality(text)
    if not text:
        return Factor(2, f"nobody says how critical it is: {UNKNOWN}")
    if not word:
        return Factor(2, f"criticality {text!r} is not understood (high, medium, low): {UNKNOWN}")
    return Factor(LEVELS.index(word), f"its criticality is {word}")


def _dependents(count: int | None) -> Factor:
    if count is None:
        return Factor(2, f"nobody says who depends on it: {UNKNOWN}")
    return Factor(0 if count <= FEW else 2 if count >= MANY else 1, f"{count} applications depend on it")


def _state(state: str) -> Factor:
    if state not in STATES:
        return Factor(2, f"what state it holds is not known: {UNKNOWN}")
    return Factor(STATES[state], f"it holds state: {state}")


def _releases(rate: float | None) -> Factor:
    if rate is None:
        return Factor(1, f"nobody says how many of its releases succeed: {UNKNOWN}")
    return Factor(int(rate < GOOD_RELEASES), f"{rate:.0%} of its releases succeed, fewer than {GOOD_RELEASES:.0%}")


def _drift(aspects: tuple[str, ...] | None) -> Factor:
    if aspects is None:
        return Factor(1, f"fewer than two of its hosts are on record, and nobody says that it has one: {UNKNOWN}")
    return Factor(int(bool(aspects)), f"its hosts differ in {', '.join(aspects)}, and an image can have only one")


def _sharing(others: tuple[str, ...] | None) -> Factor:
    if others is None:
        return Factor(1, f"nobody says which databases it uses: {UNKNOWN}")
    return Factor(int(bool(others)), f"{named(others)} use a database of its own, too")


def _sized(known: bool | None) -> Factor:
    return Factor(int(known is not True), "too little was measured to name its size")


def named(names: Collection[str], most: int = 3) -> str:
    """``a, b, c and 4 more``"""
    shown = ", ".join(sorted(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
