"""Kubernetes quantities: `100m`, `64Mi`, `1e3`."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

_UNITS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(n|u|m|k|[KMGTPE]i?|)")


@cache
def amount(quantity: str | int | float) -> Decimal:
    """The number that a quantity stands for: cores, bytes; ValueError when it is none."""
    match = _FORM.fullmatch(str(quantity).strip())
    if match is None or match[2] == "K":
        raise ValueError(f"{quantity!r} is no quantity")
    return Decimal(match[1]) * _UNITS[match[2]]
