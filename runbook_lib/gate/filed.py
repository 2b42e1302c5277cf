"""Where gates lie and how they are read: files in records/<application>/gates/, made once, whole, and never changed.

``<id>.json`` is the question, ``<id>.answer-<n>.json`` with its ``.sig`` an answer, ``<id>.used.json`` says who went on
with it, ``<id>.reminded.json`` that people were told again. Each answer names the sha256 of the one before it.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import BadParameters, RunbookError
from runbook_lib.gate.count import read_answers
from runbook_lib.gate.states import Gate, Question, Use, state_of
from runbook_lib.model import digest, now
from runbook_lib.parameters import Parameters, check
from runbook_lib.trust.identity import signers_of
from runbook_lib.trust.signers import Signers


def gates_folder(records: Path, application: str) -> Path:
    """Where an application's gates are filed."""
    return records / application / "gates"


def read_gate(folder: Path, gate_id: str, signers: Signers | None = None) -> Gate:
    """A gate with its answers and its state; without ``signers``, those of the run that asked it."""
    path = folder / f"{gate_id}.json"
    asked, sha = read_question(path), digest(path.read_bytes())
    files = answer_files(folder, gate_id)
    used, lost = _use(folder / f"{gate_id}.used.json", files)
    if files and signers is None:
        signers = signers_of(parameters_of(folder, asked))
    answers = tuple(read_answers(files, asked, sha, signers, used)) if signers else ()
    return Gate(asked, sha, answers, used, state_of(asked, answers, used, now()), lost)


def all_gates(records: Path, application: str | None = None) -> list[Gate]:
    """Every gate of the archive, oldest first; one that cannot be read is in the state ``unreadable`` and says why."""
    found = [_listed(path) for path in _questions(records, application)]
    return sorted(found, key=lambda gate: (gate.asked.opened_at, gate.id))


def open_gates(records: Path, application: str | None = None) -> list[Gate]:
    """The gates that still matter: not used, rejected or expired, and not asked anew since; oldest first."""
    unused = [path for path in _questions(records, application) if not path.with_suffix(".used.json").exists()]
    found = [_listed(path) for path in unused if not _is_over(path)]
    replaced = {gate.asked.instead_of.partition(" ")[0] for gate in found}
    left = [gate for gate in found if gate.state not in {"expired", "rejected"} and gate.id not in replaced]
    return sorted(left, key=lambda gate: (gate.asked.opened_at, gate.id))


def gate_of(folder: Path, run_id: str) -> Gate | None:
    """The youngest gate that a run asked."""
    ids = [path.stem for path in folder.glob("*.json") if "." not in path.stem and read_question(path).run == run_id]
    gates = sorted((read_gate(folder, gate_id) for gate_id in ids), key=lambda gate: gate.asked.opened_at)
    return gates[-1] if gates else None


def question_files(folder: Path, step: str) -> list[Path]:
    """The questions of a step, oldest first."""
    return sorted(path for path in folder.glob(f"{step}-*.json") if "." not in path.stem)


def parameters_of(folder: Path, asked: Question) -> Parameters:
    """The parameters under which a gate was asked, from the run that asked it; BadParameters without them."""
    paths = sorted((folder.parent / asked.run).glob("attempt-*/parameters.json"))
    for path in paths:
        with contextlib.suppress(ValueError, OSError):
            value = json.loads(path.read_bytes())
            if digest(value) == asked.parameters_digest:
                return check(value, str(path))
    raise BadParameters(f"{folder.parent / asked.run} does not hold the parameters under which {asked.id} was asked")


def answer_files(folder: Path, gate_id: str, ending: str = ".json") -> dict[int, Path]:
    """The answers to a gate, or their signatures, by their numbers, in order; what has another name is none."""
    name = re.compile(re.escape(f"{gate_id}.answer-") + "([1-9][0-9]{0,8})" + re.escape(ending))
    found = {int(match[1]): path for path in folder.iterdir() if (match := name.fullmatch(path.name))}
    return dict(sorted(found.items()))


def _questions(records: Path, application: str | None) -> list[Path]:
    folders = [gates_folder(records, application)] if application else sorted(records.glob("*/gates"))
    return [path for folder in folders for path in sorted(folder.glob("*.json")) if "." not in path.stem]


def _listed(path: Path) -> Gate:
    try:
        return read_gate(path.parent, path.stem)
    except RunbookError as error:
        return _unreadable(path, str(error))


def _unreadable(path: Path, problem: str) -> Gate:
    try:
        asked = read_question(path)
    except RunbookError:
        never = datetime.fromtimestamp(0).astimezone()
        nothing: dict[str, Any] = dict.fromkeys((field.name for field in fields(Question)), "")
        nothing |= {"verdicts": (), "approvers": (), "people": 0, "attempt": 0, "stage": None}
        nothing |= {"opened_at": never, "expires_at": never, "id": path.stem, "application": path.parent.parent.name}
        asked = Question(**nothing)
    return Gate(asked, "", (), None, "unreadable", problem)


def _is_over(path: Path) -> bool:
    """True when the question alone says so; cheap, because an old archive holds many."""
    try:
        return read_question(path).expires_at <= now()
    except RunbookError:
        return False


def read_question(path: Path) -> Question:
    """A question as it was filed; BadParameters when the file does not hold one."""
    if not path.is_file():
        raise BadParameters(
            f"there is no gate {path.stem} in {path.parent}; `runbook status PARAMETERS` says which wait"
        )
    value = _json(path)
    try:
        if value["id"] != path.stem or not all(isinstance(value[key], int) for key in ("people", "attempt")):
            raise ValueError(path.stem)
        times = {key: datetime.fromisoformat(value[key]).astimezone(UTC) for key in ("opened_at", "expires_at")}
        given = {**value, **times, "approvers": tuple(value["approvers"])}
        given["verdicts"] = tuple({**verdict, "name": str(verdict["name"])} for verdict in value["verdicts"])
        return Question(**{field.name: given[field.name] for field in fields(Question)})
    except (KeyError, TypeError, ValueError):
        raise BadParameters(f"{path} is not what was filed: it is no question; find out who changed it") from None


def _use(path: Path, files: dict[int, Path]) -> tuple[Use | None, str]:
    """Who used the gate, and what is wrong with that."""
    if not path.is_file():
        return None, ""
    value = _json(path)
    try:
        used = Use(**{field.name: value[field.name] for field in fields(Use)})
        used = replace(used, answers=tuple(used.answers))
    except (KeyError, TypeError):
        raise BadParameters(f"{path} is not what was filed: it names no run; find out who changed it") from None
    gone = set(used.answers) - {digest(path.read_bytes()) for path in files.values()}
    return used, f"{path.name} names {len(gone)} answers that are not there any more" if gone else ""


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        raise BadParameters(f"{path} is not what was filed: it is no JSON any more; find out who changed it") from None
    if not isinstance(value, dict):
        raise BadParameters(f"{path} is not what was filed: it holds no keys; find out who changed it")
    return value
