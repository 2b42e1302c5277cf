"""Reads what configuration management knows of the machines: an Ansible fact cache, one JSON file a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Host, Inventory
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.text import read_json


def read_hosts(folder: Path) -> Inventory:
    """All hosts of a fact cache; a broken file becomes a finding and the others are still read.

    Raises BadParameters when the folder is missing or no host in it can be read.
    """
    if not folder.is_dir():
        raise BadParameters(f"folder of host facts {folder} does not exist: check assessment.hosts in the parameters")
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in ("", ".json"))
    hosts: list[Host] = []
    findings: list[Finding] = []
    for path in files:
        try:
            hosts.append(read_host(path))
        except BadParameters as error:
            findings.append(_unreadable(path, str(error)))
    if not hosts:
        broken = f": {findings[0].message}" if findings else ""
        raise BadParameters(f"no host facts in {folder}{broken}")
    return Inventory(tuple(hosts), tuple(findings))


def read_host(path: Path) -> Host:
    """One fact file, plain or wrapped in ``ansible_facts``; raises BadParameters when it is neither."""
    value = read_json(path, "host facts")
    if isinstance(value, dict) and isinstance(value.get("ansible_facts"), dict):
        value = {**value, **value["ansible_facts"]}
    if not isinstance(value, dict):
        raise BadParameters(f"host facts {path}:1 hold {type(value).__name__}, not a host's facts")
    facts: dict[str, Any] = {str(key).removeprefix("ansible_"): item for key, item in value.items()}
    name = facts.get("hostname") or facts.get("nodename") or path.stem
    return Host(name=str(name), facts=facts, file=str(path))


def _unreadable(path: Path, message: str) -> Finding:
    return Finding(
        check="host-facts",
        title="Host facts cannot be read",
        outcome=Outcome.INCONCLUSIVE,
        severity="warning",
        object=path.stem,
        message=message,
        reason="What this machine does differently is not known, so drift may be missed.",
        file=str(path),
    )
