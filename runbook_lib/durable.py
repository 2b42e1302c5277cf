"""Files that survive a crash and that no reader ever sees half of."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from runbook_lib.model import plain


def write_whole(path: Path, content: bytes | str) -> None:
    """Replace a file at once: a reader sees the old one or the new one, and after a power cut, too."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file at once; dataclasses, enums and times are written as `model.plain` says."""
    write_whole(path, as_text(value))


def as_text(value: Any) -> str:
    """A value as the files of the archive hold it."""
    return json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut: a file's fsync does not cover its directory entry."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
