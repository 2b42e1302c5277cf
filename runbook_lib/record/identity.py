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

from runbook_lib.errors import BadParameters, CannotSign, Unreachable
from runbook_lib.parameters import Parameters
from runbook_lib.trust.identity import me
from runbook_lib.trust.signers import OPERATOR

PACKAGES = ("papermill", "nbclient", "ipykernel", "kubernetes", "prometheus-api-client", "pandas", "nbconvert")


def who(parameters: Parameters, phase: str) -> dict[str, Any]:
    """Who starts a run: the person whose key will sign its record; CannotSign when no operator's key is at hand.

    A dry run and a rollback go on without a key: then it is the account, which proves nothing, and the record says so.
    """
    here = {"host": socket.gethostname(), "account": _account()}
    try:
        operator = me(parameters, OPERATOR)
    except (CannotSign, BadParameters, Unreachable):
        if not (parameters.dry_run or phase == "rollback"):
            raise
        return {"name": here["account"], "source": "account of the operating system", "signed": False, **here}
    source = f"SSH key {operator.key.fingerprint} in {parameters.gates.allowed_signers}"
    return {"name": operator.name, "source": source, "signed": True, **here}


def _account() -> str:
    try:
        import pwd  # the account itself: an environment variable such as USER is anybody's to set

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return getpass.getuser()


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
