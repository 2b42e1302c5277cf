"""Shares of the users from weights as routes hold them: whole percent, and the same in every rule, or refused."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.errors import BadParameters


def percent(legacy: object, kubernetes: object, where: str) -> int:
    """Percent of the users on the Kubernetes side; BadParameters unless it is a whole number."""
    if not all(isinstance(weight, int) and weight >= 0 for weight in (legacy, kubernetes)):
        raise BadParameters(f"{where} has the weights {legacy!r} and {kubernetes!r}; expected are whole numbers from 0")
    assert isinstance(legacy, int) and isinstance(kubernetes, int)
    total = legacy + kubernetes
    if not total:
        raise BadParameters(f"{where} has the weight 0 on both sides: it sends nobody anywhere; set one of them")
    if kubernetes * 100 % total:
        raise BadParameters(
            f"{where} sends {kubernetes} of {total} users to the new side, which is no whole percent; "
            "let the weights add up to 100"
        )
    return kubernetes * 100 // total


def agreed(shares: Mapping[str, int], where: str) -> int:
    """The one share that all rules have; BadParameters names each when they differ."""
    if len(set(shares.values())) != 1:
        each = ", ".join(f"{rule} says {share} %" for rule, share in shares.items())
        raise BadParameters(f"{where}: its rules do not agree: {each}; set all of them to one weight")
    return next(iter(shares.values()))
