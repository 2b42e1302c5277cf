"""Fleets for the tests of waves: made by hand, or drawn."""

from __future__ import annotations

import random
from datetime import date, timedelta

from hypothesis import strategies as st

from runbook_lib.judge.waves import Candidate, Plan, WaveRules

MONDAY = date(2026, 11, 23)


def app(name: str, *depends_on: str, **changes: object) -> Candidate:
    """A stateless one of low risk unless told otherwise."""
    usual: dict[str, object] = {
        "level": "Good",
        "state": "stateless",
        "mode": "re-platform",
        "risk": "low",
        "effort": (1.0, 2.0),
        "criticality": "low",
    }
    return Candidate(name=name, depends_on=depends_on, **{**usual, **changes})  # type: ignore[arg-type]


def rules(**changes: object) -> WaveRules:
    return WaveRules(MONDAY, **changes)  # type: ignore[arg-type]


def where(plan: Plan) -> dict[str, int]:
    """Each application's wave by number."""
    return {name: number for number, wave in enumerate(plan.waves) for name in wave.members}


def drawn(count: int, edges: int, seed: int) -> list[Candidate]:
    """A fleet of a size, with edges in any direction."""
    chance = random.Random(seed)
    names = [f"app-{number:04}" for number in range(count)]
    needs: dict[str, set[str]] = {name: set() for name in names}
    for _ in range(edges):
        user, needed = chance.sample(names, 2)
        needs[user].add(needed)
    return [
        app(
            name,
            *sorted(needs[name]),
            level=chance.choice(("Excellent", "Good", "Moderate", "Major work", "Not yet")),
            state=chance.choice(("stateless", "stateless", "cache", "sessions")),
            risk=chance.choice(("low", "medium", "high")),
            effort=(1.0, float(chance.choice((2, 5, 20)))),
            criticality=chance.choice(("high", "medium", "low", "")),
            databases=(f"db-{chance.randrange(count)}",),
        )
        for name in names
    ]


NAMES = (*tuple("abcdefghijkl"), "订单", "UPPER_case")
efforts = st.sampled_from([(0.0, 0.0), (0.5, 1.0), (1.0, 4.0), (3.0, 12.0), (10.0, 60.0)])


@st.composite
def fleets(draw: st.DrawFn) -> list[Candidate]:
    """Up to fourteen applications with everything that a plan looks at, unknown names and rings included."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES)))
    needed = st.sampled_from([*NAMES, "nobody knows it"])
    return [
        Candidate(
            name=name,
            level=draw(
                st.sampled_from(["Excellent", "Good", "Moderate", "Major work", "Not yet", "Insufficient data", "?"])
            ),
            state=draw(st.sampled_from(["stateless", "stateless", "cache", "sessions", "local files", "unknown"])),
            mode="re-host",
            risk=draw(st.sampled_from(["low", "low", "medium", "high", "?"])),
            effort=draw(efforts),
            depends_on=tuple(draw(st.lists(needed, max_size=4))),
            databases=tuple(draw(st.lists(st.sampled_from(["orders", "stock", "money"]), max_size=2))),
            criticality=draw(st.sampled_from(["high", "medium", "low", "核心", ""])),
        )
        for name in names
    ]


blackouts = st.lists(
    st.tuples(st.integers(0, 120), st.integers(0, 30)).map(
        lambda d: (MONDAY + timedelta(d[0]), MONDAY + timedelta(d[0] + d[1]), "closing")
    ),
    max_size=4,
).map(tuple)
limits = st.builds(
    WaveRules,
    begin=st.integers(0, 10).map(lambda n: MONDAY + timedelta(n)),
    pilot=st.integers(1, 4),
    size=st.integers(1, 6),
    every=st.sampled_from([timedelta(days=1), timedelta(days=5), timedelta(weeks=2), timedelta(hours=3)]),
    blackouts=blackouts,
    days_each=st.none() | st.sampled_from([1.0, 5.0, 20.0]),
)
