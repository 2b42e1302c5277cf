"""Verdicts + a person's answer -> Decision; never blocks a kernel: no answer yet raises GatePending.

A gate is a file in records/<application>/gates/. It is bound to application, phase, stage, the digest of the evidence
that was shown and the digest of the parameters; an answer is a file beside it, and an approval is used once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runbook_lib.errors import BadParameters, CriterionFailed, GatePending, GateRejected
from runbook_lib.model import Decision, Outcome, Verdict, digest, now, plain, worst
from runbook_lib.show.gate import show_gate
from runbook_lib.trust.identity import signers_of

if TYPE_CHECKING:
    from runbook_lib.parameters import Parameters
    from runbook_lib.record import Run

Answer = Literal["approved", "rejected"]


def gate(run: Run, question: str, verdicts: Sequence[Verdict], on_yes: str, way_back: str) -> Decision:
    """The decision of the people who may answer, or GatePending, GateRejected, CriterionFailed.

    The evidence must be all PASS to be asked about at all: unknown means hold. A step that ``gates.ask`` does not name,
    and a dry run, pass without a person, and the record says so.
    """
    _refuse_bad_evidence(verdicts)
    p = run.parameters
    step = run.phase if run.stage is None else f"{run.phase}:{run.stage}"
    if p.dry_run or step not in p.gates.ask:
        why = "dry run, nothing will be changed" if p.dry_run else "gates.ask does not name this step"
        return Decision("", True, "nobody was asked", now(), why, digest(list(verdicts)))
    folder = gates_folder(p.path(p.records), p.application.name)
    filed = _open_gate(folder, step, digest(p.model_dump(mode="json")), run.run_id)
    if filed is None:
        filed = _file(folder, run, step, question, verdicts, on_yes, way_back)
        run.event("gate_opened", gate=filed["id"], question=question)
    show_gate(filed, lambda answer, by, reason: answer_gate(folder, filed["id"], answer, by, reason))
    return _decide(folder, filed, run)


def answer_gate(folder: Path, gate_id: str, answer: Answer, by: str, reason: str) -> dict[str, Any]:
    """File a person's answer; BadParameters when the gate, the person or the moment does not allow it."""
    filed = read_gate(folder, gate_id)
    if by not in filed["approvers"]:
        raise BadParameters(f"{by!r} may not answer {gate_id}; allowed are {', '.join(filed['approvers'])}")
    if not reason.strip():
        raise BadParameters(f"an answer to {gate_id} needs a reason")
    if _expired(filed):
        raise BadParameters(f"{gate_id} expired at {filed['expires_at']}; run the stage again to ask anew")
    if filed["state"] != "pending":
        raise BadParameters(f"{gate_id} is already {filed['state']}")
    said = {
        "gate": gate_id,
        "answer": answer,
        "by": by,
        "reason": reason.strip(),
        "at": plain(now()),
        "gate_digest": filed["digest"],
        "evidence_digest": filed["evidence_digest"],
    }
    if not _create(folder / f"{gate_id}.answer-{digest(by)[:8]}.json", said):
        raise BadParameters(f"{by!r} has already answered {gate_id}")
    return said


def read_gate(folder: Path, gate_id: str) -> dict[str, Any]:
    """A filed gate with its answers, its digest and its state: pending, approved, rejected, expired or used."""
    path = folder / f"{gate_id}.json"
    if not path.is_file():
        raise BadParameters(f"there is no gate {gate_id} in {folder}; `runbook status` lists those that wait")
    filed: dict[str, Any] = {**_json(path), "digest": digest(path.read_bytes())}
    answers = [_json(f) for f in sorted(folder.glob(f"{gate_id}.answer-*.json"))]
    filed["answers"] = [a for a in answers if a["gate_digest"] == filed["digest"] and a["by"] in filed["approvers"]]
    used = folder / f"{gate_id}.used.json"
    filed["used_by"] = _json(used)["run"] if used.is_file() else None
    filed["state"] = _state(filed)
    return filed


def all_gates(records: Path, application: str | None = None) -> list[dict[str, Any]]:
    """Every gate of the archive, oldest first."""
    folders = [gates_folder(records, application)] if application else sorted(records.glob("*/gates"))
    ids = [(folder, path.stem) for folder in folders for path in folder.glob("*.json") if "." not in path.stem]
    return sorted((read_gate(folder, gate_id) for folder, gate_id in ids), key=lambda g: str(g["opened_at"]))


def gates_folder(records: Path, application: str) -> Path:
    """Where an application's gates are filed."""
    return records / application / "gates"


def _refuse_bad_evidence(verdicts: Sequence[Verdict]) -> None:
    if worst(verdicts) is Outcome.PASS:
        return
    bad = next((v for v in verdicts if v.outcome is worst(verdicts)), None)
    said = f"{bad.name}: {bad.message}" if bad else "nothing was measured"
    raise CriterionFailed(f"nobody is asked while the evidence does not pass; {said}")


def _state(filed: dict[str, Any]) -> str:
    if any(a["answer"] == "rejected" for a in filed["answers"]):
        return "rejected"
    if filed["used_by"]:
        return "used"
    if len({a["by"] for a in filed["answers"]}) >= filed["people"]:
        return "approved" if not _expired(filed) else "expired"
    return "expired" if _expired(filed) else "pending"


def _expired(filed: dict[str, Any]) -> bool:
    return now() >= datetime.fromisoformat(filed["expires_at"])


def _open_gate(folder: Path, step: str, parameters_digest: str, run_id: str) -> dict[str, Any] | None:
    """The youngest gate of this step and these parameters that still counts for this run."""
    for path in sorted(folder.glob(f"{step.replace(':', '-')}-*.json"), reverse=True):
        if "." in path.stem:
            continue
        filed = read_gate(folder, path.stem)
        if filed["parameters_digest"] != parameters_digest or filed["run"] != run_id:
            continue
        if filed["state"] in {"pending", "approved", "rejected", "used"}:
            return filed
    return None


def _file(
    folder: Path, run: Run, step: str, question: str, verdicts: Sequence[Verdict], on_yes: str, way_back: str
) -> dict[str, Any]:
    p: Parameters = run.parameters
    opened = now()
    evidence = digest(list(verdicts))
    gate_id = f"{step.replace(':', '-')}-{opened:%Y%m%dt%H%M%S%f}-{evidence[:8]}"
    filed = {
        "id": gate_id,
        "application": p.application.name,
        "phase": run.phase,
        "stage": run.stage,
        "run": run.run_id,
        "question": question,
        "on_yes": on_yes,
        "way_back": way_back,
        "verdicts": plain(list(verdicts)),
        "evidence_digest": evidence,
        "parameters_digest": digest(p.model_dump(mode="json")),
        "approvers": list(signers_of(p).names(p.gates.role(run.phase), opened)),
        "people": p.gates.needed(run.phase),
        "opened_at": plain(opened),
        "expires_at": plain(opened + p.gates.expires),
    }
    folder.mkdir(parents=True, exist_ok=True)
    _create(folder / f"{gate_id}.json", filed)
    return read_gate(folder, gate_id)


def _decide(folder: Path, filed: dict[str, Any], run: Run) -> Decision:
    state, said = filed["state"], filed["answers"][-1] if filed["answers"] else None
    if state == "rejected":
        no = next(a for a in filed["answers"] if a["answer"] == "rejected")
        raise GateRejected(f"{no['by']} said no to {filed['id']}: {no['reason']}")
    if state == "used" and filed["used_by"] != run.run_id:
        raise GatePending(f"{filed['id']} was already used by {filed['used_by']}; run the stage again to ask anew")
    if said is None or state not in {"approved", "used"}:
        missing = filed["people"] - len(filed["answers"])
        raise GatePending(
            f"{filed['question']} waits for {missing} of {', '.join(filed['approvers'])}; "
            f"answer with: runbook approve {filed['id']} --by NAME --reason WHY"
        )
    _create(folder / f"{filed['id']}.used.json", {"run": run.run_id, "at": plain(now())})
    by = ", ".join(a["by"] for a in filed["answers"])
    decision = Decision(filed["id"], True, by, now(), said["reason"], filed["evidence_digest"])
    run.event("gate_decided", **plain(decision))
    return decision


def _json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError:
        raise BadParameters(f"{path} is not what was filed: it is no JSON any more; find out who changed it") from None
    return value


def _create(path: Path, value: dict[str, Any]) -> bool:
    """Write a new file, whole or not at all; False when it is already there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True
