"""Who ran it, with which code, in which environment; what is not known is None, never a guess."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("papermill", "nbclient", "ipykernel", "kubernetes", "prometheus-api-client", "pandas", "nbconvert")


def who() -> dict[str, Any]:
    """The account that started the run; nothing proves it yet, so the record says where the name comes from."""
    try:
        import pwd  # the account itself: an environment variable such as USER is anybody's to set

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = getpass.getuser()
    return {"name": name, "source": "account of the operating system", "host": socket.gethostname(), "signed": False}


def code(folder: Path) -> dict[str, Any]:
    """The commit that is checked out and whether tracked files differ from it; both None outside git."""
    sha = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no") if sha else None
    return {"commit": sha or None, "dirty": None if changes is None else bool(changes)}


def versions() -> dict[str, str]:
    """Python, the system and the packages that shape a run."""
    found = {"python": sys.version.split()[0], "system": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
