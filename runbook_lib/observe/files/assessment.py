"""Reads what the assessment handed over."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Assessed, Demanded
from runbook_lib.errors import BadParameters
from runbook_lib.observe.files.text import read_json

EVIDENCE = "assessment.json"


def latest_assessment(folder: Path) -> tuple[Assessed, str]:
    """The newest assessment in an application's archive and where it lies; an empty one and "" when there is none."""
    found = sorted(folder.glob(f"*/attempt-*/evidence/{EVIDENCE}"), key=lambda path: path.stat().st_mtime_ns)
    return (read_assessment(found[-1]), str(found[-1])) if found else (Assessed(), "")


def read_assessment(path: Path) -> Assessed:
    """What 01_assessment wrote; raises BadParameters when the file is not one of its."""
    value = read_json(path, "assessment")
    known = {field.name for field in dataclasses.fields(Assessed)}
    if not isinstance(value, dict) or not set(value) <= known:
        raise BadParameters(f"assessment {path} is not what 01_assessment writes: run it again")
    try:
        return Assessed(**{**value, "ports": tuple(value.get("ports", ())), "demands": _demands(value)})
    except (TypeError, KeyError) as error:
        raise BadParameters(f"assessment {path} is not what 01_assessment writes ({error}): run it again") from None


def _demands(value: dict[str, Any]) -> tuple[Demanded, ...]:
    return tuple(
        Demanded(**{**item, "places": tuple(item["places"]), "captured": tuple(item["captured"])})
        for item in value.get("demands", ())
    )
