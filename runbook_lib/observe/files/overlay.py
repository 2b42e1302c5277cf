"""Has the real tool build an overlay, so that nobody learns in the cluster that it does not."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.artefacts import Manifests
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.observe.files.manifests import read_manifests
from runbook_lib.observe.release.rendering import Place
from runbook_lib.sections.release import Rendering


def built(folder: Path, rendering: Rendering, place: Place) -> tuple[Manifests | None, str]:
    """The objects that kustomize or kubectl makes of it; None and why, where there is no tool or it complains."""
    try:
        return read_manifests(folder, rendering, place), "kustomize builds it"
    except (BadParameters, Unreachable) as error:
        return None, f"Not built: {error}"
