"""The data go back by a registered script: tried beforehand, unchanged since, and asked before and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runbook_lib.act import script as act
from runbook_lib.act.script import Ended
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, CriterionFailed
from runbook_lib.fields import write_duration
from runbook_lib.model import Change, Outcome, Verdict, now
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run, archive, journal
from runbook_lib.sections import DataScript

REHEARSED = "rehearsed"
"""Event of a journal: a dry run of the data script, with its path, digest and exit code."""
NAME = "data script"
BACK, NOT_YET = 0, 1


@dataclass(frozen=True)
class Rehearsal:
    """The last dry run on record."""

    at: datetime
    place: str
    script: str
    sha256: str
    code: int | None


def registered(parameters: Parameters) -> DataScript:
    """The script of the parameters; BadParameters when there is none."""
    if (found := parameters.kubernetes.rollback.data) is None:
        raise BadParameters(
            "level data: kubernetes.rollback.data names no script; name one with a dry run, have it tried by "
            "03_pilot_deploy or a drill, or use level configuration"
        )
    return found


def rehearse(run: Run, clients: Clients) -> Verdict | None:
    """Run the dry run and put on record what became of it; None where no script is named."""
    found = run.parameters.kubernetes.rollback.data
    if found is None or run.parameters.dry_run:
        return None
    ended = act.run(clients, found, "dry_run")
    run.evidence("data script dry run", ended)
    run.event(REHEARSED, script=ended.script, sha256=ended.sha256, code=ended.code)
    outcome = Outcome.PASS if ended.code == 0 else Outcome.FAIL
    (verdict,) = run.verdict(Verdict(NAME, outcome, f"{ended.said}; {ended.script} sha256 {ended.sha256[:12]}"))
    return verdict


def tried(clients: Clients) -> Rehearsal:
    """The dry run that allows the script; CriterionFailed when none passed, it is too old, or the script changed."""
    p = clients.parameters
    script = registered(p)
    found, last = act.fingerprint(clients, script), last_rehearsal(p)
    again = "; have it tried by 03_pilot_deploy, or by 06_rollback with mode drill and level data"
    if last is None:
        raise CriterionFailed(f"no dry run of {script.script} is on record{again}")
    when = f"{last.at:%Y-%m-%d %H:%M} UTC ({last.place})"
    if last.script != script.script or last.sha256 != found:
        raise CriterionFailed(
            f"{script.script} has sha256 {found[:12]}; its last dry run, {when}, was of {last.script} with "
            f"{last.sha256[:12]}: it was changed since{again}"
        )
    if last.code != 0:
        raise CriterionFailed(f"the last dry run of {script.script}, {when}, ended with {last.code}{again}")
    if now() - last.at > script.good_for:
        raise CriterionFailed(
            f"the dry run of {script.script} is of {when}, > {write_duration(script.good_for)}{again}"
        )
    return last


def last_rehearsal(parameters: Parameters) -> Rehearsal | None:
    """The last dry run in a filed attempt of this application; None when there is none."""
    home = parameters.path(parameters.records) / parameters.application.name
    for attempt in reversed(archive.attempts(home.parent, home.name)):
        if attempt.statement is None:
            continue
        for event in reversed(journal.read(attempt.folder)):
            if event.kind == REHEARSED:
                place = f"{attempt.run_id}/{attempt.folder.name}"
                said = event.data
                return Rehearsal(event.at, place, str(said["script"]), str(said["sha256"]), said["code"])
    return None


def bring_back(run: Run, clients: Clients, wanted: str) -> Change:
    """Run the script with that sha256, unless it says that the data are back; asked again afterwards.

    Raises ChangeFailed when it failed or the data are not seen to be back, CriterionFailed when it cannot tell.
    """
    script, what = registered(run.parameters), "data back by the registered script"
    before = _asked(run, clients, script, wanted)
    if before.code == BACK:
        return Change(what, "back", "back", False, now(), "the script says that the data are back already")
    if before.code != NOT_YET:
        raise CriterionFailed(f"it is not known where the data are: {before.said}; nothing was run")
    ended = act.run(clients, script, "run", wanted)
    run.evidence("data script run", ended)
    if ended.code != 0:
        raise ChangeFailed(f"{ended.said}; the data may be back in part: look at them, mend, then run it again")
    after = _asked(run, clients, script, wanted)
    if after.code != BACK:
        raise ChangeFailed(f"the data script ended well, but the data are not seen to be back: {after.said}")
    return Change(what, "not back", "back", True, now(), f"{script.script} sha256 {wanted[:12]}")


def _asked(run: Run, clients: Clients, script: DataScript, wanted: str) -> Ended:
    ended = act.run(clients, script, "verify", wanted)
    run.evidence("data script verify", ended)
    return ended
