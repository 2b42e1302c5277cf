"""The gates of one application: asked by their run, answered by others who may, used once and as they were asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.gate.filed import read_gate
from runbook_lib.gate.states import Gate, Use, approvals, rejection
from runbook_lib.model import digest, plain
from runbook_lib.proof.verify.looked import SKEW, Looked, moment
from runbook_lib.proof.verify.report import SPOILT, Remarks
from runbook_lib.sections import Gates
from runbook_lib.trust.signers import Signers

NAME = re.compile(r"(?P<gate>[^.]+)(?:\.answer-[1-9]\d{0,8}\.json(?:\.sig)?|\.(?:used|reminded)\.json|\.json)")
FREE = "rollback"
"""The phase that needs no gate."""


def questions(folder: Path, said: Remarks) -> list[str]:
    """The ids of the gates in a folder; what is no file of a gate is a fault."""
    here = f"{folder.parent.name}/gates"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        found = NAME.fullmatch(name)
        if not found or not (folder / name).is_file() or (folder / name).is_symlink():
            said.fault(f"{here}/{name}", "is no file of a gate")
        elif f"{found['gate']}.json" not in names:
            said.fault(f"{here}/{name}", "belongs to a question that is missing")
        elif name.endswith(".sig") and name.removesuffix(".sig") not in names:
            said.note(f"{here}/{name}", "is a signature of an answer that was never written")
    return [name.removesuffix(".json") for name in names if name.endswith(".json") and name.count(".") == 1]


def look(folder: Path, gate: str, signers: Signers) -> tuple[Gate | None, Remarks]:
    """A gate with its answers held against their signatures; None when it cannot be read."""
    said, here = Remarks(), f"{folder.parent.name}/gates/{gate}"
    try:
        found = read_gate(folder, gate, signers)
    except RunbookError as error:
        said.fault(f"{here}.json", str(error).removeprefix(f"{folder / gate}.json "))
        return None, said
    except SPOILT as error:
        said.fault(f"{here}.json", f"or an answer to it, or its use, is not what was filed: {error}"[:300])
        return None, said
    if found.problem:
        said.fault(f"{here}.used.json", found.problem)
    for answer in found.answers:
        if answer.problem:
            said.fault(f"{here}.answer-{answer.number}.json", answer.problem.removeprefix(f"{folder}/"))
    if digest(list(found.asked.verdicts)) != found.asked.evidence_digest:
        said.fault(f"{here}.json", "shows other evidence than it was asked on")
    return found, said


def check(gates: Sequence[Gate], attempts: Sequence[Looked], said: Remarks) -> None:
    """Hold each gate against the attempts that asked and used it, and each attempt against the gates it needed."""
    known = {(one.run, one.number): one for one in attempts}
    by_id = {gate.id: gate for gate in gates}
    application = attempts[0].application if attempts else ""
    for gate in gates:
        here = f"{application or gate.asked.application}/gates/{gate.id}"
        try:
            _asked(gate, known.get((gate.asked.run, gate.asked.attempt)), here, said)
            if gate.used is not None:
                _used(gate, gate.used, known.get((gate.used.run, gate.used.attempt)), here, said)
        except SPOILT as error:
            said.fault(f"{here}.json", f"or its use is not what was filed: {error}"[:300])
    for one in attempts:
        try:
            for decided in one.gates("gate_decided"):
                _went_through(one, decided, by_id.get(decided["gate"]), said)
            _needed(one, said)
        except SPOILT as error:
            said.fault(one.place, f"cannot be held against its gates: {error}"[:300])


def _asked(gate: Gate, one: Looked | None, here: str, said: Remarks) -> None:
    """The question is the one that its attempt filed, and asks for no less than its parameters do."""
    path, asked = f"{here}.json", gate.asked
    if one is None:
        said.fault(path, f"was asked by {asked.run}/attempt-{asked.attempt}, which is missing")
        return
    if one.state != "filed" or not one.facts:
        return  # said of the attempt already
    noted = [opened.get("digest") for opened in one.gates("gate_opened") if opened["gate"] == gate.id]
    if gate.digest not in noted:
        said.fault(path, f"is not the question that {one.place} filed")
    needs = Gates.model_construct(people=one.asks.get("people") or {}, roles=one.asks.get("roles") or {})
    wanted = {
        "application": one.application,
        "phase": one.facts["phase"],
        "stage": one.facts["weight"],
        "initiator": one.who,
        "parameters_digest": one.parameters_digest,
        "people": needs.needed(asked.phase),
        "role": needs.role(asked.phase),
    }
    for key, value in wanted.items():
        if getattr(asked, key) != value:
            said.fault(path, f"says {key} {getattr(asked, key)!r}, the run that asked says {value!r}")
    if not one.lasted(asked.opened_at) or asked.expires_at - asked.opened_at <= timedelta(0):
        said.fault(path, f"says that it was opened at {plain(asked.opened_at)}, when {one.place} was not going on")


def _used(gate: Gate, used: Use, one: Looked | None, here: str, said: Remarks) -> None:
    """Used by an attempt of the run that asked, on approvals of enough people who neither asked, ran nor filed it."""
    path, at = f"{here}.used.json", moment(used.at)
    if used.run != gate.asked.run:
        said.fault(path, f"is of {used.run}; {gate.asked.run} asked")
    if one is None:
        said.fault(path, f"names {used.run}/attempt-{used.attempt}, which is missing")
        return
    answers = [answer for answer in gate.answers if answer.sha256 in used.answers]
    carried = approvals(answers, but=[used.by])
    if len(carried) < gate.asked.people:
        said.fault(path, f"was used with {len(carried)} approvals that count; {gate.asked.people} were needed")
    if rejection(answers) is not None:
        said.fault(path, "was used after somebody had said no")
    if any(moment(answer.at) > at + SKEW for answer in carried) or not gate.asked.opened_at - SKEW <= at:
        said.fault(path, f"says that it was used at {used.at}, before it was approved")
    if at >= gate.asked.expires_at:
        said.fault(path, f"was used at {used.at}, after it had expired at {plain(gate.asked.expires_at)}")
    if one.state == "filed" and one.facts:
        if used.by != one.who or not one.lasted(at):
            said.fault(path, f"says that {used.by} used it at {used.at}, which {one.place} does not bear out")
        if gate.id not in [decided["gate"] for decided in one.gates("gate_decided")]:
            said.fault(path, f"names {one.place}, which did not go through this gate")


def _went_through(one: Looked, decided: dict[str, Any], gate: Gate | None, said: Remarks) -> None:
    """An attempt went through a gate of its own run, whose files its record names; nobody filed what they approved."""
    record = f"{one.place}/record.json"
    if gate is None or gate.used is None:
        said.fault(record, f"went through the gate {decided['gate']}, which is not there or was never used")
        return
    asked = gate.asked
    if (asked.run, asked.phase, asked.stage) != (one.run, one.facts["phase"], one.facts["weight"]):
        said.fault(record, f"went through the gate {gate.id}, which is of {asked.run}: an approval is used once")
    for name in (f"gates/{gate.id}.json", f"gates/{gate.id}.used.json"):
        if name not in one.subjects:
            said.fault(record, f"went through the gate {gate.id} and does not name {name}")
    answers = [answer for answer in gate.answers if answer.sha256 in gate.used.answers]
    people = {answer.by for answer in approvals(answers)}
    if one.filer in people:
        said.fault(record, f"was filed by {one.filer}, who approved the gate {gate.id} that it went through")
    if one.who in people and len(people - {one.who}) < asked.people:
        said.fault(record, f"was run by {one.who}, who approved the gate {gate.id} that it went through")
    if asked.parameters_digest != one.parameters_digest:
        said.fault(record, f"went through the gate {gate.id}, which was asked under other parameters")


def _needed(one: Looked, said: Remarks) -> None:
    """What `gates.ask` names is not changed without an approved gate."""
    facts = one.facts
    if not facts or facts["dry_run"] or facts["phase"] == FREE:
        return
    step = facts["phase"] if facts["weight"] is None else f"{facts['phase']}:{facts['weight']}"
    changed = any(change["done"] for change in facts["changes"])
    if changed and step in (one.asks.get("ask") or []) and not one.gates("gate_decided"):
        said.fault(one.place, f"changed something at {step}, which waits for people, and went through no gate")
