"""Verdicts + people's answers -> Decision; never blocks a kernel: no answer yet raises GatePending.

A gate is bound to application, phase, stage, run, the criteria that were judged and the parameters; its approvals are
used once, by that run. The evidence is measured anew whenever the cell is run: it must pass then, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.errors import BadParameters, CannotSign, CriterionFailed, GatePending, GateRejected
from runbook_lib.gate.answer import answer_gate, command, names_at_hand
from runbook_lib.gate.create import as_json, create, locked
from runbook_lib.gate.current import carried, current, use
from runbook_lib.gate.filed import gates_folder, read_gate
from runbook_lib.gate.remind import remind, tell
from runbook_lib.gate.states import Answer, Gate, Kind, Question, approvals, holds, rejection
from runbook_lib.model import Decision, Outcome, Verdict, digest, now, plain, worst
from runbook_lib.record import journal
from runbook_lib.trust.identity import signers_of

if TYPE_CHECKING:
    from runbook_lib.record import Run


def gate(run: Run, question: str, verdicts: Sequence[Verdict], on_yes: str, way_back: str) -> Decision:
    """The decision of the people who may answer, or GatePending, GateRejected, CriterionFailed.

    The evidence must be all PASS to be asked about at all: unknown means hold. A step that ``gates.ask`` does not name,
    and a dry run, pass without a person, and the record says so.
    """
    verdicts = [replace(verdict, message=run.redacted(verdict.message)) for verdict in verdicts]
    question, on_yes, way_back = (run.redacted(text) for text in (question, on_yes, way_back))
    _refuse_bad_evidence(verdicts)
    p = run.parameters
    step = run.phase if run.stage is None else f"{run.phase}:{run.stage}"
    if p.dry_run or step not in p.gates.ask:
        why = "dry run, nothing will be changed" if p.dry_run else "gates.ask does not name this step"
        return Decision("", True, "nobody was asked", now(), why, digest(list(verdicts)))
    asked = _question(run, step, question, verdicts, on_yes, way_back)
    folder = gates_folder(p.path(p.records), p.application.name)
    filed, given = _filed(run, folder, asked)
    if filed.id == asked.id:
        run.event(
            "gate_opened", gate=filed.id, question=question, digest=filed.digest, instead_of=filed.asked.instead_of
        )
    elif not given and filed.asked.attempt != run.number:
        run.event("gate_read", gate=filed.id, state=filed.state)  # so that this record, too, names the answers
    _tell(run, folder, filed, opened=filed.id == asked.id)
    _show(run, folder, filed)
    return _decide(run, filed, given, asked)


def _filed(run: Run, folder: Path, asked: Question) -> tuple[Gate, tuple[Answer, ...]]:
    """The gate that this run goes on with, or the question filed anew; with the approvals that it uses, if any."""
    signers = signers_of(run.parameters)
    with locked(folder):
        found, passed_over = current(folder, asked, signers)
        if found is None:
            create(folder / f"{asked.id}.json", as_json(replace(asked, instead_of=passed_over)))
        filed = found or read_gate(folder, asked.id, signers)
        given = carried(filed, asked.initiator)
        if given:
            use(folder, filed, run.run_id, run.number, asked.initiator)
            filed = read_gate(folder, filed.id, signers)
        return filed, given


def _question(run: Run, step: str, question: str, verdicts: Sequence[Verdict], on_yes: str, way_back: str) -> Question:
    """What would be asked now; CannotSign or BadParameters when it could not be asked or answered."""
    p, opened = run.parameters, now()
    role, people, who = p.gates.role(run.phase), p.gates.needed(run.phase), _operator(run)
    signers = signers_of(p)
    approvers = tuple(name for name in signers.names(role, opened) if name != who)
    if len(approvers) < people:
        found = ", ".join(approvers) or "nobody"
        raise BadParameters(
            f"{step} needs {people} in the role {role} beside {who}, who runs it; {signers.path} names {found}"
        )
    evidence = digest(list(verdicts))
    return Question(
        id=f"{step.replace(':', '-')}-{opened:%Y%m%dt%H%M%S%f}-{digest([run.run_id, evidence])[:8]}",
        application=p.application.name,
        phase=run.phase,
        stage=run.stage,
        run=run.run_id,
        attempt=run.number,
        initiator=who,
        question=question,
        on_yes=on_yes,
        way_back=way_back,
        verdicts=tuple(plain(list(verdicts))),
        evidence_digest=evidence,
        parameters_digest=digest(p.model_dump(mode="json")),
        role=role,
        approvers=approvers,
        people=people,
        opened_at=opened,
        expires_at=opened + p.gates.expires,
    )


def _operator(run: Run) -> str:
    """Who runs this attempt, as its record will be signed."""
    who: dict[str, Any] = next((e.data["who"] for e in journal.read(run.attempt) if e.kind == "started"), {})
    if not who.get("signed"):
        raise CannotSign(f"no key stands behind {run.attempt}, so nobody can ask; load an operator's with ssh-add")
    return str(who["name"])


def _tell(run: Run, folder: Path, filed: Gate, opened: bool) -> None:
    """Tell the webhook that a gate waits, or once more before it expires; who is deaf is noted, and stops nothing."""
    if run.parameters.gates.webhook is None:
        return
    told = tell(run.connect(), filed, "opened") if opened else remind(run.connect(), folder, filed)
    if told is not None:
        run.event("notified", gate=filed.id, **told)


def _show(run: Run, folder: Path, filed: Gate) -> None:
    """The evidence and the answers so far; buttons only where somebody may sit before them."""
    from runbook_lib.show.gate import show_gate  # the command line answers gates and shows none

    def answer(kind: Kind, reason: str, name: str) -> Gate:
        return answer_gate(folder, filed.id, kind, reason, name, run.parameters)

    headless = run.on_finish is None  # the runner's kernel, which ends as soon as the question is filed
    names = () if headless else names_at_hand(run.parameters, filed.asked)
    show_gate(filed, names, None if headless else answer, command(run.parameters, filed.id), "Run this cell again.")


def _decide(run: Run, filed: Gate, given: Sequence[Answer], asked: Question) -> Decision:
    if (no := rejection(filed.answers)) is not None:
        raise GateRejected(f"{no.by} said no to {filed.id}: {no.reason}")
    if not given:
        raise GatePending(_awaited(run, filed, asked.initiator))
    by, reason = ", ".join(a.by for a in given), "; ".join(a.reason for a in given)
    decision = Decision(filed.id, True, by, now(), reason, filed.asked.evidence_digest)
    run.event(
        "gate_decided",
        **plain(decision),
        answers=plain(list(given)),
        evidence_now=asked.evidence_digest,
        criteria=list(asked.criteria),
    )
    return decision


def _awaited(run: Run, filed: Gate, runner: str) -> str:
    """What is waited for, and what to do, in a sentence."""
    asked = filed.asked
    bad = "".join(f"; {problem}" for problem in filed.problems)
    if stopped := [hold for hold in holds(filed.answers) if filed.state == "held"]:
        who = " and ".join(f"{hold.by} ({hold.reason})" for hold in stopped)
        way = command(run.parameters, filed.id, "withdraw")
        return f"{asked.question} is held by {who}; the hold ends when they approve, reject, or say: {way}{bad}"
    given = [answer.by for answer in approvals(filed.answers)]
    missing = asked.people - len(set(given) - {runner})
    others = [name for name in asked.approvers if name not in {runner, *given}]
    own = f"; {runner} approved it and runs this attempt, so that does not count" if runner in given else ""
    anew = f"; asked anew: {asked.instead_of}" if asked.instead_of else ""
    way = command(run.parameters, filed.id)
    return f"{asked.question} waits for {missing} of {', '.join(others)}{own}{anew}{bad}; answer with: {way}"


def _refuse_bad_evidence(verdicts: Iterable[Verdict]) -> None:
    verdicts = list(verdicts)
    if worst(verdicts) is Outcome.PASS:
        return
    bad = next((v for v in verdicts if v.outcome is worst(verdicts)), None)
    said = f"{bad.name}: {bad.message}" if bad else "nothing was measured"
    raise CriterionFailed(f"nobody is asked while the evidence does not pass; {said}")
