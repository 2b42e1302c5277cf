"""nginx ``split_clients``: the share of the users is one line of one block; every other byte of the file stays.

0 and 100 % have a form of their own, because nginx refuses ``0%``: one ``*`` line and nothing else.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane

from runbook_lib.errors import BadParameters, Busy, ChangeFailed, Unreachable
from runbook_lib.model import Change, now
from runbook_lib.parameters import project_root
from runbook_lib.sections import NginxSplit


@dataclass(frozen=True)
class _Block:
    """Where the split_clients block stands: byte offsets of what is between its braces, and its entries."""

    start: int
    end: int
    entries: tuple[tuple[str, str], ...]


def read_weight(split: NginxSplit) -> int:
    """Percent of the users that the configuration sends to the Kubernetes side; BadParameters when it is unclear."""
    path = project_root() / split.config
    return _weight(split, _find(split, path, _read(path)))


def shift(split: NginxSplit, weight: int) -> Change:
    """Send ``weight`` percent of the users to the Kubernetes side: compare, write, ``nginx -t``, reload, read back.

    A configuration that nginx refuses is put back as it was; raises ChangeFailed and says what stands now.
    """
    if not 0 <= weight <= 100:
        raise BadParameters(f"weight {weight}: allowed are 0 to 100")
    path = project_root() / split.config
    with _alone(path):
        before = _read(path)
        block = _find(split, path, before)
        old = _weight(split, block)
        if old == weight:
            _command(split.reload, "reload", split)  # an earlier run may have died between write and reload
            return Change("traffic weight", old, weight, False, now(), "was already so; reloaded to be sure")
        after = before[: block.start] + _lines(split, weight, before) + before[block.end :]
        _replace(path, after)
        try:
            _command(split.test, "test", split)
            _command(split.reload, "reload", split)
        except ChangeFailed as error:
            _replace(path, before)
            raise ChangeFailed(f"{error}; {path} is as it was, {old} % of the users are on the new side") from None
        if (stands := read_weight(split)) != weight:
            raise ChangeFailed(f"{path} says {stands} % after writing {weight} %: somebody else edits it; look at it")
        return Change("traffic weight", old, weight, True, now())


def _weight(split: NginxSplit, block: _Block) -> int:
    shares = {value: share for share, value in block.entries}
    if set(shares) - {split.legacy, split.kubernetes} or not block.entries or block.entries[-1][0] != "*":
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


def _lines(split: NginxSplit, weight: int, text: bytes) -> bytes:
    newline = b"\r\n" if b"\r\n" in text else b"\n"
    entries = [f"{weight}% {split.kubernetes}", f"* {split.legacy}"]
    if weight in (0, 100):
        entries = [f"* {split.kubernetes if weight else split.legacy}"]
    return newline + b"".join(b"        " + e.encode() + b";" + newline for e in entries) + b"    "


def _find(split: NginxSplit, path: Path, text: bytes) -> _Block:
    """The block of our variable; crossplane says on which line it stands, the braces are found in the bytes."""
    parsed: dict[str, Any] = crossplane.parse(str(path), single=True, comments=False)
    if parsed["status"] != "ok":
        raise BadParameters(f"{path} is not a valid nginx configuration: {parsed['errors'][0]['error']}")
    blocks = [d for d in _directives(parsed["config"][0]["parsed"]) if d["directive"] == "split_clients"]
    ours = [d for d in blocks if d["args"][-1] == split.variable]
    if len(ours) != 1:
        raise BadParameters(
            f"{path} has {len(ours)} split_clients blocks that set {split.variable}; needed is exactly one"
        )
    line_start = sum(len(line) for line in text.splitlines(keepends=True)[: ours[0]["line"] - 1])
    start = text.index(b"{", line_start) + 1
    entries = tuple((d["directive"], d["args"][0]) for d in ours[0]["block"])
    return _Block(start, text.index(b"}", start), entries)


def _directives(parsed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for directive in parsed:
        yield directive
        if directive["directive"] != "split_clients":
            yield from _directives(directive.get("block", []))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror
    raise Unreachable(f"the nginx configuration {path} cannot be read ({reason}); check traffic.nginx.config")


def _replace(path: Path, text: bytes) -> None:
    temporary = path.with_name(f".{path.name}.runbook")
    mode = path.stat().st_mode
    with temporary.open("wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.chmod(mode)
    temporary.replace(path)


def _command(argv: list[str], what: str, split: NginxSplit) -> None:
    root = project_root()
    program = str(root / argv[0]) if "/" in argv[0] else argv[0]
    limit = split.timeout.total_seconds()
    try:
        done = subprocess.run(
            [program, *argv[1:]], cwd=root, capture_output=True, text=True, timeout=limit, check=False
        )
    except FileNotFoundError:
        raise ChangeFailed(f"there is no nginx command {argv[0]}; install nginx or mend traffic.nginx.{what}") from None
    except subprocess.TimeoutExpired:
        raise ChangeFailed(f"nginx {what} did not end within {limit:g} s") from None
    if done.returncode:
        raise ChangeFailed(f"nginx {what} failed: {' '.join(done.stderr.split())[-300:]}")


@contextmanager
def _alone(path: Path, patience: float = 10.0) -> Iterator[None]:
    """One writer at a time on this machine; the lock goes with the process."""
    with path.with_name(f".{path.name}.lock").open("w") as lock:
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
