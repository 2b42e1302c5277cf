"""Simulated passages: counts of both sides in a world that is known, many passages at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from runbook_lib.judge.evidence import Counts
from runbook_lib.judge.rates import Interval
from runbook_lib.judge.two_by_two import FloatArray

LOOKS = 30
SECONDS = 60.0


@dataclass(frozen=True)
class World:
    """What happens: requests a second over all, rates of bad ones, weights in percent with ``looks`` looks each.

    ``bursts``: in a fifth of the looks both sides fail 20 times as often. ``daily``: load and rates swing over the day.
    ``resets``: in a tenth of the looks the new side's counters restart and lose a part of the look. ``retried``: a
    failed request is tried again up to twice and fails again with this chance. ``late``: looks before the new side
    turns bad.
    """

    per_second: float = 100.0
    base: float = 0.001
    worse: float = 0.001
    weights: tuple[float, ...] = (1.0,)
    looks: int = LOOKS
    seconds: float = SECONDS
    bursts: bool = False
    daily: bool = False
    resets: bool = False
    retried: float = 0.0
    late: int = 0

    @property
    def columns(self) -> int:
        return self.looks * len(self.weights)


def simulated(world: World, passages: int, seed: int) -> Counts:
    """Counts of so many passages, one row each."""
    random = np.random.default_rng([seed, 2026])
    shape = (passages, world.columns)
    weight = np.repeat(world.weights, world.looks) / 100
    load, swing = np.full(shape, world.per_second * world.seconds), np.ones(shape)
    if world.daily:
        phase = random.uniform(0, 2 * np.pi, (passages, 1))
        turn = np.sin(2 * np.pi * np.arange(world.columns) / (24 * 60) * 8 + phase)  # eight times as fast as a day
        load, swing = load * (1 + 0.8 * turn), swing * np.exp(1.0 * turn)
    if world.bursts:
        swing = swing * np.where(random.random(shape) < 0.2, 20.0, 1.0)
    new = random.poisson(load * weight)
    old = random.poisson(load * (1 - weight))
    rate = np.where(np.arange(world.columns) < world.late, world.base, world.worse)
    new_bad = random.binomial(new, np.minimum(rate * swing, 1))
    old_bad = random.binomial(old, np.minimum(world.base * swing, 1))
    if world.retried:
        new, new_bad = _retried(random, new, new_bad, world.retried)
        old, old_bad = _retried(random, old, old_bad, world.retried)
    if world.resets:
        kept = np.where(random.random(shape) < 0.1, random.random(shape), 1.0)
        new_bad = random.binomial(new_bad, kept)
        new = new_bad + random.binomial(new - np.minimum(new_bad, new), kept)
    seconds = np.full(shape, world.seconds)
    return Counts(seconds, *(column.astype(np.float64) for column in (old, old_bad, new, new_bad)))


def _retried(
    random: np.random.Generator, requests: np.ndarray, bad: np.ndarray, again: float
) -> tuple[np.ndarray, np.ndarray]:
    """Each failed request comes once more, and once more when that fails as well."""
    first = random.binomial(bad, again)
    second = random.binomial(first, again)
    return requests + bad + first, bad + first + second


def intervals(counts: Counts, passage: int) -> list[Interval]:
    """One passage as the library takes it."""
    rows = zip(*(column[passage].tolist() for column in vars(counts).values()), strict=True)
    return [Interval(*row) for row in rows]


def columns(counts: Counts, part: slice) -> Counts:
    """A stretch of time of every passage."""
    return Counts(*(column[:, part] for column in vars(counts).values()))


def worse_by(world: World, ratio: float) -> World:
    """The same world with a new side that fails ``ratio`` times as often."""
    return replace(world, worse=world.base * ratio)


def cumulated(column: FloatArray) -> FloatArray:
    return np.asarray(np.cumsum(column, axis=-1))
