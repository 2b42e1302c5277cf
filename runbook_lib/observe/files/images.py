"""Reads a Dockerfile."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.artefacts import Dockerfile
from runbook_lib.errors import BadParameters
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.observe.files.text import read_text


def read_dockerfile(path: Path) -> Dockerfile:
    """The stages of a Dockerfile; raises BadParameters when it is missing or has no FROM."""
    parsed = parse_dockerfile(read_text(path, "Dockerfile"), str(path))
    if not parsed.stages:
        first = next(iter(parsed.findings), None)
        seen = f"line {first.line}: {first.message}" if first else "it is empty"
        raise BadParameters(f"Dockerfile {path} has no usable FROM: {seen}")
    return parsed
