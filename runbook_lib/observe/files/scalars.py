"""What a YAML scalar is: as YAML 1.1 has it, or as the parser of kubectl and of the API server takes it."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

# goyaml.v2, which sigs.k8s.io/yaml is made of, takes these for more than PyYAML does
BOOLEANS = {"y": True, "Y": True, "n": False, "N": False}
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
OCTAL = re.compile(r"[-+]?0o[0-7]+")
FIRST = frozenset("0123456789+-.")


def scalar(source: yaml.Node, api: bool = False) -> Any:
    """The scalar's value, its text where it is none of the types; ``api``: ``y`` and ``1e5`` are no text."""
    kind = source.tag.rpartition(":")[2]
    text = str(source.value)
    try:
        if kind == "bool":
            return text.lower() in ("true", "yes", "on", "y")
        if kind == "int":
            return _integer(text.replace("_", ""))
        if kind == "float":
            return float(text)
    except ValueError:
        return _more(text) if api else text
    if kind == "null":
        return None
    return _more(text) if api and kind == "str" and _bare(source, text) else text


def _bare(source: yaml.Node, text: str) -> bool:
    """Without quotes, tag or anchor: what stands between its marks is its text."""
    return (
        not getattr(source, "style", None) and (text in BOOLEANS or text[:1] in FIRST) and _length(source) == len(text)
    )


def _length(source: yaml.Node) -> int:
    return int(source.end_mark.index - source.start_mark.index)


def _more(text: str) -> Any:
    if text in BOOLEANS:
        return BOOLEANS[text]
    plain = text.replace("_", "")
    if OCTAL.fullmatch(plain):
        return int(plain.replace("0o", "", 1), 8)
    if not FLOAT.fullmatch(plain):
        return text
    number = float(plain)
    return text if math.isinf(number) else number


def _integer(text: str) -> int:
    """As YAML 1.1 reads it: 0644 is octal, which is what a file's mode means; ValueError for none that 64 bits hold."""
    digits = text.lstrip("-+")
    number = int(text, 8) if digits.startswith("0") and digits.isdigit() and digits != "0" else int(text, 0)
    if not -(2**63) <= number < 2**64:
        raise ValueError
    return number
