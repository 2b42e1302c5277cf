"""Ends one instance of the old side by the command that the parameters name; the last act of a migration."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.model import Change, now
from runbook_lib.observe.legacy import look
from runbook_lib.sections import LegacyInstance

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def retire(
    instance: LegacyInstance,
    command: Sequence[str],
    folder: Path,
    patience: timedelta = timedelta(seconds=30),
) -> Change:
    """Run the command for one instance, then see that nothing answers there any more; does nothing when nothing does.

    ``folder`` is the working directory, so that a command may be named from the project's root.
    """
    what = f"retire {instance.name}"
    before = look(instance)
    if not before.answering:
        return Change(what, before, before, False, now(), f"nothing answers at {instance.url}")
    output = _run([part.replace("{instance}", instance.name) for part in command], instance, folder, patience)
    end = time.monotonic() + patience.total_seconds()
    while (after := look(instance)).answering:
        if time.monotonic() >= end:
            raise ChangeFailed(
                f"{instance.name} still answers at {instance.url} after its retire command ended well; "
                "nothing else was retired, look at legacy.retire"
            )
        time.sleep(0.2)
    return Change(what, before, after, True, now(), output[-500:])


def _run(command: list[str], instance: LegacyInstance, folder: Path, patience: timedelta) -> str:
    if not any(instance.name in part for part in command):
        raise BadParameters("legacy.retire: no {instance} in the command; it would not know which instance to end")
    try:
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=patience.total_seconds(), check=False
        )
    except (FileNotFoundError, PermissionError) as error:
        raise BadParameters(f"legacy.retire: {command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ChangeFailed(f"the command that retires {instance.name} did not end in {patience}; look at it") from None
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).strip()[-500:] or "no output"
        raise ChangeFailed(f"the command that retires {instance.name} ended with {ended.returncode}: {said}")
    return _COLOUR.sub("", ended.stdout).strip()  # a kernel makes programs believe in a terminal
