"""Has the real tool build an overlay, so that nobody learns in the cluster that it does not."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.artefacts import Manifests
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.observe.files.manifests import read_manifests
from runbook_lib.observe.release.rendering import Place
from runbook_lib.sections.release import Rendering


def built(written: Mapping[str, str], rendering: Rendering, place: Place) -> tuple[Manifests | None, str]:
    """The objects that kustomize or kubectl makes of it; None and why, where there is no tool or it complains.

    In a folder that is gone afterwards: what is kept as evidence says no secret, and would be judged otherwise.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "overlay")
        folder.mkdir()
        for file, text in written.items():
            (folder / file).write_text(text, encoding="utf-8")
        try:
            return read_manifests(folder, rendering, place), "kustomize builds it"
        except (BadParameters, Unreachable) as error:
            return None, f"Not built: {error}"
