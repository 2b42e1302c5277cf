"""Kubernetes quantities, percentages and durations as numbers; None when they are none."""

from __future__ import annotations

import math
import re

from runbook_lib.artefacts import Node

QUANTITY = re.compile(r"^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)([eE][+-]?\d+|[munkKMGTPE]i?)?$")
FACTORS = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}


def quantity(text: str) -> float | None:
    """``500m`` is 0.5, ``1Gi`` is 2**30; None for what the API server refuses, such as ``1GB`` or ``512MB``."""
    found = QUANTITY.match(text)
    if not found or len(text) > 40:
        return None
    number, suffix = found.groups(default="")
    if suffix[:1] in ("e", "E") and suffix[1:]:
        if suffix[1:] == "i":
            return float(number) * FACTORS["Ei"]
        value = float(f"{number}e{suffix[1:]}")
        return value if math.isfinite(value) else None
    factor = FACTORS.get(suffix)
    return None if factor is None else float(number) * factor


def number_of(node: Node) -> float | None:
    """The quantity at a node; None when there is none or it is malformed."""
    return quantity(node.text()) if node.exists else None


def rounded(node: Node, replicas: int, default: str, up: bool) -> int | None:
    """maxSurge rounds up, maxUnavailable rounds down; None when it is neither a number nor a percentage, as '25'."""
    text = node.text(default)
    if re.fullmatch(r"\d{1,6}", text):
        return None if isinstance(node.value, str) else int(text)
    if not re.fullmatch(r"\d{1,6}%", text):
        return None
    hundredths = int(text[:-1]) * replicas
    return -(-hundredths // 100) if up else hundredths // 100
