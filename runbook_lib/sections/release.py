"""The sections about the release that a pilot deploy applies: how it is rendered, and whose some of its fields are."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.fields import Duration
from runbook_lib.sections.section import Section


class Rendering(Section):
    """How a kustomization or a Helm chart becomes objects; files of plain objects need none of it."""

    kustomize: str | None = None
    """kustomize or kubectl, by name or path; None: whichever is on PATH, kustomize first."""
    helm: str = "helm"
    """helm, by name or path."""
    release: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$")] | None = None
    """Name of the Helm release; None: the application's."""
    values: list[str] = []
    """Values files for the chart, a later one wins over an earlier one."""
    hooks: Literal["refuse", "leave out"] = "refuse"
    """What becomes of a chart's hooks, which nobody runs here; its tests are left out in any case."""
    timeout: Duration = timedelta(minutes=1)
    """How long the tool may take."""


class FieldRule(Section):
    """What to do about fields that the manifests set and another field manager owns."""

    object: Annotated[str, Field(pattern=r"^[A-Za-z0-9*?]+/[-.:a-z0-9*?]+$")]
    """``Kind/name``; * stands for any characters."""
    field: Annotated[str, Field(pattern=r"^\.[A-Za-z]\S*$")]
    """A path as the conflict names it, like .spec.replicas; everything below it is meant, too."""
    decision: Literal["leave", "take"]
    """leave: it is left out of what is applied, its owner keeps it. take: it is ours from now on."""
    reason: Annotated[str, Field(min_length=8)]
    """Why; it stands in the record."""
