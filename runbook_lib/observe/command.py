"""Commands that the parameters name: asked for what they print, with a machine's name and address in their places."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from runbook_lib.errors import BadParameters
from runbook_lib.sections import LegacyInstance

PATIENCE = 30.0  # seconds


def named(text: str, instance: LegacyInstance) -> str:
    """The text with the machine's name and host:port in the places of {instance} and {address}."""
    return text.replace("{instance}", instance.name).replace("{address}", urlsplit(instance.url).netloc)


def ran(where: str, words: Sequence[str], folder: Path, patience: float) -> subprocess.CompletedProcess[str]:
    """A command that has ended; ``where`` is the key that names it, ``patience`` in seconds.

    Raises BadParameters when it cannot be started, subprocess.TimeoutExpired when it does not end in time.
    """
    try:
        return subprocess.run(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,  # a program that asks for a password would wait for ever
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            check=False,
        )
    except OSError as error:
        raise BadParameters(f"{where}: {words[0]} cannot be run: {error.strerror}") from None


def printed(where: str, words: Sequence[str], folder: Path, patience: float = PATIENCE) -> str:
    """What a command prints; BadParameters when it cannot be run, does not end in time, or fails."""
    try:
        ended = ran(where, words, folder, patience)
    except subprocess.TimeoutExpired:
        raise BadParameters(f"{where}: {words[0]} did not end in {patience:g} s") from None
    if ended.returncode != 0:
        said = ended.stderr.strip()[-300:] or ended.stdout.strip()[-300:]
        raise BadParameters(f"{where}: {words[0]} ended with {ended.returncode}: {said}")
    return ended.stdout
