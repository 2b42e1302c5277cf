"""Says which machines are whose: by the profile, the machine's own fact, or its Ansible groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from runbook_lib.artefacts import Host, Node
from runbook_lib.model import Finding


@dataclass(frozen=True)
class Assigned:
    """The hosts of each application, and of each of its environments ("" where nobody says)."""

    hosts: dict[str, tuple[Host, ...]]
    environments: dict[str, dict[str, tuple[Host, ...]]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def assign(hosts: Iterable[Host], trees: Iterable[Node]) -> Assigned:
    """Each application's hosts; doubts are findings, an application without a host is a key with none."""
    raise NotImplementedError


def names_of(host: Host) -> tuple[str, ...]:
    """Every name and address a host goes by, lower case, the surest first."""
    raise NotImplementedError
