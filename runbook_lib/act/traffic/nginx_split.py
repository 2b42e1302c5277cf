"""nginx ``split_clients``: the share of the users is one word of one block; every other byte of the file stays.

0 and 100 % have a form of their own, because nginx refuses ``0%``: one ``*`` line, and the block's comments.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane

from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, Busy, ChangeFailed, Unreachable
from runbook_lib.model import Change, now
from runbook_lib.parameters import project_root
from runbook_lib.sections.traffic import NginxSplit

# nginx' words, as byte offsets: crossplane knows the lines only. A brace in a comment, in quotes or in ${name} is none.
_WORDS = re.compile(
    rb"(?P<comment>#[^\r\n]*)"
    rb"|(?P<word>[;{}]|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?:\$\{|\\.|[^\s;{\\])+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Block:
    """Where the split_clients block stands, in bytes: its directive, what is between its braces, the first share."""

    directive: int
    start: int
    end: int
    first_share: tuple[int, int]
    entries: tuple[tuple[str, str], ...]


def read(split: NginxSplit, clients: Clients) -> Standing:
    """What the configuration says; BadParameters when it is unclear."""
    path = _path(split)
    text = _read(path)
    block = _find(split, path, text)
    return Standing(_weight(split, block), False, text[block.start : block.end].decode())


def shift(split: NginxSplit, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Send ``weight`` percent of the users to the Kubernetes side: compare, write, ``nginx -t``, reload, read back.

    A configuration that nginx refuses is put back as it was; raises ChangeFailed and says what stands now.
    """
    path = _path(split)
    with _alone(path):
        before = _read(path)
        block = _find(split, path, before)
        old = _weight(split, block)
        if old == weight:
            _command(split.reload, "reload", split)  # an earlier run may have died between write and reload
            return Change("traffic weight", old, weight, False, now(), "was already so; reloaded to be sure")
        _replace(path, _rewritten(split, weight, before, block))
        try:
            _command(split.test, "test", split)
        except ChangeFailed as error:
            _replace(path, before)
            raise ChangeFailed(f"{error}; {path} is as it was, {old} % of the users are on the new side") from None
        _reload_or_restore(split, path, before, old, weight)
        if (stands := read(split, clients).weight) != weight:
            raise ChangeFailed(f"{path} says {stands} % after writing {weight} %: somebody else edits it; look at it")
        return Change("traffic weight", old, weight, True, now())


def preflight(split: NginxSplit, clients: Clients) -> None:
    """Unreachable when the file or a command of nginx is not there."""
    config = clients.parameters.path(split.config)
    if not config.is_file():
        raise Unreachable(
            f"nginx' configuration {config} is not there; check traffic.knob.config, or start the practice range"
        )
    for command in (split.test[0], split.reload[0]):
        known = clients.parameters.path(command) if "/" in command else None
        if shutil.which(str(known) if known else command) is None:
            raise Unreachable(
                f"the command {known or command} is not there; install nginx or check traffic.knob.test and .reload"
            )


def _reload_or_restore(split: NginxSplit, path: Path, before: bytes, old: int, weight: int) -> None:
    """Reload; when that fails put the file back and reload that: a reload that only came late may have worked."""
    try:
        _command(split.reload, "reload", split)
    except ChangeFailed as error:
        _replace(path, before)
        stands = f"{path} is as it was, {old} % of the users are on the new side"
        try:
            _command(split.reload, "reload", split)
        except ChangeFailed:
            stands = f"{path} is as it was, but nginx may run {old} % or {weight} %: look at it and reload it"
        raise ChangeFailed(f"{error}; {stands}") from None


def _weight(split: NginxSplit, block: _Block) -> int:
    shares = {value: share for share, value in block.entries}
    names_once = len(shares) == len(block.entries) and not set(shares) - {split.legacy, split.kubernetes}
    if not names_once or not block.entries or block.entries[-1][0] != "*":
        raise BadParameters(
            f"{split.config}: split_clients {split.variable} holds {dict(block.entries)}; "
            f"expected a share of {split.kubernetes!r} and `* {split.legacy};`"
        )
    if shares.get(split.kubernetes) == "*" and len(shares) == 1:
        return 100
    if split.kubernetes not in shares:
        return 0
    share = shares[split.kubernetes].removesuffix("%")
    if not share.isdigit():
        raise BadParameters(f"{split.config}: the share of {split.kubernetes!r} is {share!r}, expected whole percent")
    return int(share)


def _rewritten(split: NginxSplit, weight: int, text: bytes, block: _Block) -> bytes:
    """The file with another weight: one word where the block has a share already, else its entries."""
    if 0 < weight < 100 and len(block.entries) == 2:
        first, last = block.first_share
        return text[:first] + f"{weight}%".encode() + text[last:]
    newline = b"\r\n" if b"\r\n" in text else b"\n"
    line = text[text.rfind(b"\n", 0, block.directive) + 1 : block.directive]
    outer = line[: len(line) - len(line.lstrip())]
    inner = outer + (b"\t" if b"\t" in outer else b"    ")
    entries = [f"{weight}% {split.kubernetes};", f"* {split.legacy};"]
    if weight in (0, 100):
        entries = [f"* {split.kubernetes if weight else split.legacy};"]
    comments = [m["comment"] for m in _WORDS.finditer(text, block.start, block.end) if m["comment"]]
    lines = [inner + entry for entry in (*comments, *(e.encode() for e in entries))]
    return text[: block.start] + newline.join([b"", *lines, outer]) + text[block.end :]


def _find(split: NginxSplit, path: Path, text: bytes) -> _Block:
    """The block of our variable; crossplane says what it holds, the offsets are found in the bytes."""
    # the file may be a part that another one includes: what is allowed where is for `nginx -t` to say
    parsed: dict[str, Any] = crossplane.parse(str(path), single=True, comments=False, check_ctx=False)
    if parsed["status"] != "ok":
        raise BadParameters(f"{path} is not a valid nginx configuration: {parsed['errors'][0]['error']}")
    blocks = [d for d in _directives(parsed["config"][0]["parsed"]) if d["directive"] == "split_clients"]
    ours = [d for d in blocks if d["args"][-1] == split.variable]
    words = [m for m in _WORDS.finditer(text) if m["word"]]
    begins = [i for i in range(len(words) - 3) if _begins(split, [m["word"] for m in words[i : i + 4]])]
    if len(ours) != 1 or len(begins) != 1:
        raise BadParameters(
            f"{path} has {len(ours)} split_clients blocks that set {split.variable}; needed is exactly one"
        )
    brace, first = words[begins[0] + 3], words[begins[0] + 4]
    end = next(m.start() for m in words[begins[0] + 4 :] if m["word"] == b"}")
    entries = tuple((d["directive"], " ".join(d["args"])) for d in ours[0]["block"])
    return _Block(words[begins[0]].start(), brace.end(), end, first.span(), entries)


def _begins(split: NginxSplit, four: list[bytes]) -> bool:
    """True for the words ``split_clients SOURCE VARIABLE {``."""
    return four[0] == b"split_clients" and four[3] == b"{" and four[2].strip(b"\"'") == split.variable.encode()


def _directives(parsed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for directive in parsed:
        yield directive
        if directive["directive"] != "split_clients":
            yield from _directives(directive.get("block", []))


def _path(split: NginxSplit) -> Path:
    """The file itself: writing beside a link (sites-enabled) would cut the link."""
    return (project_root() / Path(split.config).expanduser()).resolve()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror
    raise Unreachable(f"the nginx configuration {path} cannot be read ({reason}); check traffic.knob.config")


def _replace(path: Path, text: bytes) -> None:
    temporary = path.with_name(f".{path.name}.runbook")
    try:
        with temporary.open("wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
    except OSError as error:
        raise ChangeFailed(f"{path} cannot be written ({error.strerror}); it is as it was") from None


def _command(argv: list[str], what: str, split: NginxSplit) -> None:
    root = project_root()
    program = str(root / argv[0]) if "/" in argv[0] else argv[0]
    limit = split.timeout.total_seconds()
    try:
        done = subprocess.run(
            [program, *argv[1:]], cwd=root, capture_output=True, text=True, timeout=limit, check=False
        )
    except FileNotFoundError:
        raise ChangeFailed(f"there is no nginx command {argv[0]}; install nginx or mend traffic.knob.{what}") from None
    except OSError as error:
        raise ChangeFailed(f"nginx {what}: {argv[0]} cannot be run ({error.strerror})") from None
    except subprocess.TimeoutExpired:
        raise ChangeFailed(f"nginx {what} did not end within {limit:g} s") from None
    if done.returncode:
        raise ChangeFailed(f"nginx {what} failed: {' '.join(done.stderr.split())[-300:]}")


@contextmanager
def _alone(path: Path, patience: float = 10.0) -> Iterator[None]:
    """One writer at a time on this machine; the lock goes with the process."""
    try:
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise Unreachable(
            f"the folder of {path} cannot be written ({error.strerror}); check traffic.knob.config"
        ) from None
    with lock:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy(f"another process is changing {path}; try again when it has ended") from None
                time.sleep(0.02)
        yield
