"""Traffic back to the old side: act first, look afterwards, and write down when each happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from runbook_lib.act.level import Wanted
from runbook_lib.act.send_back import Returned, lagging
from runbook_lib.act.traffic.knob import read, shift
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, CriterionFailed, RunbookError, Unreachable
from runbook_lib.model import Change, Event, Outcome, Verdict
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run, journal
from runbook_lib.record.begin import file_alone, open_attempt
from runbook_lib.record.evidence import storable
from runbook_lib.record.filing import Filed
from runbook_lib.watch import wait_for_split

COMPARISON = "05_comparison.ipynb"
"""What is opened after a rollback: the cause is looked for there."""
ASKED = "asked_for"
"""Event of a journal: the level and the revision that a rollback was asked for."""


def bring_back(
    run: Run, clients: Clients, cause: str, weight: int = 0, asked: Wanted | None = None
) -> tuple[Change, Verdict]:
    """Send ``weight`` percent (0: nobody) to the new side and wait until the observed split says so.

    The verdict is INCONCLUSIVE when Prometheus cannot confirm it: the users are back all the same. Raises ChangeFailed
    when the knob refuses; the message says where the users are. Neither an archive that cannot be written stops a
    rollback, nor a weight that cannot be read. ``asked`` is how far back it is to go after this.
    """
    found = standing_now(clients)
    standing = None if found is None else found.weight
    by_name = {"testers": True} if found is not None and _withdrawn(clients, found) else {}
    run.tell("detected", cause=cause, weight=standing, **by_name)
    if asked is not None and asked.reaches("workload"):
        run.tell(ASKED, **asdict(asked))
    shown = "?" if standing is None else standing
    run.progress(f"going back from {shown} % to {weight} %: {cause}")
    what = f"users: {shown} % -> {weight} %"
    change = run.change(what, lambda: shift(clients, weight), standing, weight, unrecorded=True)
    if run.parameters.dry_run:
        return change, Verdict("traffic split", Outcome.INCONCLUSIVE, "dry run: nobody was moved")
    return change, see_them_back(run, clients, weight)


def see_them_back(run: Run, clients: Clients, weight: int, wait: Callable[..., Verdict] | None = None) -> Verdict:
    """What the requests say after the shift: at 0 the new side's counters must stand still; noted in the journal."""
    verdict = (wait or wait_for_split)(clients, weight)
    run.tell("verified", name=verdict.name, outcome=verdict.outcome.name, message=verdict.message)
    return verdict


def standing_now(clients: Clients) -> Standing | None:
    """Who is on the new side; None when the knob cannot tell, which stops no rollback."""
    try:
        return read(clients)
    except (BadParameters, Unreachable):
        return None


def _withdrawn(clients: Clients, found: Standing) -> bool:
    """Whether a shift to 0 takes testers away, too."""
    return found.testers and clients.parameters.traffic.testers is not None


def open_late(parameters: Parameters, returned: Returned, by: str, asked: Mapping[str, object] | None = None) -> Run:
    """The attempt of a rollback that was done already; its journal tells each thing with the time at which it was.

    ``asked`` is what more was asked for (level, to_revision), so that whoever finds it broken off knows. Raises OSError
    or Unwritable where the archive cannot be written.
    """
    mode = "previous" if returned.weight else "rollback"
    step = ("rollback", returned.weight or None, mode)
    folder = open_attempt(parameters, step, None, by, at=returned.began)
    run = Run(parameters, folder, step)
    try:
        book = journal.Journal(folder, run.redacted)
        for event in _events(returned, run.number, asked):
            book.append(event)
        book.close()
    except BaseException:
        run.close()  # it is left to whoever comes next, and must not look alive
        raise
    return run


def _events(returned: Returned, number: int, asked: Mapping[str, object] | None) -> list[Event]:
    first = [Event(returned.began, "detected", {"cause": returned.cause, "weight": returned.standing})]
    if asked is not None:
        first.append(Event(returned.began, ASKED, dict(asked)))
    act = {"act": f"{number}.0", "what": returned.what}
    if returned.error is None and returned.change is None:
        return [*first, Event(returned.done, "would", {"what": returned.what})]
    intent = Event(returned.began, "intent", {**act, "before": returned.standing, "after": returned.weight})
    result: dict[str, object] = {"change": storable(returned.change)}
    if returned.error is not None:
        result = {"error": type(returned.error).__name__, "message": str(returned.error)}
    return [*first, intent, Event(returned.done, "result", {**act, **result})]


def conclude(
    run: Run,
    returned: Returned,
    seen: Verdict | None,
    more: Sequence[Verdict] = (),
    levels: Sequence[Verdict] = (),
    trouble: RunbookError | None = None,
    alive: Verdict | None = None,
) -> tuple[str, Filed]:
    """Judge and file an attempt that `open_late` opened; what to tell people, and the record.

    ``more`` is why it was done, ``levels`` what was seen of the levels beyond the traffic, ``trouble`` what stopped
    them, ``alive`` whether the old side answers: told, for what was asked for is done.
    """
    error, message = None, returned.said
    users = _users(run, returned, seen, alive)
    try:
        if returned.error is not None:
            raise returned.error
        run.verdict(*more, *([seen] if seen else []))
        further = (verdict.message for verdict in levels)
        message = "; ".join(filter(None, (users, *further, returned.cause)))
        if trouble is not None:
            raise type(trouble)(f"{users}; but not all that was asked for is done: {trouble}")
        run.event("finished", message=message)
        failed = [v.message for v in (*([seen] if seen else []), *levels) if v.outcome is Outcome.FAIL]
        if failed:
            raise CriterionFailed(f"{'; '.join(failed)}; {message}")
    except RunbookError as stopped:
        error, message = type(stopped).__name__, str(stopped)
    finally:
        run.close()
    return message, file_alone(run.attempt, error, message if error else "", COMPARISON)


def _users(run: Run, returned: Returned, seen: Verdict | None, alive: Verdict | None) -> str:
    if seen is None:
        return "; ".join(filter(None, (returned.said, lagging(run.parameters))))
    return users_are(run.parameters, returned.what, seen, alive)


def users_are(parameters: Parameters, what: str, seen: Verdict, alive: Verdict | None = None) -> str:
    """Where the users are, how that is known, who follows later, and who of the old side is silent: start it now."""
    confirmed = "seen in the requests" if seen.outcome is Outcome.PASS else f"not confirmed: {seen.message}"
    silent = f"old side: {alive.message}; start it" if alive and alive.outcome is Outcome.FAIL else ""
    return "; ".join(filter(None, (f"{what}, {confirmed}", lagging(parameters), silent)))


def drilled_from(run: Run, found: Standing | None) -> tuple[int, bool]:
    """Percent of the users that a drill goes forward to again, and whether testers are admitted again.

    It is how they stand, or stood when this drill began: one that was killed half way has left them on the old side.
    """
    earlier = [run.attempt.with_name(f"attempt-{number}") for number in range(1, run.number)]
    seen = [event.data for folder in earlier for event in journal.read(folder) if event.kind == "detected"]
    weight = found.weight if found is not None else 0
    testers = found is not None and _withdrawn(run.connect(), found)
    return (
        weight or max((int(data["weight"] or 0) for data in seen), default=0),
        testers or any(data.get("testers") for data in seen),
    )
