"""Where OpenSSH's programs are."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from runbook_lib.errors import Unreachable


def program(name: str) -> str:
    """ssh-keygen or ssh-add from PATH, or beside this Python, where setup puts it on a machine without OpenSSH."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise Unreachable(f"{name} is not on this machine; install openssh-client, nothing was changed")
    return found
