"""checkov in an environment of its own, asked the same as we are: the yardstick of the bench and of a comparison."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

VERSION = "3.3.30"
HOME = Path(__file__).parents[1] / ".tools" / "checkov"
PATIENCE = 600.0


def installed() -> Path | None:
    """The program, installed first if need be; None, with a line that says why, when that cannot be done."""
    program = HOME / "bin" / "checkov"
    if program.exists():
        return program
    try:
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True, capture_output=True, timeout=PATIENCE)
        command = [str(HOME / "bin" / "pip"), "install", "-q", f"checkov=={VERSION}"]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", b"") or str(error).encode()
        print(f"checkov {VERSION} cannot be installed: {detail.decode(errors='replace').strip()[-200:]}")
        return None
    return program


def command(program: Path, folder: Path) -> list[str]:
    """What it takes to check a folder of manifests and nothing else, without a look at the network."""
    options = ["-o", "json", "--compact", "--soft-fail", "--skip-download"]
    return [str(program), "-d", str(folder), "--framework", "kubernetes", *options]


def environment() -> dict[str, str]:
    return {**os.environ, "LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}


def outcomes(program: Path, folder: Path) -> dict[tuple[str, str], bool]:
    """By id and object (Kind/name) whether it passed; an object of which one container fails has failed."""
    done = subprocess.run(
        command(program, folder), env=environment(), capture_output=True, timeout=PATIENCE, check=True
    )
    results: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["results"]
    found: dict[tuple[str, str], bool] = {}
    for part, passed in (("passed_checks", True), ("failed_checks", False)):
        for one in results[part]:
            kind, _, name, *_ = str(one["resource"]).split(".")  # Kind.namespace.name, and more for a derived Pod
            key = (str(one["check_id"]), f"{kind}/{name}")
            found[key] = passed and found.get(key, True)
    return found
