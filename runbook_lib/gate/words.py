"""What stands at a gate, in sentences: the widget, the command line and `runbook status` say the same."""

from __future__ import annotations

from datetime import datetime

from runbook_lib.gate.states import Answer, Gate, approvals, holds, moment, rejection

ENDED = "This is final for the run: mend the cause, then begin the step anew."


def said(answer: Answer) -> str:
    """One answer: who, what, when, why."""
    return f"{answer.by} {answer.kind} at {_time(answer.at)}: {answer.reason}"


def heard(gate: Gate, then: str) -> str:
    """What somebody is told who has just answered: who, what, when, and what to do next."""
    last = gate.answers[-1]
    return f"{last.by} {last.kind} at {_time(last.at)}. {standing(gate, then)}"


def standing(gate: Gate, then: str) -> str:
    """The state of a gate and what to do next; ``then`` is what lets an approved run go on."""
    asked, given = gate.asked, [answer.by for answer in approvals(gate.answers)]
    missing = asked.people - len(given)
    match gate.state:
        case "pending":
            others = [name for name in asked.approvers if name not in given]
            so_far = f", {', '.join(given)} approved" if given else ""
            return f"Waits for {_count(missing)} of {', '.join(others)}{so_far}."
        case "held":
            held = holds(gate.answers)
            why = " and ".join(f"{hold.by} ({hold.reason})" for hold in held)
            who = held[0].by if len(held) == 1 else "each of them"
            return f"Held by {why}. Approvals do not carry until {who} withdraws the hold, approves or rejects."
        case "approved":
            return f"Approved by {', '.join(given)}. {then}"
        case "rejected":
            no = rejection(gate.answers)
            return f"Rejected by {no.by if no else 'somebody'}: {no.reason if no else ''}. {ENDED}"
        case "expired":
            return f"Expired at {moment(asked.expires_at)}, nothing was done. {then} It asks anew."
        case "used":
            who = f"attempt {gate.used.attempt}, run by {gate.used.by}" if gate.used else "its run"
            return f"Approved by {', '.join(given) or 'nobody any more'}, and used by {who}."
    return f"Cannot be read: {gate.problem}"


def time_left(gate: Gate, at: datetime) -> str:
    """How long a gate is still open: ``58 min``."""
    seconds = (gate.asked.expires_at - at).total_seconds()
    if seconds <= 0:
        return "over"
    return f"{seconds / 60:.0f} min left" if seconds < 7200 else f"{seconds / 3600:.0f} h left"


def _count(missing: int) -> str:
    return "one approval" if missing == 1 else f"{missing} approvals"


def _time(text: str) -> str:
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text or "an unknown time"
