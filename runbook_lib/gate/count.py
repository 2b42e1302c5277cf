"""Which answers count: each is held against its question, the answer before it, and the file of allowed signers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import NotTrusted
from runbook_lib.gate.states import KINDS, Answer, Kind, Question, Use
from runbook_lib.model import digest, plain
from runbook_lib.trust.signature import verify
from runbook_lib.trust.signers import Signers

BOUND = ("application", "phase", "stage", "run", "role", "evidence_digest", "parameters_digest")
"""What an answer repeats of its question, beside the question's own digest."""


def read_answers(
    files: Mapping[int, Path], asked: Question, sha: str, signers: Signers, used: Use | None
) -> Iterator[Answer]:
    """The answers in those files, in order; what does not count says why. ``sha`` is the question's digest."""
    before: str | None = None
    for number, path in files.items():
        content = path.read_bytes()
        answer = _answer(path, content, number, asked, (sha, before), signers)
        before = digest(content)
        if used is not None and before not in used.answers and not answer.problem:
            answer = replace(answer, problem="it was filed after the gate had been used")
        yield answer


def _answer(
    path: Path, content: bytes, number: int, asked: Question, expected: tuple[str, str | None], signers: Signers
) -> Answer:
    """One answer, with the reason why it does not count if it does not."""
    try:
        said = json.loads(content)
        kind: Kind = said["answer"] if said["answer"] in KINDS else "withdrawn"
        by, reason, given_at = (str(said[key]) for key in ("by", "reason", "at"))
        claimed = Answer(number, kind, by, reason, given_at, "", digest(content))
        at = datetime.fromisoformat(given_at).astimezone(UTC)
    except (ValueError, KeyError, TypeError):
        problem = f"{path.name} is not what was filed: it is no answer any more"
        return Answer(number, "withdrawn", "somebody", "", "", "", digest(content), problem)
    try:
        proof = verify(content, path.with_name(f"{path.name}.sig"), signers, asked.role, at)
    except NotTrusted as error:
        return replace(claimed, problem=str(error))
    return replace(claimed, key=proof.fingerprint, problem=_fault(said, proof.name, number, at, asked, expected))


def _fault(
    said: dict[str, Any], signer: str, number: int, at: datetime, asked: Question, expected: tuple[str, str | None]
) -> str:
    """Why a signed answer is none to this question, or empty."""
    sha, before = expected
    if said.get("gate") != asked.id or said.get("gate_digest") != sha:
        return f"{signer} signed it for another question than the one that lies here"
    if other := [key for key in BOUND if said.get(key) != plain(getattr(asked, key))]:
        return f"{signer} signed it for another {other[0].replace('_', ' ')}"
    if said.get("by") != signer:
        return f"it says {said.get('by')!r} and is signed by {signer}"
    if signer == asked.initiator:
        return f"{signer} asked this question and may not answer it"
    if said["answer"] not in KINDS:
        return f"{said['answer']!r} is no answer"
    if said.get("number") != number or said.get("previous") != before:
        return "an answer before it was taken away, changed or moved"
    if not asked.opened_at <= at < asked.expires_at:
        return f"it was given at {said['at']}, when the gate was not open"
    return ""
