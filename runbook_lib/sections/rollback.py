"""What a rollback needs beyond the knob and the cluster: how the data go back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from runbook_lib.fields import Reference, Span
from runbook_lib.sections.section import Section

Words = Annotated[list[str], Field(min_length=1)]


class DataScript(Section):
    """A script that brings the data back, tried beforehand: it is run only as the dry run passed on it."""

    script: str
    """Path of the script; its digest is what the record of the dry run is about."""
    run: Words = ["{script}"]
    """Command that brings the data back; {script} is replaced by its path."""
    dry_run: Words = ["{script}", "--dry-run"]
    """Command that tries all of it and changes nothing; exit code 0 when it would work."""
    verify: Words = ["{script}", "--verify"]
    """Command that tells where the data are: exit code 0 they are back, 1 they are not, anything else is unknown."""
    environment: dict[str, Reference] = {}
    """Variables that these commands get, by reference."""
    timeout: Span = timedelta(minutes=30)
    good_for: Span = timedelta(days=30)
    """So long a dry run that passed counts."""


class Rollback(Section):
    data: DataScript | None = None
    """None: level data is refused; the data stay as they are."""
