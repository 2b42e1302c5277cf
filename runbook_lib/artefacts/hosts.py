"""Machines as their configuration management saw them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook_lib.model import Finding


@dataclass(frozen=True)
class Host:
    """One machine as its configuration management saw it; ``facts`` keeps Ansible's names without ``ansible_``."""

    name: str
    facts: dict[str, Any]
    file: str


@dataclass(frozen=True)
class Inventory:
    """The hosts that could be read, and a finding for each file that could not."""

    hosts: tuple[Host, ...]
    findings: tuple[Finding, ...] = ()
