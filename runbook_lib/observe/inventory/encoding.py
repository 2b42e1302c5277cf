"""Finds out how a table that somebody exported is written: UTF-8, UTF-16 or GBK, and what stands between its fields."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

from runbook_lib.errors import BadParameters

HEAD = 1 << 20
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
GBK = "gb18030"
"""Holds all of GBK and of GB 2312."""


def head_of(path: Path, what: str) -> bytes:
    """The first MiB; raises BadParameters when there is no such file or it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadParameters(f"{what} {path} cannot be read: it is no file")
        with path.open("rb") as file:
            return file.read(HEAD)
    except FileNotFoundError:
        raise BadParameters(f"{what} {path} does not exist: check the path in the parameters") from None
    except OSError as error:
        raise BadParameters(f"{what} {path} cannot be read ({error.strerror}): check the path and its rights") from None


def encoding_of(head: bytes) -> str:
    """The name of the encoding: by its mark, else UTF-8 where the most lines are valid, else GBK."""
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    if (nothing := head.count(0)) and nothing > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    whole = head if len(head) < HEAD else head[: head.rfind(b"\n") + 1]  # not half a letter at its end
    lines = [line for line in whole.split(b"\n") if not line.isascii()]
    wrong = {name: sum(not _valid(line, name) for line in lines) for name in ("utf-8", GBK)}
    return GBK if wrong["utf-8"] > wrong[GBK] else "utf-8"


def _valid(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def delimiter_of(header: str) -> str:
    """The comma, semicolon, tab or bar that stands most often in the first line."""
    return max(",;\t|", key=header.count)
