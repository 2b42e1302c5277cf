"""Reads one source file in whatever encoding; a binary is known by its beginning and read no further."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.model import Finding
from runbook_lib.observe.source.tree import LARGEST, Entry, unread

SNIFFED = 8192
LONGEST_LINE = 20_000
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Text:
    """What a file says; ``encoding`` is the one that fitted, ``line`` the first that is no UTF-8."""

    text: str
    encoding: str = "utf-8"
    line: int = 0


def read_source(entry: Entry) -> Text | Finding:
    """The file's text, or a finding for what is no text, too long or not to be read."""
    name = entry.name
    if entry.size > LARGEST:
        return unread(name, f"{name} is larger than 2 MiB ({entry.size / 2**20:.1f} MiB) and was not read")
    try:
        with Path(entry.path).open("rb") as file:
            data = file.read(SNIFFED)
            if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                line = data.count(b"\n", 0, data.index(b"\0")) + 1
                return unread(name, f"{name}:{line} holds a NUL byte: it is no text, and was not read")
            data += file.read(LARGEST - len(data))
    except OSError as error:
        return unread(name, f"{name} cannot be read: {error.strerror}")
    return _decoded(data, name)


def read_start(entry: Entry) -> bytes:
    """The first bytes, by which a script without suffix is known; nothing when it cannot be read."""
    try:
        with Path(entry.path).open("rb") as file:
            return file.read(80)
    except OSError:
        return b""


def _decoded(data: bytes, name: str) -> Text | Finding:
    if len(data) > LONGEST_LINE and (long := _long_line(data)):
        number, size = long
        return unread(name, f"{name}:{number} is one line of {size / 1000:.0f} KB: generated, or data; not read")
    encoding = next((known for mark, known in MARKS if data.startswith(mark)), "utf-8")
    line = 0
    for wanted in (encoding, "gb18030"):
        try:
            return Text(data.decode(wanted), wanted, line)
        except UnicodeDecodeError as error:
            line = line or data.count(b"\n", 0, error.start) + 1
    return Text(data.decode("latin-1"), "latin-1", line)


def _long_line(data: bytes) -> tuple[int, int] | None:
    """Number and length of the first line that no person wrote."""
    lines = data.split(b"\n")
    return next(((number, len(line)) for number, line in enumerate(lines, 1) if len(line) > LONGEST_LINE), None)
