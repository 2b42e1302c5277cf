"""Scheduled jobs on the machines of the old side: what writes by the clock, without any request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from runbook_lib.artefacts import Host
from runbook_lib.observe.command import named, printed
from runbook_lib.sections import LegacyInstance


def jobs_now(instances: Sequence[LegacyInstance], command: Sequence[str] | None, folder: Path) -> dict[str, list[str]]:
    """The lines that the command of ``legacy.silence.jobs`` prints for each machine; nothing without a command.

    Raises BadParameters when it cannot be run or fails: a job that cannot be seen is not gone.
    """
    if command is None:
        return {}
    commands = {one.name: [named(word, one) for word in command] for one in instances}
    return {name: _lines(printed("legacy.silence.jobs", words, folder)) for name, words in commands.items()}


def jobs_in_facts(hosts: Iterable[Host]) -> dict[str, list[str]]:
    """What the host facts say under ``ansible_local.cron``, as old as they are."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        local = host.facts.get("local")
        lines = local.get("cron") if isinstance(local, dict) else None
        if isinstance(lines, list) and lines:
            found[host.name] = [str(line) for line in lines]
    return found


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
