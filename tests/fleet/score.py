"""Holds what was found against what is true: precision and recall by kind, as a table and as a test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
LEAST = 0.95


@dataclass
class Score:
    """Of one kind: what was rightly found, what was found and is not so, what was missed."""

    right: set[object] = field(default_factory=set)
    wrong: set[object] = field(default_factory=set)
    missed: set[object] = field(default_factory=set)

    @property
    def precision(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.wrong)) if self.right or self.wrong else 1.0

    @property
    def recall(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.missed)) if self.right or self.missed else 1.0


def scored(found: Iterable[T], true: Iterable[T], kind: Callable[[T], str]) -> dict[str, Score]:
    """Both sets by their kind."""
    seen, planted = set(found), set(true)
    scores: dict[str, Score] = defaultdict(Score)
    for item in seen | planted:
        score = scores[kind(item)]
        (score.right if item in seen & planted else score.wrong if item in seen else score.missed).add(item)
    return dict(sorted(scores.items()))


def told(title: str, scores: dict[str, Score]) -> None:
    """Print the table; pytest shows it with -s, and when a test fails."""
    print(f"\n{title:<34}{'planted':>9}{'found':>9}{'precision':>11}{'recall':>9}")
    for name, score in scores.items():
        planted, found = len(score.right) + len(score.missed), len(score.right) + len(score.wrong)
        print(f"{name:<34}{planted:>9}{found:>9}{score.precision:>11.3f}{score.recall:>9.3f}")


def lacking(scores: dict[str, Score]) -> list[str]:
    """What is below the least that is promised, with a few examples."""
    return [
        f"{name}: precision {score.precision:.3f}, recall {score.recall:.3f}; "
        f"wrongly {sorted(map(str, score.wrong))[:6]}, missed {sorted(map(str, score.missed))[:6]}"
        for name, score in scores.items()
        if score.precision < LEAST or score.recall < LEAST
    ]
