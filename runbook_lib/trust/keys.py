"""The SSH keys that can sign here: named files, the agent (which holds hardware keys, too), and ~/.ssh."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.errors import Unreachable
from runbook_lib.trust.openssh import program

VARIABLE = "RUNBOOK_SIGNING_KEY"
USUAL = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
PATIENCE = 10.0  # seconds


@dataclass(frozen=True)
class Key:
    """A key that may be able to sign; ``public`` is its type and base64, ``path`` None when only the agent has it."""

    public: str
    path: Path | None
    source: str

    @property
    def fingerprint(self) -> str:
        """``SHA256:…`` as ssh-keygen -l prints it."""
        return fingerprint(self.public)


def fingerprint(public: str) -> str:
    """``SHA256:…`` of a public key given as type and base64."""
    blob = base64.b64decode(public.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def keys_at_hand(named: Sequence[Path], environment: Mapping[str, str]) -> list[Key]:
    """Every key found, each once: the named files, those of RUNBOOK_SIGNING_KEY, the agent's, those of ~/.ssh."""
    variable = [Path(part).expanduser() for part in environment.get(VARIABLE, "").split(os.pathsep) if part]
    home = [Path(environment["HOME"]) / ".ssh" / name for name in USUAL] if "HOME" in environment else []
    found: dict[str, Key] = {}
    for key in (
        *_files(named, "gates.keys"),
        *_files(variable, VARIABLE),
        *(_agent() if "SSH_AUTH_SOCK" in environment else ()),
        *_files(home, "~/.ssh"),
    ):
        found.setdefault(key.public, key)
    return list(found.values())


def _files(paths: Iterable[Path], source: str) -> Iterator[Key]:
    for path in paths:
        public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
        text = _read(public) if public.is_file() else _derived(path)
        if text is not None:
            yield Key(text, path, source)


def _read(path: Path) -> str | None:
    try:
        return _public(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _derived(path: Path) -> str | None:
    """The public half of a private key without a passphrase, where no .pub lies beside it."""
    return _public(_said("ssh-keygen", "-y", "-P", "", "-f", str(path))) if path.is_file() else None


def _agent() -> Iterator[Key]:
    for line in _said("ssh-add", "-L").splitlines():
        if (public := _public(line)) is not None:
            yield Key(public, None, "the ssh agent")


def _public(text: str) -> str | None:
    found = re.match(r"\s*((?:ssh|ecdsa|sk)-\S+)\s+([A-Za-z0-9+/]+=*)", text)
    return f"{found[1]} {found[2]}" if found else None


def _said(name: str, *arguments: str) -> str:
    try:
        command = [program(name), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired, Unreachable):
        return ""
    return done.stdout if done.returncode == 0 else ""
