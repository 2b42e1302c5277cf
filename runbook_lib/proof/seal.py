"""Seals: one number over everything that was filed since the last one, signed with another key, to be kept elsewhere.

Whoever holds an operator's key could write records anew, and nobody sees that the last ones were cut off. The root of a
seal stands for each sealed file and, through the root of the seal before it, for all that were sealed before.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.durable import as_text, write_whole
from runbook_lib.errors import BadParameters
from runbook_lib.model import canonical, now, plain
from runbook_lib.proof import tree
from runbook_lib.record import archive
from runbook_lib.record.statement import sha256
from runbook_lib.trust.identity import Identity
from runbook_lib.trust.signature import sign
from runbook_lib.trust.signers import SEALER

FOLDER = "seals"
TRAILER = "Runbook-Seal"
READ_ONLY = 0o444


@dataclass(frozen=True)
class Seal:
    """A batch: its entries are path (in the archive) and sha256, its root is RFC 6962's over them."""

    number: int
    sealed_at: str
    count: int
    root: str
    previous: tuple[int, str] | None
    entries: tuple[dict[str, str], ...]

    @property
    def trailer(self) -> str:
        """What is kept elsewhere: a line of a commit message."""
        return f"{TRAILER}: {self.number} {self.count} {self.root}"


def merkle_root(entries: Iterable[dict[str, str]], previous: tuple[int, str] | None) -> str:
    """The root over the entries in their order; the root of the seal before is the first leaf."""
    first = [bytes.fromhex(previous[1])] if previous else []
    return tree.root([*first, *(canonical(entry) for entry in entries)]).hex()


def read_seal(path: Path) -> Seal:
    """A seal as it was written; BadParameters when the file does not hold one."""
    try:
        value = json.loads(path.read_bytes())
        before = value["previous"]
        entries = tuple({"path": str(one["path"]), "sha256": str(one["sha256"])} for one in value["entries"])
        seal = Seal(
            int(value["number"]),
            str(value["sealed_at"]),
            int(value["count"]),
            str(value["root"]),
            (int(before["number"]), _root(before["root"])) if before is not None else None,
            entries,
        )
        if as_text(_body(seal)) != path.read_text(encoding="utf-8") or any(_outside(one["path"]) for one in entries):
            raise ValueError(path.name)
        if datetime.fromisoformat(seal.sealed_at).tzinfo is None:
            raise ValueError(seal.sealed_at)
        return seal
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        raise BadParameters(f"{path} is no seal as it was written; find out who changed it") from None


def seal_files(records: Path) -> list[Path]:
    """The seals, by number."""
    found = (records / FOLDER).glob("*.json")
    return sorted((path for path in found if path.stem.isdecimal()), key=lambda path: int(path.stem))


def to_seal(records: Path, sealed: Iterable[str], applications: Sequence[str] | None = None) -> list[str]:
    """What is not sealed yet: records, their signatures and the files of gates, by their paths in the archive."""
    known = set(sealed)
    found = []
    for folder in sorted(records.iterdir()) if records.is_dir() else []:
        if folder.name == FOLDER or not folder.is_dir() or (applications and folder.name not in applications):
            continue
        for pattern in (f"*/attempt-*/{archive.RECORD}", f"*/attempt-*/{archive.SIGNATURE}", "gates/[!.]*"):
            found += [path.relative_to(records).as_posix() for path in folder.glob(pattern) if path.is_file()]
    return sorted(path for path in found if path not in known)


@contextlib.contextmanager
def sealing(records: Path) -> Iterator[None]:
    """Be the only one who seals; another one waits, and then finds what was sealed meanwhile."""
    folder = records / FOLDER
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def write_seal(records: Path, paths: Sequence[str], sealer: Identity) -> Seal:
    """Seal these files; call it inside `sealing`. The signature is written first, the seal makes it count."""
    last = seal_files(records)
    before = read_seal(last[-1]) if last else None
    previous = (before.number, before.root) if before else None
    entries = tuple({"path": path, "sha256": sha256(records / path)} for path in paths)
    number = before.number + 1 if before else 1
    seal = Seal(number, plain(now()), len(entries), merkle_root(entries, previous), previous, entries)
    path = records / FOLDER / f"{number}.json"
    text = as_text(_body(seal))
    write_whole(path.with_name(f"{path.name}.sig"), sign(text.encode(), sealer.key, SEALER))
    write_whole(path, text)
    for written in (path, path.with_name(f"{path.name}.sig")):
        written.chmod(READ_ONLY)
    return seal


def names_in(text: str) -> tuple[int, int, str]:
    """Number, count and root of a seal that was kept elsewhere: a file, a git trailer, or just the three."""
    path = Path(text)
    if "\n" not in text and len(text) < 4096 and path.is_file():
        seal = read_seal(path)
        return seal.number, seal.count, seal.root
    found = re.fullmatch(rf"\s*(?:{TRAILER}:\s*)?(\d+)\s+(\d+)\s+([0-9a-f]{{64}})\s*", text)
    if not found:
        raise BadParameters(f"--seal {text!r} is neither a file nor NUMBER COUNT ROOT, as `runbook seal` prints them")
    return int(found[1]), int(found[2]), found[3]


def _body(seal: Seal) -> dict[str, object]:
    before = {"number": seal.previous[0], "root": seal.previous[1]} if seal.previous else None
    return {
        "number": seal.number,
        "sealed_at": seal.sealed_at,
        "count": seal.count,
        "root": seal.root,
        "previous": before,
        "entries": list(seal.entries),
    }


def _root(value: object) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", str(value)):
        raise ValueError(value)
    return str(value)


def _outside(path: str) -> bool:
    return Path(path).is_absolute() or ".." in Path(path).parts
