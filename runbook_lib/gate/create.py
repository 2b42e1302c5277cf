"""Files that are made once, whole, and never changed; one process at a time makes them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runbook_lib.durable import sync_folder
from runbook_lib.errors import Unwritable
from runbook_lib.model import plain


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else files in this folder meanwhile: of two who answer or use at once, one is the first."""
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    try:
        with _told(folder):
            fcntl.flock(handle, fcntl.LOCK_EX)
            for torn in folder.glob(".*.part"):
                torn.unlink()  # whoever left it was killed: nobody else writes while the lock is held
        yield
    finally:
        os.close(handle)


def create(path: Path, content: bytes) -> bool:
    """Write a new file, whole and read-only or not at all; False when it is already there. Call it under the lock."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _told(path.parent):
        try:
            with temporary.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fchmod(stream.fileno(), 0o444)
                os.fsync(stream.fileno())
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    return True


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """A disk that is full, or a folder of somebody else, as one sentence."""
    try:
        yield
    except OSError as error:
        why = f"{folder} cannot be written ({error.strerror}), so nothing was filed there"
        raise Unwritable(f"{why}; make room, or let the group of those who answer write there") from None


def as_json(value: Any) -> bytes:
    """The bytes of a file: JSON, as people can read it."""
    return (json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n").encode()
