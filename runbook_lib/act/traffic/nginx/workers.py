"""nginx' old workers after a reload: they end when the requests that they hold have ended."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping

UNSEEN = 0.3
"""Seconds until new workers must show where several nginx run here and ours may be none of them."""
_TITLE = "nginx: worker process"


def workers() -> dict[int, int]:
    """Process ids of nginx' workers on this machine with their masters'; empty where they cannot be listed."""
    try:
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = (line.split(None, 2) for line in listed.stdout.splitlines())
    return {int(row[0]): int(row[1]) for row in rows if len(row) == 3 and row[2].startswith(_TITLE)}


def drained(before: Mapping[int, int], patience: float) -> str:
    """Wait a moment for the old workers of the master that was reloaded; a sentence when some go on.

    A quiet nginx is through in a tenth of a second; a rollback must not wait for slow downloads.
    """
    if not before:
        return ""
    begin, alone = time.monotonic(), len(set(before.values())) == 1
    while True:
        now = workers()
        ours = {master for worker, master in now.items() if worker not in before}  # who has new ones was reloaded
        old = sum(worker in before and master in ours for worker, master in now.items())
        waited = time.monotonic() - begin
        if (ours and not old) or (not ours and not alone and waited > UNSEEN):
            return ""
        if waited > patience:
            break
        time.sleep(0.03)
    if not ours:
        return "no new workers of nginx were seen: look that it was reloaded"
    many = "1 old worker still serves" if old == 1 else f"{old} old workers still serve"
    return f"{many} what began before the reload, with the old weight"
