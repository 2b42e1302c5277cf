"""What people were asked in a run and what they said, from the gate files that its records name.

Only files that a record of the run names are shown: what is answered later belongs to the next attempt, and the page
says the same whenever it is made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.errors import NotTrusted
from runbook_lib.pages.shape import mapping, mappings, text
from runbook_lib.pages.words import instant
from runbook_lib.record.archive import Attempt
from runbook_lib.trust.keys import fingerprint
from runbook_lib.trust.signature import public_key

WORDS = {"approved": "approved", "rejected": "said no", "held": "said: hold", "withdrawn": "took the answer back"}


@dataclass(frozen=True)
class Answer:
    """One answer of one person; ``key`` is the fingerprint of the key that signed it, empty without a signature."""

    by: str
    word: str
    reason: str
    at: str
    role: str
    key: str
    file: str


@dataclass(frozen=True)
class Asked:
    """One question with its evidence and its answers; ``problem`` says why its file does not tell."""

    id: str
    body: dict[str, Any]
    answers: list[Answer]
    used: str
    used_by: str
    problem: str = ""

    @property
    def anchor(self) -> str:
        """Where on the page it stands."""
        return f"gate-{self.id}"

    @property
    def question(self) -> str:
        """What was asked."""
        return text(self.body.get("question")) or self.id

    @property
    def opened(self) -> str:
        """When it was asked."""
        return instant(self.body.get("opened_at"))

    @property
    def may_answer(self) -> str:
        """Who might answer it, and how many had to."""
        names, people = self.body.get("approvers"), self.body.get("people")
        listed = ", ".join(text(name) for name in names) if isinstance(names, list) else ""
        return f"{people} of {listed}" if listed and isinstance(people, int) else listed

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """The evidence that was shown with it."""
        return mappings(self.body.get("verdicts"))


def asked(folder: Path, filed: Sequence[Attempt]) -> list[Asked]:
    """Every question that the records of a run name, in the order they were asked."""
    named: set[str] = set()
    ids: set[str] = set()
    for attempt in filed:
        statement = attempt.statement or {}
        names = [text(one.get("name")) for one in mappings(statement.get("subject"))]
        named |= {name.removeprefix("gates/") for name in names if name.startswith("gates/")}
        ids |= {text(one.get("gate")) for one in mappings(mapping(statement.get("predicate")).get("gates"))}
    known = {name for name in named | {f"{one}.json" for one in ids if one} if "/" not in name}
    return sorted((_asked(folder, one, known) for one in ids if one), key=lambda gate: (gate.opened, gate.id))


def _asked(folder: Path, gate_id: str, named: set[str]) -> Asked:
    body, problem = _read(folder / f"{gate_id}.json") if f"{gate_id}.json" in named else ({}, "its name is no file's")
    files = sorted(name for name in named if name.startswith(f"{gate_id}.answer-") and name.endswith(".json"))
    answers = [_answer(folder, name) for name in sorted(files, key=lambda name: (len(name), name))]  # 2 before 10
    used = _read(folder / f"{gate_id}.used.json")[0] if f"{gate_id}.used.json" in named else {}
    by = ", attempt ".join(filter(None, (text(used.get("run")), text(used.get("attempt")))))
    return Asked(gate_id, body, answers, instant(used.get("at")), by, problem)


def _answer(folder: Path, name: str) -> Answer:
    body, problem = _read(folder / name)
    said = text(body.get("answer"))
    return Answer(
        text(body.get("by")) or "somebody",
        WORDS.get(said, said or problem),
        text(body.get("reason")),
        instant(body.get("at")),
        text(body.get("role")),
        _key(folder / f"{name}.sig"),
        name,
    )


def _key(signature: Path) -> str:
    try:
        return fingerprint(public_key(signature))
    except NotTrusted:
        return ""


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        return mapping(json.loads(path.read_bytes())), ""
    except (OSError, ValueError) as error:
        return {}, f"{path.name} cannot be read: {type(error).__name__}"
