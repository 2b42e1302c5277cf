"""A playbook run for one machine; its recap is what counts, and a run with --check changes nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.act.retire.command import ended
from runbook_lib.errors import ChangeFailed
from runbook_lib.observe.command import named
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import AnsibleRetire

_ROW = re.compile(r"^(?P<host>\S+)\s*:\s+(?P<counts>ok=\d+(?:\s+\w+=\d+)+)\s*$", re.MULTILINE)
# what a configuration or an environment may set, and what the recap is read from
_PLAIN = (
    "env",
    "ANSIBLE_NOCOLOR=1",
    "ANSIBLE_FORCE_COLOR=0",
    "ANSIBLE_STDOUT_CALLBACK=default",
    "ANSIBLE_RETRY_FILES_ENABLED=0",
)
LONGEST = 20_000


@dataclass(frozen=True)
class Played:
    """One run of the playbook: counts by host (ok, changed, unreachable, failed …), and what was printed."""

    instance: str
    check: bool
    recap: dict[str, dict[str, int]]
    output: str

    @property
    def told(self) -> str:
        """The recap in a line."""
        counts = (f"{host}: {' '.join(f'{k}={v}' for k, v in found.items())}" for host, found in self.recap.items())
        return f"{'--check ' if self.check else ''}{'; '.join(counts)}"


def run(instance: LegacyInstance, way: AnsibleRetire, folder: Path, check: bool = False) -> Played:
    """Play it for one machine; ChangeFailed unless the recap names one host and nothing failed on it."""
    code, output, errors = ended(words(instance, way, check), instance, folder, way.timeout)
    played = Played(instance.name, check, recap(output), output[-LONGEST:])
    what = f"{way.playbook}{' --check' if check else ''} for {instance.name}"
    if not played.recap:
        said = _last(errors or output)
        raise ChangeFailed(f"{what} played on no host (exit code {code}): {said}; look at the inventory and at limit")
    if len(played.recap) > 1:
        raise ChangeFailed(f"{what} played on {', '.join(played.recap)}: it must be limited to one machine")
    bad = {k: n for found in played.recap.values() for k, n in found.items() if k in ("failed", "unreachable") and n}
    if code or bad:
        raise ChangeFailed(f"{what} failed (exit code {code}): {played.told}; {_fatal(output) or _last(errors)}"[:700])
    return played


def words(instance: LegacyInstance, way: AnsibleRetire, check: bool) -> list[str]:
    """The command line."""
    found = [*_PLAIN, *way.program, way.playbook]
    if way.inventory is not None:
        found += ["--inventory", way.inventory]
    if way.limit is not None:
        found += ["--limit", named(way.limit, instance)]
    if way.variables:
        found += ["--extra-vars", json.dumps({key: named(value, instance) for key, value in way.variables.items()})]
    return [*found, "--check"] if check else found


def recap(output: str) -> dict[str, dict[str, int]]:
    """The counts that stand below PLAY RECAP, by host; empty when there are none."""
    _, _, table = output.rpartition("PLAY RECAP")
    if "PLAY RECAP" not in output:
        return {}
    rows = ((row["host"], re.findall(r"(\w+)=(\d+)", row["counts"])) for row in _ROW.finditer(table))
    return {host: {name: int(count) for name, count in counts} for host, counts in rows}


def _fatal(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith(("fatal:", "failed:"))]
    return lines[0] if lines else ""


def _last(text: str) -> str:
    return " ".join(text.split())[-400:] or "no output"
