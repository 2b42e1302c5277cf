"""Reads text and YAML a person wrote, and says where it is broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from runbook_lib.errors import BadParameters

LARGEST = 10 * 2**20


def read_text(path: Path, what: str) -> str:
    """The file's text, UTF-8 with or without a byte order mark.

    Raises BadParameters when it is missing, unreadable, larger than 10 MiB or in another encoding.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadParameters(f"{what} {path} is larger than 10 MiB: give the file meant for reading")
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadParameters(f"{what} {path} does not exist: check its path") from None
    except OSError as error:
        raise BadParameters(f"{what} {path} cannot be read ({error.strerror}): check the path and its rights") from None
    return decoded(data, str(path), what)


def decoded(data: bytes, path: str, what: str) -> str:
    """The same of bytes that were read already."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadParameters(f"{what} {path}:1 is UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadParameters(
            f"{what} {path}:{line} is not UTF-8 (byte {error.start} is 0x{data[error.start]:02x}): "
            "convert it, for example with iconv -f GBK -t UTF-8"
        ) from None


def read_json(path: Path, what: str) -> Any:
    """The file's JSON value; raises BadParameters with the line where it ends to be JSON."""
    return parse_json(read_text(path, what), path, what)


def parse_json(text: str, path: Path, what: str) -> Any:
    """The same from text that was read already; NaN and infinity, which JSON does not have, are null."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        raise BadParameters(
            f"{what} {path}:{error.lineno} is not JSON ({error.msg}, column {error.colno}): "
            "the file may be cut off; collect it again"
        ) from None
    except RecursionError:
        raise BadParameters(f"{what} {path} is nested too deeply to be read") from None
    except ValueError:
        raise BadParameters(f"{what} {path} holds a number too long to be read") from None


def where(error: yaml.YAMLError) -> int:
    """The line, counted from one, that a YAML error is about."""
    begun, noticed = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    # that a key lacks its colon is noticed on a later line
    simple_key = getattr(error, "context", None) == "while scanning a simple key"
    mark = begun if begun and (simple_key or not noticed) else noticed
    return mark.line + 1 if mark else 1


def cause(error: yaml.YAMLError) -> str:
    """What a YAML error complains of, in one line."""
    problem = getattr(error, "problem", None) or str(error)
    return " ".join(str(problem).split())
