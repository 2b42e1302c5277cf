"""The secrets of a run as its runner knows them: those it can read itself, and those that its kernel says it used.

The kernel writes the reference of a secret into the journal before it hands the value to anybody; the runner reads the
same reference. What cannot be read here (a Secret of a cluster that went away) is still seen by what it looks like.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError
from runbook_lib.parameters import Parameters, check
from runbook_lib.record import journal
from runbook_lib.redact import Redactor
from runbook_lib.redact.at_hand import redactor_for


class Hearing:
    """Gives the redactor that knows all that was used so far."""

    def __init__(self, parameters: Parameters, attempt: Path) -> None:
        self._clients = Clients(parameters)
        self._path = attempt / journal.NAME
        self._at = 0
        self._redactor = redactor_for(self._clients)

    def __call__(self) -> Redactor:
        """What is known now; costs a look at the end of the journal."""
        for reference in self._news():
            try:
                self._redactor = self._redactor.knowing(reference, self._clients.secret(reference))
            except (RunbookError, OSError, UnicodeDecodeError):
                continue  # the run itself will say that it is not there
        return self._redactor

    def _news(self) -> Iterator[str]:
        if not self._path.is_file():
            return
        with self._path.open("rb") as stream:
            stream.seek(self._at)
            content = stream.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            if f'"{journal.SECRET}"'.encode() in line:
                yield from _reference(line)


def of_parameters(values: dict[str, Any]) -> Redactor:
    """What is known of a notebook that papermill was given these parameters for; with bad ones, only what shows."""
    known = {key: value for key, value in values.items() if key in Parameters.model_fields and value is not None}
    try:
        return redactor_for(Clients(check(known, "the parameters")))
    except RunbookError:
        return Redactor()  # the notebook itself says what is wrong with them


def _reference(line: bytes) -> Iterator[str]:
    try:
        event = json.loads(line)
        if event["kind"] == journal.SECRET:
            yield str(event["data"]["reference"])
    except (ValueError, KeyError, TypeError):
        return
