"""Testers before a ``split_clients``: a ``map`` takes its variable over, and the split sets one beside it.

    split_clients "$request_id" $side_of_users { 5% kubernetes; * legacy; }
    map $http_x_tester $side { default $side_of_users; "always" kubernetes; }

What uses ``$side`` (proxy_pass, a log) stays as it is, and taking the testers away gives back the very bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook_lib.act.traffic.nginx.words import Block, find, indentation, newline, plain, words
from runbook_lib.errors import BadParameters
from runbook_lib.sections.traffic import NginxSplit, Testers

BESIDE = "_of_users"
_SPECIAL = frozenset({"default", "hostnames", "include", "volatile"})


@dataclass(frozen=True)
class Split:
    """The split's block and, where testers are admitted, the map behind it."""

    block: Block
    testers: Block | None

    @property
    def end(self) -> int:
        """Behind all of it."""
        return self.testers.end if self.testers else self.block.end


def locate(split: NginxSplit, text: bytes, file: str) -> Split:
    """The one block of our variable; BadParameters when there is none, or something stands in its way."""
    block = find(text, "split_clients", split.variable, 1, file)
    beside = find(text, "split_clients", split.variable + BESIDE, 1, file)
    if block and beside:
        raise BadParameters(f"{file} splits both {split.variable} and {split.variable}{BESIDE}: take one away")
    if block:
        return Split(block, None)
    testers = find(text, "map", split.variable, 1, file) if beside else None
    if not beside or not testers:
        raise BadParameters(f"{file} has 0 split_clients blocks that set {split.variable}; needed is exactly one")
    if text[beside.end : testers.start].strip():
        raise BadParameters(
            f"{file}: something stands between split_clients {split.variable}{BESIDE} and its map; put it elsewhere"
        )
    return Split(beside, testers)


def mark(text: bytes, found: Split) -> str | None:
    """How testers are known, as the map has it; None when nobody is sent by name."""
    if not found.testers:
        return None
    source = plain(words(text, found.testers.start, found.testers.inside)[1]["word"])
    values = [d["directive"] for d in found.testers.directives if d["directive"] != "default"]
    return f"{source} {', '.join(values)}"


def without(split: NginxSplit, text: bytes, file: str) -> bytes:
    """The file as it is when nobody is sent by name."""
    found = locate(split, text, file)
    if not found.testers:
        return text
    text = text[: found.block.end] + text[found.end :]
    return _renamed(text, found.block, split.variable + BESIDE, split.variable)


def with_testers(split: NginxSplit, text: bytes, file: str, testers: Testers) -> bytes:
    """The file with testers sent to the new side, whatever share of the users is."""
    source, value = _source(testers), _value(testers)
    text = without(split, text, file)
    block = locate(split, text, file).block
    outer = indentation(text, block.start)
    inner = outer + (b"\t" if b"\t" in outer else b"    ")
    lines = [
        b"",
        outer + f"map {source} {split.variable} {{".encode(),
        inner + f"default {split.variable}{BESIDE};".encode(),
        inner + f'"{value}" {split.kubernetes};'.encode(),
        outer + b"}",
    ]
    text = text[: block.end] + newline(text).join(lines) + text[block.end :]
    return _renamed(text, block, split.variable, split.variable + BESIDE)


def _renamed(text: bytes, block: Block, old: str, new: str) -> bytes:
    variable = words(text, block.start, block.inside)[2]
    word = variable["word"].replace(old.encode(), new.encode())
    return text[: variable.start()] + word + text[variable.end() :]


def _source(testers: Testers) -> str:
    """nginx' variable of the header or the cookie."""
    if testers.header is not None:
        if not re.fullmatch(r"[A-Za-z0-9-]+", testers.header):
            raise BadParameters(
                f"traffic.testers.header {testers.header!r}: nginx knows headers of letters, digits and hyphens only"
            )
        return f"$http_{testers.header.lower().replace('-', '_')}"
    if not re.fullmatch(r"[A-Za-z0-9_]+", testers.cookie or ""):
        raise BadParameters(
            f"traffic.testers.cookie {testers.cookie!r}: nginx reads cookies of letters, digits and underscores only"
        )
    return f"$cookie_{testers.cookie}"


def _value(testers: Testers) -> str:
    """Only what means itself in a map."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", testers.value) or testers.value.lower() in _SPECIAL:
        raise BadParameters(
            f"traffic.testers.value {testers.value!r}: nginx' map takes letters, digits and . _ - as they are, and "
            f"none of {', '.join(sorted(_SPECIAL))}"
        )
    return testers.value
