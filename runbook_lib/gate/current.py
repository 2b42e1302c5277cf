"""Which gate a run goes on with: the one that it asked before, or none that counts any more and why."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.errors import BadParameters
from runbook_lib.gate.create import as_json, create
from runbook_lib.gate.filed import question_files, read_gate, read_question
from runbook_lib.gate.states import Answer, Gate, Question, approvals, moment
from runbook_lib.model import now
from runbook_lib.record import journal
from runbook_lib.trust.signers import Signers


def current(folder: Path, asked: Question, signers: Signers) -> tuple[Gate | None, str]:
    """The gate of this run and step that counts; else why the last one does not, empty where there was none.

    A rejection is final for the run, whatever is asked now.
    """
    passed_over = ""
    for path in reversed(question_files(folder, step_of(asked))):
        earlier = read_question(path)
        if (earlier.run, earlier.phase, earlier.stage) != (asked.run, asked.phase, asked.stage):
            continue
        filed = read_gate(folder, earlier.id, signers)
        _refuse_changed_question(path, filed, asked)
        why = "" if filed.state == "rejected" else _over(filed, asked)
        if not why:
            return filed, ""
        passed_over = passed_over or f"{filed.id} {why}"
    return None, passed_over


def carried(filed: Gate, runner: str) -> tuple[Answer, ...]:
    """The approvals that carry an attempt of that person; empty while there are too few."""
    given = approvals(filed.answers, but=[runner])
    return given if filed.state in {"approved", "used"} and len(given) >= filed.asked.people else ()


def use(folder: Path, filed: Gate, run_id: str, attempt: int, runner: str) -> None:
    """Note who goes on with which answers, once; call it under the lock."""
    said = {"gate": filed.id, "run": run_id, "attempt": attempt, "by": runner, "at": now()}
    answers = [answer.sha256 for answer in filed.answers]
    create(folder / f"{filed.id}.used.json", as_json({**said, "answers": answers}))


def step_of(asked: Question) -> str:
    """How the names of a step's gates begin."""
    return asked.phase if asked.stage is None else f"{asked.phase}-{asked.stage}"


def _over(filed: Gate, asked: Question) -> str:
    """Why an earlier gate cannot carry what is asked now; empty when it can."""
    if filed.asked.parameters_digest != asked.parameters_digest:
        return "was asked under other parameters"
    if filed.asked.criteria != asked.criteria:
        changed = sorted(set(filed.asked.criteria) ^ set(asked.criteria)) or ["how many there are"]
        return f"was asked on other criteria; different now: {', '.join(changed)}"
    if filed.state == "expired":
        return f"expired at {moment(filed.asked.expires_at)}"
    if filed.state == "used" and not carried(filed, asked.initiator):
        own = f"was approved by {asked.initiator}, who runs this attempt"
        return f"cannot be trusted: {'; '.join(filed.problems)}" if filed.problems else own
    return ""


def _refuse_changed_question(path: Path, filed: Gate, asked: Question) -> None:
    """BadParameters when the question is not what its run wrote down, or asks for fewer than the parameters do."""
    opened = journal.read(path.parent.parent / asked.run / f"attempt-{filed.asked.attempt}")
    noted = [e.data.get("digest") for e in opened if e.kind == "gate_opened" and e.data.get("gate") == filed.id]
    same = filed.asked.parameters_digest == asked.parameters_digest
    lowered = same and (filed.asked.people, filed.asked.role) != (asked.people, asked.role)
    if lowered or (noted and filed.digest not in noted):
        raise BadParameters(f"{path} is not what was filed; find out who changed it")
