"""Which archive a command means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runbook_lib.parameters import project_root

Archive = Annotated[
    Path | None, typer.Option("--records", help="folder of the archive; default: the project's records/")
]


def records_folder(given: Path | None) -> Path:
    """The folder that was given, or the project's own."""
    return given if given is not None else project_root() / "records"
