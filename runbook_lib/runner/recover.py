"""After a crash: what a dead attempt left open is read from the world, and the run goes on or the users come back.

An act on traffic says in its intent which weight it finds and which it makes, so that the knob can be asked. The others
compare first: done again, they tell whether anything was left to do. Each finding is an event `recovered` in the
journal of the attempt that goes on; what has one is settled, what has none is found again by whoever comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.act.level import Wanted, wanted
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.errors import RunbookError, Unreachable
from runbook_lib.model import Event
from runbook_lib.parameters import Parameters
from runbook_lib.record import journal
from runbook_lib.record.archive import Attempt, attempts

KIND = "recovered"
ON_TRAFFIC = frozenset({"gray_stage", "rollback", "decommission", "pilot_deploy"})
"""Phases that pass only when the users are where they say: what was open about traffic before is settled."""


@dataclass(frozen=True)
class Act:
    """Something that was begun and whose result is not known; weights in percent, for an act on traffic.

    ``overtaken``: a later act moved the users since, so that the knob no longer tells about this one.
    """

    attempt: str
    number: str
    what: str
    before: int | None = None
    after: int | None = None
    overtaken: bool = False

    @property
    def asks_the_knob(self) -> bool:
        """True when the weight that stands tells whether it was done."""
        return self.after is not None and not self.overtaken


@dataclass(frozen=True)
class Finding:
    """What became of one act: done, not done, done anew, otherwise (somebody else did), overtaken (by a later one).

    And repeated: the procedure that it belongs to was begun again, which hides what had become of it.
    """

    act: Act
    finding: str
    said: str


@dataclass(frozen=True)
class Recovery:
    """What was found; ``back`` says why the users must go back first, ``waiting`` are acts that are told by redoing."""

    findings: tuple[Finding, ...] = ()
    waiting: tuple[Act, ...] = ()
    back: str = ""

    def __bool__(self) -> bool:
        return bool(self.findings or self.waiting or self.back)


NOTHING = Recovery()
Key = tuple[str, int | None, str | None]


def look(parameters: Parameters) -> Recovery:
    """Read the records, then the world; Unreachable when it cannot be told where the users are."""
    if parameters.dry_run:
        return NOTHING
    acts, trigger = left_open(_known(parameters))
    if not any(act.asks_the_knob for act in acts):
        return judge(acts, trigger, None)
    try:
        return judge(acts, trigger, read_weight(connect(parameters)))
    except RunbookError as error:
        what = ", ".join(act.what for act in acts if act.asks_the_knob)
        raise Unreachable(
            f"not known whether this was done: {what}; {error}; nothing was changed, run `runbook resume` when it "
            "can be read"
        ) from None


def broken_off(parameters: Parameters) -> bool:
    """True when an attempt died and nobody has filed it, or filed it and not looked after it."""
    known = _known(parameters)
    return any(left_open(known)) or any(one.statement is None and one.outcome == "crashed" for one in known)


def owes_rollback(parameters: Parameters) -> bool:
    """True when a run would begin with bringing the users back."""
    return not parameters.dry_run and bool(look(parameters).back)


def brought_back(parameters: Parameters, since: datetime | None = None) -> str:
    """Why nothing goes forward now: after the last step, or since then, somebody began to bring all users back.

    A guard and a person on call do not ask the runner; whether the users go forward again is for a person to say.
    """
    known = [one for one in _known(parameters) if one.outcome != "unreadable" and not one.facts.get("dry_run")]
    found = known[-1:] if since is None else [one for one in known if _begun(one) >= since]
    back = next((one for one in found if one.step == ("rollback", None, "rollback") and one.outcome != "failed"), None)
    if back is None:
        return ""
    said = str(back.facts.get("message") or "it is going on")
    return (
        f"the users were brought back meanwhile ({_name(back.folder)}: {said}); nothing goes forward by itself now: "
        "find the cause, then `runbook run` begins with the first weight"
    )


def _begun(attempt: Attempt) -> datetime:
    try:
        return datetime.fromisoformat(str(attempt.facts.get("started", "")))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _known(parameters: Parameters) -> list[Attempt]:
    folder = parameters.path(parameters.records) / parameters.application.name
    return attempts(folder.parent, folder.name)


def left_open(known: Sequence[Attempt]) -> tuple[tuple[Act, ...], str]:
    """The acts that nobody has looked after yet, oldest first, and why users must be brought back, if they must."""
    acts: list[Act] = []
    trigger, moved, at_rest = "", False, False
    settled: set[tuple[str, str]] = set()
    passed: set[Key] = set()
    for attempt in reversed(known):
        if attempt.facts.get("dry_run") or attempt.outcome in {"running", "unreadable"}:
            continue
        at_rest = at_rest or _at_rest(attempt)
        if attempt.outcome == "passed":
            passed.add(attempt.step)
        elif attempt.step not in passed and attempt.outcome != "rolled_back":
            events = journal.read(attempt.folder)
            settled |= {(e.data["attempt"], e.data["act"]) for e in events if _settles(e)}
            found = [act for act in _unknown(attempt, events, moved) if (act.attempt, act.number) not in settled]
            acts = [act for act in found if act.after is None or not at_rest] + acts
            moved = moved or any(event.data.get("after") is not None for event in events if event.kind == "intent")
            trigger = trigger or ("" if at_rest else _trigger(attempt, events))
        if attempt.facts.get("anew"):
            break
    return tuple(acts), trigger


def judge(acts: Sequence[Act], trigger: str, weight: int | None) -> Recovery:
    """Pure: what the open acts and the weight that stands say together."""
    findings = tuple(_finding(act, weight) for act in acts if act.after is not None)
    strange = next((finding.said for finding in findings if finding.finding == "otherwise"), "")
    return Recovery(findings, tuple(act for act in acts if act.after is None), trigger or strange)


def note(write: Callable[..., Event], found: Recovery) -> None:
    """Write the findings into the journal of the attempt that goes on."""
    for finding in found.findings:
        _write(write, finding)


def asked_for(parameters: Parameters) -> Wanted | None:
    """How far back the last rollback was to go, when it was broken off on the way; None when it was about traffic."""
    from runbook_lib.rollback.traffic import ASKED

    known = [one for one in _known(parameters) if not one.facts.get("dry_run") and one.outcome != "unreadable"]
    if not known or known[-1].step[0] != "rollback" or known[-1].step[2] == "drill" or _at_rest(known[-1]):
        return None
    said = next((e.data for e in reversed(journal.read(known[-1].folder)) if e.kind == ASKED), None)
    return wanted(str(said["level"]), said["to_revision"]) if said is not None else None


def sentences(found: Recovery) -> list[str]:
    """What the operator is told before anything is run."""
    return [
        *(finding.said for finding in found.findings),
        *(f"{_head(act)}: not known whether it was done; what is left of it is done now" for act in found.waiting),
        *([f"the users are brought back first: {found.back}"] if found.back else []),
    ]


def redone(write: Callable[..., Event], found: Recovery, events: Iterable[Event]) -> list[Finding]:
    """The findings about acts that were done anew: a second time there is nothing to do where the first was whole.

    An act of a procedure (``drill: undo``) that found something to do tells nothing of the first time: an attempt
    begins the procedure again, and what was left may be the work of an act before it.
    """
    results = [event.data for event in events if event.kind == "result" and event.data.get("change")]
    findings = []
    for act in found.waiting:
        again = next((data for data in results if data["what"] == act.what), None)
        if again is None:
            continue  # it was not reached: found again by the next attempt
        finding = _told_by(act, again["change"])
        _write(write, finding)
        findings.append(finding)
    return findings


def _at_rest(attempt: Attempt) -> bool:
    return attempt.outcome == "rolled_back" or (attempt.outcome == "passed" and attempt.step[0] in ON_TRAFFIC)


def _settles(event: Event) -> bool:
    """A finding settles an act; a strange weight is settled by the rollback that it leads to."""
    return event.kind == KIND and event.data.get("finding") != "otherwise"


def _unknown(attempt: Attempt, events: Sequence[Event], moved: bool) -> list[Act]:
    """The acts of one attempt without a result; ``moved``: a later attempt moved the users."""
    on_traffic = [event for event in events if event.kind == "intent" and event.data.get("after") is not None]
    return [
        Act(
            _name(attempt.folder),
            str(event.data["act"]),
            str(event.data["what"]),
            event.data.get("before"),
            event.data.get("after"),
            overtaken=event in on_traffic and (moved or event is not on_traffic[-1]),
        )
        for event in journal.open_intents(events)
    ]


def _trigger(attempt: Attempt, events: Sequence[Event]) -> str:
    """Why an attempt that did not end well asks for a rollback: it had found a reason for one, or was one."""
    phase, _, mode = attempt.step
    if phase == "rollback" and mode == "drill":
        return ""
    if phase == "rollback" and attempt.outcome == "failed" and _moved(events):
        return ""  # the users are back; that another level could not be done, whoever asked for it was told
    name = _name(attempt.folder)
    cause = next((str(event.data.get("cause", "")) for event in events if event.kind == "detected"), None)
    if phase == "rollback" and (cause is not None or attempt.outcome == "crashed"):
        return f"the rollback {name} was broken off"
    return f"{name} had found a reason and was broken off: {cause}" if cause is not None else ""


def _moved(events: Sequence[Event]) -> bool:
    """True when the last act on traffic has a result."""
    acts = [event.data["act"] for event in events if event.kind == "intent" and event.data.get("after") is not None]
    done = {event.data["act"] for event in events if event.kind == "result" and event.data.get("change")}
    return bool(acts) and acts[-1] in done


def _finding(act: Act, weight: int | None) -> Finding:
    if act.overtaken:
        return Finding(act, "overtaken", f"{_head(act)}: the users were moved again since; a later act tells")
    stands = f"{_head(act)}: {weight} % of the users are on the new side"
    if weight == act.after:
        return Finding(act, "done", f"{stands}: it was done, the run goes on from there")
    if weight == act.before:
        return Finding(act, "not done", f"{stands}: it was not done, or undone since; it is done anew")
    return Finding(act, "otherwise", f"{stands}: that is neither before nor after it, somebody else changed it")


def _procedure(what: str) -> str:
    """What stands before the colon of an act that is one of several; empty for an act of its own."""
    procedure, colon, _ = what.partition(": ")
    return procedure if colon else ""


def _told_by(act: Act, change: dict[str, object]) -> Finding:
    if change.get("done") and (procedure := _procedure(act.what)):
        said = f"{_head(act)}: the {procedure} was begun again, and this with it; it is done now"
        return Finding(act, "repeated", said)
    if change.get("done"):
        return Finding(act, "done anew", f"{_head(act)}: something was left to do, it is done now")
    return Finding(act, "done", f"{_head(act)}: it had been done, nothing was left to do")


def _head(act: Act) -> str:
    return f"{act.what} (broken off in {act.attempt})"


def _write(write: Callable[..., Event], finding: Finding) -> None:
    act = finding.act
    write(KIND, attempt=act.attempt, act=act.number, what=act.what, finding=finding.finding, said=finding.said)


def _name(attempt: Path) -> str:
    return f"{attempt.parent.name}/{attempt.name}"
