"""Throw-away SSH keys for rehearsals: an operator, two approvers, and somebody who seals; made once, then kept."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from runbook_lib.errors import Unreachable
from runbook_lib.trust.openssh import program
from runbook_lib.trust.signers import APPROVER, OPERATOR, SEALER, namespace

PEOPLE = {
    "operator": ("practice-operator", OPERATOR),
    "approver": ("practice-approver", APPROVER),
    "second-approver": ("second-approver", APPROVER),
    "sealer": ("practice-sealer", SEALER),
}
"""File of the key -> who it is, and the role that the allowed_signers file gives them."""
SIGNERS = "allowed_signers"


def make(ranges: Path) -> Path:
    """The folder ``keys`` below the folder of the ranges; keys that are there are kept, so that old records verify."""
    folder = ranges / "keys"
    if (folder / SIGNERS).is_file():
        return folder
    ranges.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".keys-", dir=ranges))
    try:
        lines = [_make_one(temporary / file, *person) for file, person in PEOPLE.items()]
        (temporary / SIGNERS).write_text("# Practice only: the private keys lie beside this file.\n" + "".join(lines))
        temporary.rename(folder)
    except OSError:
        if not (folder / SIGNERS).is_file():  # another range made them meanwhile: theirs are as good
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _make_one(path: Path, name: str, role: str) -> str:
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", f"{name}, practice only", "-f", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unreachable(f"ssh-keygen makes no key ({error}): sudo apt install openssh-client") from None
    return f'{name} namespaces="{namespace(role)}" {path.with_name(path.name + ".pub").read_text()}'
