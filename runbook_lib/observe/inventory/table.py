"""Reads a table of applications or machines as a CMDB exports it: each application becomes a profile tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.artefacts import Node
from runbook_lib.model import Finding


@dataclass(frozen=True)
class Table:
    """A tree for each application, in the table's order; each value knows the line that says it."""

    trees: tuple[Node, ...]
    findings: tuple[Finding, ...] = ()


def read_table(path: Path, columns: Mapping[str, str], sheet: str | None = None) -> Table:
    """The applications of a CSV or .xlsx; ``columns`` are key of the profile -> header, ``application`` is a must.

    Raises BadParameters when the file or the column of the application is missing, or no row names one.
    """
    raise NotImplementedError
