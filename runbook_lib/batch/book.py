"""The batch's own attempt: what was begun about which member, on the disk before it is done, and its record.

A transaction is a run of the archive, beside those of applications; each try at it is an attempt. Where the archive
cannot be written the users go back all the same, and that it is not on record is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from runbook_lib.batch.file import Loaded
from runbook_lib.batch.order import users_of
from runbook_lib.batch.standing import BEGUN, MEMBER, Transaction, fold, held_up
from runbook_lib.errors import BadParameters, Unwritable
from runbook_lib.model import Change, Event, Verdict, now, plain
from runbook_lib.pages import views
from runbook_lib.parameters import project_root
from runbook_lib.record import Run, archive, filing, journal, statement
from runbook_lib.record.begin import open_attempt
from runbook_lib.record.evidence import storable

MODE = "batch"
STEP = ("rollback", None, MODE)
CONTROL_ROOM = "00_control_room.ipynb"
Tries = Sequence[archive.Attempt]
"""The attempts of one transaction, oldest first."""


def tries(home: Path) -> Tries:
    """The attempts of the batch's last rollback in earnest; none before there is one.

    BadParameters where these are the records of an application.
    """
    known = archive.attempts(home.parent, home.name)
    if strange := [one for one in known if one.facts and one.step != STEP]:
        raise BadParameters(
            f"{home} holds the records of an application ({strange[0].run_id}); give the batch another name"
        )
    earnest = [one for one in known if one.facts and not one.facts.get("dry_run")]
    return [one for one in earnest if one.run_id == earnest[-1].run_id]


def events_of(attempts: Tries) -> list[Event]:
    """What the journals of these attempts tell, oldest first."""
    return [event for attempt in attempts for event in journal.read(attempt.folder)]


def transaction(attempts: Tries) -> Transaction | None:
    """Where a rollback of a batch stands by its records; None when nothing was begun."""
    events = events_of(attempts)
    begun = next((event.data for event in reversed(events) if event.kind == BEGUN), None)
    if begun is None:
        return None
    members = {str(name): tuple(needs) for name, needs in begun["members"].items()}
    stands = held_up(fold(members, events), users_of(members), str(begun["level"]))
    over = attempts[-1].outcome == "passed"
    return Transaction(str(begun["level"]), str(begun["reason"]), str(begun["file"]), members, stands, over)


class Book:
    """One try at a transaction: its events are those of all tries, and what is told goes to the disk at once.

    ``problem`` says why nothing can be written; then it is remembered only.
    """

    def __init__(self, run: Run | None, earlier: Tries = (), problem: str = "") -> None:
        self.run, self.problem = run, problem
        self.events = events_of(earlier)
        self.number = run.number if run else len(earlier) + 1
        self._acts = count(1)
        self._open: dict[str, dict[str, Any]] = {}
        self._left = {(act["member"], act["what"]): act for act in _unsettled(earlier, self.events)}

    @property
    def place(self) -> str:
        """The attempt, as records name it: ``wave-1/20261121t020000z-rollback/attempt-1``; empty without one."""
        return "/".join(self.run.attempt.parts[-3:]) if self.run else ""

    def begin(self, loaded: Loaded, level: str, reason: str) -> None:
        """What this is: the members and their order, the level and the reason."""
        members = {name: list(needs) for name, needs in loaded.depends_on.items()}
        files = {name: member.parameters for name, member in loaded.batch.members.items()}
        path = loaded.path.resolve()
        file = str(path.relative_to(project_root()) if path.is_relative_to(project_root()) else path)
        self._tell(BEGUN, level=level, reason=reason, file=file, members=members, parameters=files, order=loaded.order)

    def intend(self, member: str, what: str) -> None:
        """Something is done about a member now."""
        self._open[member] = {"act": f"{self.number}.{next(self._acts)}", "what": what, "member": member}
        self._tell("intent", **self._open[member])

    def done(self, member: str, change: Change, compared: bool = True) -> None:
        """It was done, and that settles the same act of an earlier try; ``compared``: ``change`` tells of it alone."""
        self._recovered(member, change.done, compared)
        self._tell("result", **self._open.pop(member), change=storable(change))

    def failed(self, member: str, error: str, message: str) -> None:
        """It was not done, or does not show."""
        self._tell("result", **self._open.pop(member), error=error, message=message)

    def would(self, member: str, what: str) -> None:
        """What is left undone in a dry run."""
        self._tell("would", what=what, member=member)

    def ended(self, member: str, **data: Any) -> None:
        """How it ended for a member: exit_code, message, run (its own attempt), confirmed."""
        self._tell(MEMBER, member=member, **data)

    def judge(self, *verdicts: Verdict) -> None:
        """How each member is judged."""
        for verdict in verdicts:
            self._tell("verdict", **plain(verdict))

    def file(self, error: str | None, message: str, stopped_by: int | None = None) -> filing.Filed | None:
        """Write how it ended and the record; None where nothing can be written, and ``problem`` says why then."""
        if self.run is None:
            return None
        if error is None and stopped_by is None:
            self._tell("finished", message=message)
        try:
            self.run.event("ended", error=error, message=message, cell=None, signal=stopped_by and int(stopped_by))
            self.run.close()
            filed = filing.file(self.run.attempt, statement.ending_of(journal.read(self.run.attempt)), CONTROL_ROOM)
        except (OSError, Unwritable) as unwritten:
            self.problem = str(unwritten)
            return None
        finally:
            self.run.close()
        views.filed(self.run.attempt)
        return filed

    def _tell(self, kind: str, **data: Any) -> None:
        """A disk that is full holds nobody up: the line is written as soon as one can be."""
        self.events.append(Event(now(), kind, data))
        if self.run is not None:
            self.run.tell(kind, **data)

    def _recovered(self, member: str, something_left: bool, compared: bool) -> None:
        left = self._left.pop((member, self._open[member]["what"]), None)
        if left is None:
            return
        finding, became = "done", "it had been done"
        if something_left:
            finding, became = "done anew", "something was left to do, it is done now"
        if not compared:
            finding, became = "repeated", "it was begun again, and each act of it compared first; it is done now"
        said = f"{left['what']} (broken off in {left['attempt']}): {became}"
        told = {key: left[key] for key in ("attempt", "act", "what")}
        self._tell("recovered", **told, finding=finding, said=said)


def _unsettled(earlier: Tries, events: Sequence[Event]) -> list[dict[str, Any]]:
    """The acts that earlier tries left open and that none has settled since, with the attempt that began each."""
    settled = {(e.data["attempt"], e.data["act"]) for e in events if e.kind == "recovered"}
    left = [
        {**event.data, "attempt": f"{one.run_id}/{one.folder.name}"}
        for one in earlier
        for event in journal.open_intents(journal.read(one.folder))
    ]
    return [act for act in left if (act["attempt"], act["act"]) not in settled]


def open_book(loaded: Loaded, earlier: Tries, at: datetime) -> Book:
    """The next attempt of the transaction that ``earlier`` tells of, or the first of a new one.

    Call it while holding the batch; what an earlier process left open is filed. Raises OSError or Unwritable.
    """
    for attempt in archive.attempts(loaded.home.parent, loaded.home.name):
        if attempt.statement is None and not attempt.problem and not journal.is_held(attempt.folder):
            filing.file(attempt.folder, statement.ending_of(journal.read(attempt.folder)), CONTROL_ROOM)
            views.filed(attempt.folder)
    own = loaded.own
    if earlier:
        run = earlier[0].folder.parent
        taken = [int(path.name.removeprefix("attempt-")) for path in run.glob("attempt-*")]
        folder = run / f"attempt-{max(taken) + 1}"
    else:
        folder = archive.new_attempt(loaded.home, *STEP, own.dry_run, at, anew=True)
    folder = open_attempt(own, STEP, None, "command", folder, at=at)
    return Book(Run(own, folder, STEP), earlier)
