"""Quantities in the one form that the API server writes them: `0.5` is `500m`, `1024Mi` is `1Gi`."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Any

from sandbox.kubernetes.errors import bad_request

JsonObject = dict[str, Any]

_LARGEST = Decimal(2**63 - 1)
_FORM = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_EXPONENT = re.compile(r"[eE][+-]?\d+")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_POWERS = {suffix: Decimal(10) ** power for power, suffix in _DECIMAL.items()} | {
    suffix: Decimal(1024) ** power for power, suffix in enumerate(_BINARY) if suffix
}


def quantity(value: str | int | float) -> str:
    """The canonical form; ApiError 400 when it is no quantity."""
    text = str(value)
    match = re.match(_FORM, text)
    if match is None:
        raise bad_request(f"quantities must match the regular expression '{_FORM}'")
    number, suffix = match.groups()
    exponent = _EXPONENT.fullmatch(suffix)
    if _NUMBER.fullmatch(number) is None or not (exponent or suffix in _POWERS):
        raise bad_request("unable to parse quantity's suffix")
    amount = Decimal(number + suffix) if exponent else Decimal(number) * _POWERS[suffix]
    if abs(amount) > _LARGEST:
        raise bad_request(f"unable to parse quantity {text}: it is larger than {_LARGEST}")
    if suffix.endswith("i") and abs(amount) >= 1024:
        return _binary(amount)
    return _decimal(amount)


def quantity_text(name: str, amount: Decimal) -> str:
    """The canonical form of so much of a resource: bytes in powers of 1024, everything else in powers of 1000."""
    return _binary(amount) if name.endswith(("memory", "storage")) and amount >= 1024 else _decimal(amount)


def _binary(amount: Decimal) -> str:
    whole = int(amount.to_integral_value(ROUND_CEILING))
    power = 0
    while whole % 1024 == 0 and power < len(_BINARY) - 1:
        whole, power = whole // 1024, power + 1
    return f"{whole}{_BINARY[power]}"


def _decimal(amount: Decimal) -> str:
    if amount == 0:
        return "0"
    power = 18
    while power > -9 and amount % (Decimal(10) ** power) != 0:
        power -= 3
    whole = (amount / (Decimal(10) ** power)).to_integral_value(ROUND_CEILING)
    return f"{int(whole)}{_DECIMAL[power]}"


def quantities(found: JsonObject | None) -> None:
    """Brings the values of a map of resources into canonical form, in place."""
    for name, value in (found or {}).items():
        found_value = quantity(value)
        if found is not None:
            found[name] = found_value


def resources(owner: JsonObject) -> None:
    """Brings `resources.limits` and `.requests` of an object into canonical form, in place."""
    for part in ("limits", "requests"):
        quantities(owner.get("resources", {}).get(part))
