"""Throw-away signing keys for tests: a private key for each name, and the file that says what each may sign."""

from __future__ import annotations

import subprocess
from pathlib import Path

from runbook_lib.trust.openssh import program

ROLES = {
    "olga": "runbook-operator",
    "oscar": "runbook-operator",
    "anna": "runbook-approver",
    "ben": "runbook-approver",
    "chloe": "runbook-approver",
    "selma": "runbook-sealer",
}


def make_keys(folder: Path, roles: dict[str, str] | None = None) -> Path:
    """The allowed_signers file in ``folder``; each person's private key lies beside it under the person's name."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{signer_line(make_key(folder, name), name, spaces)}\n" for name, spaces in (roles or ROLES).items()]
    path = folder / "allowed_signers"
    path.write_text("".join(lines))
    return path


def make_key(folder: Path, name: str) -> Path:
    """One more private key, which nobody trusts yet."""
    path = folder / name
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return path


def signer_line(key: Path, name: str, namespaces: str, options: str = "") -> str:
    """A line of an allowed_signers file for that key."""
    more = f",{options}" if options else ""
    return f'{name} namespaces="{namespaces}"{more} {key.with_name(key.name + ".pub").read_text().strip()}'
