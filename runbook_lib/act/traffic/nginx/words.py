"""nginx' words as byte offsets: one is changed and every other byte stays; crossplane says what they mean."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import crossplane

from runbook_lib.errors import BadParameters

# crossplane knows the lines only. A brace in a comment, in quotes or in ${name} is none.
WORDS = re.compile(
    rb"(?P<comment>#[^\r\n]*)"
    rb"|(?P<word>[;{}]|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?:\$\{|\\.|[^\s;{\\])+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """Where a block stands, in bytes: from its directive's first word to behind its closing brace, and its inside."""

    start: int
    inside: int
    inside_end: int
    end: int
    directives: tuple[dict[str, Any], ...]


def words(text: bytes, start: int = 0, end: int | None = None) -> list[re.Match[bytes]]:
    """The words of a part of the file, without its comments."""
    return [m for m in WORDS.finditer(text, start, len(text) if end is None else end) if m["word"]]


def plain(word: bytes) -> str:
    """A word without the quotes it may stand in."""
    return word.decode(errors="replace").strip("\"'")


def find(text: bytes, name: str, argument: str, place: int, file: str) -> Block | None:
    """The one block ``name`` whose argument number ``place`` is ``argument``; BadParameters when there are several.

    What is allowed where is for `nginx -t` to say: the file may be a part that another one includes.
    """
    known = [d for d in _directives(parsed(text, file)) if d["directive"] == name and "block" in d]
    ours = [d for d in known if len(d["args"]) > place and d["args"][place] == argument]
    found = words(text)
    begins = [i for i, m in enumerate(found) if m["word"] == name.encode() and _is(found, i, argument, place)]
    if not ours and not begins:
        return None
    if len(ours) != 1 or len(begins) != 1:
        raise BadParameters(f"{file} has {max(len(ours), len(begins))} {name} blocks of {argument}; allowed is one")
    first = begins[0]
    brace = next(i for i in range(first, len(found)) if found[i]["word"] == b"{")
    last = next(i for i in range(brace, len(found)) if found[i]["word"] == b"}")
    return Block(
        found[first].start(), found[brace].end(), found[last].start(), found[last].end(), tuple(ours[0]["block"])
    )


@lru_cache(maxsize=4)  # one change looks at the old and at the new text several times
def parsed(text: bytes, file: str) -> list[dict[str, Any]]:
    """What crossplane makes of it; BadParameters when it is no configuration."""
    with _as_file(text) as name:
        payload: dict[str, Any] = crossplane.parse(name, single=True, comments=False, check_ctx=False)
    if payload["status"] != "ok":
        reason = str(payload["errors"][0]["error"]).replace(name, file)
        raise BadParameters(f"{file} is not a valid nginx configuration: {reason}")
    directives: list[dict[str, Any]] = payload["config"][0]["parsed"]
    return directives


def newline(text: bytes) -> bytes:
    """What ends the lines of the file."""
    return b"\r\n" if b"\r\n" in text else b"\n"


def indentation(text: bytes, at: int) -> bytes:
    """What stands before the first word of that line."""
    line = text[text.rfind(b"\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _is(found: list[re.Match[bytes]], at: int, argument: str, place: int) -> bool:
    """True where a directive begins there and has that argument before its brace."""
    begins = at == 0 or found[at - 1]["word"] in (b";", b"{", b"}")
    arguments: list[str] = []
    for m in found[at + 1 :]:
        if m["word"] in (b";", b"{", b"}"):
            break
        arguments.append(plain(m["word"]))
    return begins and len(arguments) > place and arguments[place] == argument


def _directives(tree: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for directive in tree:
        yield directive
        yield from _directives(directive.get("block", []))


@contextmanager
def _as_file(text: bytes) -> Iterator[str]:
    """A path that holds the text, for crossplane reads nothing else; in memory where that can be had.

    A rollback must not fail because the disk is full.
    """
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("nginx.conf"), "wb") as stream:
            stream.write(text)
            stream.flush()
            yield f"/proc/self/fd/{stream.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as stream:
            stream.write(text)
            stream.flush()
            yield stream.name
