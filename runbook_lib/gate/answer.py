"""A person's answer, signed with that person's key: the buttons, the command line and the control room end here."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path

from runbook_lib.errors import BadParameters, CannotSign
from runbook_lib.gate.count import BOUND
from runbook_lib.gate.create import as_json, create, locked
from runbook_lib.gate.filed import answer_files, parameters_of, read_gate, read_question
from runbook_lib.gate.states import Gate, Kind, Question, refusal
from runbook_lib.model import now, plain
from runbook_lib.parameters import Parameters
from runbook_lib.redact import Redactor
from runbook_lib.trust.identity import Identity, at_hand, me, signers_of
from runbook_lib.trust.signature import sign, verify
from runbook_lib.trust.signers import Signers

TRIES = 5  # somebody else answered meanwhile: what was signed names the answer before it, and must be signed anew


def answer_gate(
    folder: Path, gate_id: str, kind: Kind, reason: str, name: str | None = None, parameters: Parameters | None = None
) -> Gate:
    """File an answer and return the gate with it; BadParameters or CannotSign when the gate or the moment forbid it.

    ``name`` chooses among those whose keys are at hand; ``parameters`` default to those of the run that asked.
    """
    if not reason.strip():
        raise BadParameters(f"an answer to {gate_id} needs a reason")
    for _ in range(TRIES):
        p = parameters or parameters_of(folder, read_question(folder / f"{gate_id}.json"))
        filed = read_gate(folder, gate_id, signers_of(p))
        who = _signer(p, filed, kind, name)
        if _file(folder, filed, kind, Redactor().text(reason.strip()), who, signers_of(p)):
            return read_gate(folder, gate_id, signers_of(p))
    raise BadParameters(f"others answer {gate_id} all the time; look at what they say, then try again")


def names_at_hand(parameters: Parameters, asked: Question) -> tuple[str, ...]:
    """Who may answer with a key that is here."""
    return tuple(one.name for one in at_hand(parameters, asked.role) if one.name != asked.initiator)


def command(parameters: Parameters, gate_id: str, verb: str = "approve") -> str:
    """What to type where the key is."""
    usual = parameters.records == Parameters.model_fields["records"].default
    where = "" if usual else f" --records {shlex.quote(parameters.records)}"
    return f"runbook {verb} {gate_id} --reason WHY{where}"


def _signer(parameters: Parameters, filed: Gate, kind: Kind, name: str | None) -> Identity:
    """Whose answer it will be; who asked cannot answer, also when no other key is here."""
    moment = now()
    if name is not None and (no := refusal(filed, kind, name, moment)):
        raise BadParameters(no)
    try:
        who = me(parameters, filed.asked.role, name, other_than=[filed.asked.initiator])
    except CannotSign as error:
        raise CannotSign(f"{filed.asked.initiator} asked {filed.id}, others answer it: {error}") from None
    if no := refusal(filed, kind, who.name, moment):
        raise BadParameters(no)
    return who


def _file(folder: Path, filed: Gate, kind: Kind, reason: str, who: Identity, signers: Signers) -> bool:
    """Sign, then write under the lock; False when the gate is not what was signed for any more.

    The signature is written first: what dies in between leaves a signature of nothing, whose number is not used again.
    """
    before = filed.answers[-1].sha256 if filed.answers else None
    number = _next_number(folder, filed.id)
    at = now()
    content = as_json(_body(filed, kind, reason, who.name, at, number, before))
    signature = sign(content, who.key, filed.asked.role)
    with locked(folder):
        still = read_gate(folder, filed.id, signers)
        if no := refusal(still, kind, who.name, now()):
            raise BadParameters(no)
        if still.answers != filed.answers or still.used != filed.used or _next_number(folder, filed.id) != number:
            return False
        path = folder / f"{filed.id}.answer-{number}.json"
        beside = path.with_name(f"{path.name}.sig")
        create(beside, signature.encode())
        verify(content, beside, signers, filed.asked.role, at)
        return create(path, content)


def _body(
    filed: Gate, kind: Kind, reason: str, by: str, at: datetime, number: int, before: str | None
) -> dict[str, object]:
    bound = {key: plain(getattr(filed.asked, key)) for key in BOUND}
    said = {"gate": filed.id, **bound, "answer": kind, "by": by, "reason": reason, "at": plain(at)}
    return {**said, "gate_digest": filed.digest, "number": number, "previous": before}


def _next_number(folder: Path, gate_id: str) -> int:
    """One more than the last answer, or than the last signature of an answer that was never written."""
    return 1 + max([0, *answer_files(folder, gate_id), *answer_files(folder, gate_id, ".json.sig")])
