"""Commands that the parameters name: asked for what they print, with a machine's name and address in their places."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from runbook_lib.errors import BadParameters
from runbook_lib.observe.program import ran_alone
from runbook_lib.sections import LegacyInstance

PATIENCE = 30.0  # seconds


def named(text: str, instance: LegacyInstance) -> str:
    """The text with the machine's name and host:port in the places of {instance} and {address}."""
    return text.replace("{instance}", instance.name).replace("{address}", urlsplit(instance.url).netloc)


def ran(where: str, words: Sequence[str], folder: Path, patience: float) -> subprocess.CompletedProcess[str]:
    """A command that has ended; ``where`` is the key that names it, ``patience`` in seconds.

    What it started ends with it when it does not end in time. Raises BadParameters when it cannot be started,
    subprocess.TimeoutExpired when it does not end.
    """
    with _heard() as output, _heard() as errors:
        try:
            code = ran_alone(words, patience, output, errors, folder)
        except OSError as error:
            raise BadParameters(f"{where}: {words[0]} cannot be run: {error.strerror}") from None
        if code is None:
            raise subprocess.TimeoutExpired(words, patience)
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(words, code, output.read(), errors.read())


def _heard() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


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
