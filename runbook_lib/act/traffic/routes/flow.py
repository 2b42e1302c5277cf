"""What routes of the Kubernetes API have in common: compare, write over the version that was read, read back.

A kind's module says how its objects hold a share of the users; here it is written, to the API or to the repository.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as replace_field
from typing import Any

from runbook_lib.act.traffic import git as repository
from runbook_lib.act.traffic.git import Pushed
from runbook_lib.act.traffic.routes import manifest
from runbook_lib.act.traffic.routes.live import Kind, Object, Unanswered, find, replace
from runbook_lib.act.traffic.routes.status import Acceptance, settled
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, RunbookError, Unreachable
from runbook_lib.model import Change, now
from runbook_lib.sections.traffic import GitOps, Route

ATTEMPTS = 2  # a 409 is compared anew and written once more


@dataclass(frozen=True)
class Turn:
    """One change of one object: ``edit`` makes it, ``says`` reads it off, ``expected`` must stand before it.

    ``urgent``: users go back to the old side; whatever else stands in the way, that is what stays written.
    """

    knob: Route
    clients: Clients
    kind: Kind
    edit: Callable[[Object], None]
    says: Callable[[Object], Any]
    what: str = "traffic weight"
    unit: str = " % of the users on the new side"
    message: str = "change the split"
    """What a commit is called."""
    expected: int | None = None
    urgent: bool = False
    unclear: bool = False
    """What is put back may have been unclear when it stood there."""
    accepted: Callable[[Object], Acceptance] | None = None
    """What the controller says of an object, where it says something."""
    git_edit: Callable[[Object], None] | None = None
    """The same change for the file in the repository, which holds no defaults; None: ``edit``."""

    def with_(self, **changes: Any) -> Turn:
        """The same turn, but for what is given."""
        return replace_field(self, **changes)

    @property
    def name(self) -> str:
        """The object, as sentences call it."""
        return f"{self.kind.kind} {self.knob.namespace}/{self.knob.name}"

    def said(self, found: Object) -> Any:
        """What an object says; where that stops nothing it may be unclear, and is told as that."""
        try:
            return self.says(found)
        except BadParameters as error:
            if not (self.urgent or self.unclear):
                raise
            return f"unclear ({error})"

    def stands(self, found: Object) -> str:
        """What an object says, as a sentence ends."""
        said = self.said(found)
        return said if isinstance(said, str) else f"{said}{self.unit}"

    def check(self, found: Object) -> None:
        """ChangeFailed unless the weight that was expected stands."""
        if self.expected is not None and not self.urgent and (stands := self.says(found)) != self.expected:
            raise ChangeFailed(
                f"{self.name}: somebody else moved the users from {self.expected} % to {stands} % since it was read; "
                "nothing was written, look at who did"
            )

    def live(self) -> Object:
        """The object as the API has it now."""
        return find(self.clients, self.kind, self.knob.namespace, self.knob.name)


def carry_out(turn: Turn) -> Change:
    """Make the change; BadParameters, Unreachable or ChangeFailed say what stands when it cannot be made."""
    return _by_commit(turn, turn.knob.git) if turn.knob.git else _by_api(turn)


def preflight(knob: Route, clients: Clients, kind: Kind, read: Callable[[Object], Any]) -> Object:
    """The object, when it can be read and understood, and a commit could be made where the knob wants one."""
    found = find(clients, kind, knob.namespace, knob.name)
    read(found)
    if knob.git:
        repository.preflight(knob.git, clients)
    return found


def is_way_back(weight: Callable[[], int]) -> bool:
    """True when what is to stand sends nobody to the new side; what is unclear does not."""
    try:
        return weight() == 0
    except BadParameters:
        return False


def _by_api(turn: Turn) -> Change:
    for _ in range(ATTEMPTS):
        before = turn.live()
        turn.check(before)
        wanted = copy.deepcopy(before)
        turn.edit(wanted)
        stood = turn.said(before)
        _refuse_unaccepted(turn, before)
        if wanted == before:
            return Change(turn.what, stood, stood, False, now(), "was already so")
        if _written(turn, before, wanted):
            note = _settle(turn, before, wanted)
            return Change(turn.what, stood, turn.said(wanted), True, now(), note)
    raise ChangeFailed(
        f"{turn.name}: somebody else wrote it {ATTEMPTS} times while it was being changed; it says "
        f"{turn.stands(turn.live())}, nothing of ours was written; try again"
    )


def _refuse_unaccepted(turn: Turn, before: Object) -> None:
    """What a gateway does not take now, it will not follow."""
    said = turn.accepted(before) if turn.accepted else None
    if said and said.refusals and not turn.urgent:
        refusals = "; ".join(said.refusals.values())
        raise ChangeFailed(f"{turn.name} is not in force now: {refusals}; mend that first, nothing was written")


def _written(turn: Turn, before: Object, wanted: Object) -> bool:
    """Write and read back; False when somebody else wrote meanwhile."""
    lost = ""
    try:
        if replace(turn.clients, turn.kind, wanted) is None:
            return False
    except Unanswered as error:
        lost = str(error)
    try:
        found = turn.live()
    except Unreachable:
        may = "may say" if lost else "was written but cannot be read back; it should say"
        old = f"{turn.stands(before)} or " if lost else ""
        raise ChangeFailed(
            f"{turn.name}: the API stopped answering in the middle ({lost or 'after the write'}): it {may} {old}"
            f"{turn.stands(wanted)}; read it as soon as the API answers"
        ) from None
    if turn.said(found) == turn.said(wanted):
        return True
    if lost and turn.said(found) == turn.said(before):
        raise ChangeFailed(f"{turn.name}: the write was not answered ({lost}); it is as it was, {turn.stands(before)}")
    raise ChangeFailed(
        f"{turn.name} says {turn.stands(found)} after {turn.stands(wanted)} was written: somebody else changes it; "
        "look at it"
    )


def _settle(turn: Turn, before: Object, wanted: Object) -> str:
    """Wait for the controller where one reports; what it refuses is put back, but a way back stays written."""
    if turn.accepted is None:
        return ""
    verdict = settled(turn.live, turn.accepted, turn.accepted(before))
    if not verdict.problem:
        return verdict.note
    if turn.urgent:
        raise ChangeFailed(
            f"{turn.name} says {turn.stands(wanted)} and stays so, but {verdict.problem}: the gateway may still "
            f"follow what stood there, {turn.stands(before)}; look at its status"
        )
    raise ChangeFailed(f"{turn.name}: {verdict.problem}; {_put_back(turn, before)}")


def _put_back(turn: Turn, before: Object) -> str:
    """Write what stood, and say what stands."""
    try:
        for _ in range(ATTEMPTS):
            found = turn.live()
            back = {**found, "spec": before.get("spec")}
            if back == found or replace(turn.clients, turn.kind, back) is not None:
                return f"it is as it was, {turn.stands(before)}"
        reason = "somebody else writes it, too"
    except (Unreachable, Unanswered, ChangeFailed) as error:
        reason = str(error)
    return f"it could not be put back ({reason}): put it back to {turn.stands(before)} by hand"


def _by_commit(turn: Turn, git: GitOps) -> Change:
    before = _live_before(turn)
    named = manifest.Named(
        f"{git.file} in {git.repository}", turn.kind.group, turn.kind.kind, turn.knob.namespace, turn.knob.name
    )

    def rewritten(content: bytes) -> bytes:
        def change(found: Object) -> None:
            turn.check(found)
            (turn.git_edit or turn.edit)(found)

        return manifest.edited(content, named, change)

    pushed = repository.commit(git, turn.clients, rewritten, f"{turn.knob.name}: {turn.message}\n", turn.urgent)
    wanted = turn.said(manifest.found(pushed.after, named))
    try:
        waited = repository.until_live(git, pushed, lambda: _not_yet(turn, wanted))
    except _Refused as error:
        raise ChangeFailed(f"{turn.name}: {error}; {_taken_back(turn, git, pushed)}") from None
    stood = turn.said(before) if before else turn.said(manifest.found(pushed.before, named))
    if before and not pushed.done and stood == wanted:
        return Change(turn.what, stood, stood, False, now(), "was already so")
    return Change(turn.what, stood, wanted, True, now(), repository.told(git, pushed, waited))


def _live_before(turn: Turn) -> Object | None:
    """What is live; None when the API is away and users have to go back: the repository can be written all the same."""
    try:
        before = turn.live()
    except Unreachable:
        if turn.urgent:
            return None
        raise
    turn.check(before)
    return before


def _not_yet(turn: Turn, wanted: Any) -> str:
    found = turn.live()
    if turn.said(found) != wanted:
        return f"{turn.name} says {turn.stands(found)}"
    if turn.accepted is None:
        return ""
    said = turn.accepted(found)
    if said.refusals and not turn.urgent:
        raise _Refused("; ".join(said.refusals.values()))
    return said.problem


class _Refused(RunbookError):
    """The controller does not take what was committed."""


def _taken_back(turn: Turn, git: GitOps, pushed: Pushed) -> str:
    """A commit that undoes ours, where nobody has written the file since."""
    undone = repository.commit(
        git,
        turn.clients,
        lambda content: pushed.before if content == pushed.after else content,
        f"{turn.knob.name}: take back {pushed.commit[:12]}, which the gateway refuses\n",
        urgent=True,
    )
    if undone.done:
        return f"commit {undone.commit[:12]} takes {pushed.commit[:12]} back"
    return f"{git.file} was written again since commit {pushed.commit[:12]}: it was not taken back, look at it"
