"""Metrics as text for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass
class Family:
    """One metric: its samples by labels, and where given the time of them in milliseconds since 1970."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: list[tuple[dict[str, str], float]] = field(default_factory=list)
    time: int | None = None

    def add(self, value: float, **labels: str) -> None:
        """One sample."""
        self.samples.append((labels, value))


def text(families: Iterable[Family]) -> str:
    """The exposition format, metrics without samples left out."""
    return "".join(_family(one) for one in families if one.samples)


def _family(one: Family) -> str:
    stamp = "" if one.time is None else f" {one.time}"
    lines = [f"# HELP {one.name} {one.help}", f"# TYPE {one.name} {one.kind}"]
    lines += [f"{one.name}{_labels(labels)} {value:.15g}{stamp}" for labels, value in one.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()) + "}"
