"""Reads a folder of profiles: plain YAML, one file an application."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.artefacts import Node
from runbook_lib.model import Finding


@dataclass(frozen=True)
class Profiles:
    """The profile of each application by its name, and a finding for each file that could not be read."""

    trees: dict[str, Node] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read_profiles(folder: Path) -> Profiles:
    """Every .yaml and .yml of a folder. Raises BadParameters when the folder is missing."""
    raise NotImplementedError
