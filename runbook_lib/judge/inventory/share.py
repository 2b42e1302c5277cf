"""Says what of the machines' use is whose, where several applications share a machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runbook_lib.artefacts import Host
from runbook_lib.model import Finding

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shares:
    """The use of each application (columns as read_usage gives them); none where it cannot be told apart."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def share(
    hosts: Mapping[str, tuple[Host, ...]], machines: pd.DataFrame, processes: pd.DataFrame | None = None
) -> Shares:
    """The use of each application: of its machines, or of its process where it is not alone on one."""
    raise NotImplementedError
