"""A program that ends one machine, run to its end: what it said, or why it failed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from runbook_lib.errors import ChangeFailed
from runbook_lib.observe.command import named, ran
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import CommandRetire

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run(instance: LegacyInstance, way: CommandRetire, folder: Path) -> str:
    """What the command printed; BadParameters when it cannot be run, ChangeFailed when it fails or does not end."""
    code, said, errors = ended([named(word, instance) for word in way.command], instance, folder, way.timeout)
    if code:
        raise ChangeFailed(f"the command that retires {instance.name} ended with {code}: {errors or said}"[:700])
    return said


def ended(words: Sequence[str], instance: LegacyInstance, folder: Path, patience: timedelta) -> tuple[int, str, str]:
    """Exit code, output and errors of a program; BadParameters when it cannot be run, ChangeFailed when it hangs."""
    try:
        done = ran("legacy.retire", words, folder, patience.total_seconds())
    except subprocess.TimeoutExpired:
        raise ChangeFailed(
            f"what retires {instance.name} did not end in {patience}; look whether the machine is there, then run again"
        ) from None
    return done.returncode, _plain(done.stdout), _plain(done.stderr)


def _plain(text: str) -> str:
    return _COLOUR.sub("", text).strip()  # a kernel makes programs believe in a terminal
