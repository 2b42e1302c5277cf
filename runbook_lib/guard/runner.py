"""Is a runner of the application alive and watching? It acts first; the guard stands in for those that do not."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from runbook_lib.record import archive, journal

TICKS = 2
"""A runner that has written nothing for so many ticks does not watch."""
ON_TRAFFIC = ('"phase":"gray_stage"', '"phase":"rollback"')


def watches(home: Path, seconds: float) -> bool:
    """True when an attempt that looks after the users was written to within so many seconds, by a living process.

    A records folder that cannot be read shows nobody: the guard does not wait then.
    """
    young = time.time() - seconds
    with contextlib.suppress(OSError):
        return any(
            path.stat().st_mtime >= young and _looks_after_users(path.parent)
            for path in home.glob(f"*/attempt-*/{journal.NAME}")
            if not (path.parent / archive.RECORD).exists()
        )
    return False


def _looks_after_users(attempt: Path) -> bool:
    with (attempt / journal.NAME).open(encoding="utf-8", errors="replace") as stream:
        first = stream.readline()
    return any(mark in first for mark in ON_TRAFFIC) and journal.is_held(attempt)
