"""What a cell of somebody's table means for the profile: text, a number, yes or no, or several names."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

# What people write where they know nothing.
NOTHING = frozenset(
    (
        *("", "-", "--", "—", "——", "/", "\\", "?", "？", "n/a", "na", "null", "none", "nil", "nan", "tbd", "unknown"),
        *(
            "无",
            "暂无",
            "未知",
            "不详",
            "待定",
            "空",
            "#n/a",
            "#ref!",
            "#name?",
            "#value!",
            "#div/0!",
            "#null!",
            "#num!",
        ),
    )
)
YES = frozenset(["是", "有", "yes", "y", "true", "1", "on", "√"])
NO = frozenset(["否", "没有", "no", "n", "false", "0", "off", "×"])
TRUTHS = frozenset(["state.sessions.shared", "state.orders.shared"])
SHARES = frozenset(["objectives.availability", "objectives.error_rate", "releases.success_rate"])
"""Between 0 and 1; 99.9 and 99.9% are such, too."""
NUMBERS = frozenset(
    ["port", "runtime.start_seconds", "runtime.drain_seconds", "host_agents.cpu_cores", "host_agents.memory_mib"]
    + ["traffic.requests_per_second.usual", "traffic.requests_per_second.peak", "traffic.orders_per_day"]
    + [f"operations.{name}" for name in ("physical_hosts", "vms_per_host", "owners_per_vm", "minutes_per_owner")]
    + ["operations.maintenances_per_year", "operations.minutes_per_owner_after"]
    + [f"releases.{name}" for name in ("per_month", "minutes_before", "minutes_after", "rollbacks_last_year")]
)
MACHINES = "operations.instances"
NAMES = frozenset([MACHINES, "databases"])
NAMED = frozenset(["dependencies", "dependents"])
"""Lists of things that have a name, and may have an address."""
BETWEEN = re.compile(r"[,;，；、|\n\r\t]+")
BETWEEN_MACHINES = re.compile(r"[\s,;，；、|/]+")
NUMBER = re.compile(r"([-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)\s*(?:(?:-|~|to|至)\s*(\d+(?:\.\d+)?))?\s*(\D*)")
UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "seconds": 1.0, "秒": 1.0, "min": 60.0, "minutes": 60.0, "分钟": 60.0}
ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?")


class NoSense(ValueError):
    """A cell cannot be what its column is for."""


def value_of(key: str, cell: Any) -> Any:
    """The cell as the profile would have it, None where it says nothing; raises NoSense.

    Names are a list of text, dependencies and dependents one of mappings with ``name``.
    """
    text = _text(cell)
    if text.casefold() in NOTHING:
        return None
    if "\ufffd" in text:
        raise NoSense(f"{key} is {text!r}, which is not the encoding of the rest of the file")
    if key in TRUTHS:
        return _truth(key, text)
    if key in NUMBERS or key in SHARES:
        return _number(key, text)
    if key in NAMES:
        return _split(BETWEEN_MACHINES if key == MACHINES else BETWEEN, text)
    if key in NAMED:
        return [_thing(name) for name in _split(BETWEEN, text)]
    return text


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return unicodedata.normalize("NFC", str(cell)).strip(" \t\r\n\u3000\xa0\u200b\ufeff'")


def _split(between: re.Pattern[str], text: str) -> list[str]:
    parts = (part.strip() for part in between.split(text))
    return list(dict.fromkeys(part for part in parts if part.casefold() not in NOTHING))


def _thing(text: str) -> dict[str, str]:
    """``stock`` or ``orders database 10.20.30.41:5432``: the address is told apart from the name."""
    address = ADDRESS.search(text)
    if address is None:
        return {"name": text}
    name = " ".join((text[: address.start()] + " " + text[address.end() :]).split()).strip("()（）@:： ")
    return {"name": name or address[0], "address": address[0]}


def _truth(key: str, text: str) -> bool:
    word = text.casefold()
    if word not in YES and word not in NO:
        raise NoSense(f"{key} is {text!r}, neither yes nor no")
    return word in YES


def _number(key: str, text: str) -> Any:
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = NUMBER.fullmatch(plain)
    if not found:
        raise NoSense(f"{key} is {text!r}, not a number")
    low, high, unit = found[1].replace(",", ""), found[2], found[3].strip()
    values = [_scaled(key, float(one), unit, text) for one in (low, high) if one]
    if any(not 0 <= value < math.inf for value in values) or (key == "port" and not 1 <= values[0] <= 65535):
        raise NoSense(f"{key} is {text}, which cannot be")
    whole = [int(value) if value.is_integer() else value for value in values]
    return whole if len(whole) > 1 else whole[0]


def _scaled(key: str, value: float, unit: str, text: str) -> float:
    if key in SHARES:
        share = value / 100 if unit == "%" or 1 < value <= 100 else value
        if unit not in ("", "%") or share > 1:
            raise NoSense(f"{key} is {text!r}, not a share such as 99.9%")
        return round(share, 12)
    if key.endswith("_seconds") and unit in UNITS:
        return value * UNITS[unit]
    if unit and key.endswith(("_seconds", "_mib", "_cores", "port")):
        raise NoSense(f"{key} is {text!r}: {unit!r} is not understood")
    return value
