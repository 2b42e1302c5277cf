"""Scheduled jobs on the machines of the old side: what writes by the clock, without any request."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from runbook_lib.artefacts import Host
from runbook_lib.errors import BadParameters
from runbook_lib.sections import LegacyInstance

PATIENCE = 30  # seconds


def jobs_now(instances: Sequence[LegacyInstance], command: Sequence[str] | None, folder: Path) -> dict[str, list[str]]:
    """The lines that the command of ``legacy.silence.jobs`` prints for each machine; nothing without a command.

    Raises BadParameters when it cannot be run or fails: a job that cannot be seen is not gone.
    """
    return {} if command is None else {i.name: _printed(i, command, folder) for i in instances}


def jobs_in_facts(hosts: Iterable[Host]) -> dict[str, list[str]]:
    """What the host facts say under ``ansible_local.cron``, as old as they are."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        local = host.facts.get("local")
        lines = local.get("cron") if isinstance(local, dict) else None
        if isinstance(lines, list) and lines:
            found[host.name] = [str(line) for line in lines]
    return found


def _printed(instance: LegacyInstance, command: Sequence[str], folder: Path) -> list[str]:
    address = urlsplit(instance.url).netloc
    words = [word.replace("{instance}", instance.name).replace("{address}", address) for word in command]
    try:
        ended = subprocess.run(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadParameters(f"legacy.silence.jobs: {words[0]} cannot be run: {error}") from None
    if ended.returncode != 0:
        said = ended.stderr.strip()[-300:]
        raise BadParameters(f"legacy.silence.jobs: {words[0]} ended with {ended.returncode}: {said}")
    lines = (line.strip() for line in ended.stdout.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
