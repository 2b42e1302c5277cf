"""Whole weights of servers that give a side exactly its percent, kept in proportion within a side."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm


def percent(legacy: Sequence[int], kubernetes: Sequence[int]) -> Fraction | None:
    """The share of the Kubernetes side in percent, exactly; None when no server takes anybody."""
    total = sum(legacy) + sum(kubernetes)
    return Fraction(100 * sum(kubernetes), total) if total else None


def said(share: Fraction | int) -> str:
    """A share as people read it: 5 %, or 7.69 %."""
    return f"{share} %" if Fraction(share).denominator == 1 else f"{float(share):.2f} %"


def weights(
    wanted: int, legacy: Sequence[int], kubernetes: Sequence[int], largest: int | None = None
) -> tuple[list[int], list[int]]:
    """Weights of both sides' servers that make exactly ``wanted`` percent, for 0 < wanted < 100.

    ``legacy`` and ``kubernetes`` say how the servers of a side stand to each other. The smallest weights that keep
    that are taken; where one were above ``largest``, those that come nearest to it: the share is exact all the same,
    but servers of one side differ by one, and some may get nothing.
    """
    first, second = _lowest(legacy), _lowest(kubernetes)
    common = gcd(100 - wanted, wanted)
    left, right = (100 - wanted) // common, wanted // common  # what the sides stand to each other
    times = lcm(sum(first) // gcd(sum(first), left), sum(second) // gcd(sum(second), right))
    found = _apportioned(times * left, first), _apportioned(times * right, second)
    if largest is None or max(*found[0], *found[1]) <= largest:
        return found
    times = min(largest * sum(first) // (left * max(first)), largest * sum(second) // (right * max(second)))
    for fewer in range(max(times, 1), 0, -1):
        found = _apportioned(fewer * left, first), _apportioned(fewer * right, second)
        if max(*found[0], *found[1]) <= largest:
            break
    return found


def _lowest(proportions: Sequence[int]) -> list[int]:
    common = gcd(*proportions)
    return [proportion // common for proportion in proportions]


def _apportioned(total: int, proportions: Sequence[int]) -> list[int]:
    """A whole number dealt out in proportion; what is left over goes to the largest remainders."""
    shares = [divmod(total * proportion, sum(proportions)) for proportion in proportions]
    left = total - sum(share for share, _ in shares)
    order = sorted(range(len(shares)), key=lambda place: -shares[place][1])
    return [share + (place in order[:left]) for place, (share, _) in enumerate(shares)]
