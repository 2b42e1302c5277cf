"""What the move brought: figures before and after, each with where it comes from; what is not known stays empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ENDED = frozenset({"passed", "failed", "rolled_back", "crashed"})


@dataclass(frozen=True)
class Figure:
    """One figure before and after; ``origin`` says who measured or stated each."""

    name: str
    unit: str
    before: float | None
    after: float | None
    origin: str
    less_is_better: bool = True

    @property
    def change(self) -> float | None:
        """Relative change; None when one of both is not known."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before - 1


def ratio(part: float | None, whole: float | None) -> float | None:
    """``part`` of ``whole``; None when one is not known or there is no whole."""
    return None if part is None or not whole else part / whole


def success_rate(outcomes: Iterable[str]) -> float | None:
    """Passed attempts of all that came to an end; those that waited for a person are not counted."""
    ended = [outcome for outcome in outcomes if outcome in ENDED]
    return ratio(sum(outcome == "passed" for outcome in ended), len(ended))


def acceptance(
    stated: Mapping[str, float | None], measured: Mapping[str, float | None], outcomes: Iterable[str]
) -> list[Figure]:
    """The figures of the acceptance report.

    ``stated`` (profile and assessment): minutes_before, success_before, machines, cores_each, cores_used;
    ``measured``: release_seconds, undo_seconds, pods, cores_asked, cores_used. ``outcomes`` are those of the releases.
    """
    paid = _times(stated.get("machines"), stated.get("cores_each"))
    seconds = measured.get("release_seconds")
    return [
        Figure(
            "rollout of a release",
            "min",
            stated.get("minutes_before"),
            None if seconds is None else seconds / 60,
            "profile (the whole release); a rollout of every Pod, timed in the pilot's drill",
        ),
        Figure(
            "releases that succeed",
            "%",
            _percent(stated.get("success_before")),
            _percent(success_rate(outcomes)),
            "profile; the pilot deploys on record",
            less_is_better=False,
        ),
        Figure("cores paid for", "cores", paid, measured.get("cores_asked"), "host facts; requests of the Pods"),
        Figure(
            "use of what is paid for",
            "%",
            _percent(ratio(_times(stated.get("machines"), stated.get("cores_used")), paid)),
            _percent(ratio(measured.get("cores_used"), measured.get("cores_asked"))),
            "use of the machines in the assessment; Prometheus over the silent window",
            less_is_better=False,
        ),
        Figure("instances", "", stated.get("machines"), measured.get("pods"), "parameters; the cluster"),
        Figure("back to the earlier release", "s", None, measured.get("undo_seconds"), "drill of the pilot deploy"),
    ]


def number(value: Any) -> float | None:
    """A stated value as a number; None when it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _times(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left * right


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
