"""One application's rollback without a kernel: the users are back already; the levels after that, and the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from runbook_lib.act.level import TRAFFIC, Wanted
from runbook_lib.act.send_back import Returned
from runbook_lib.errors import RunbookError
from runbook_lib.judge.start import judge_old_side
from runbook_lib.model import Outcome, Verdict
from runbook_lib.observe.old_side.legacy import look_at_all
from runbook_lib.observe.workload.rollout import Progress
from runbook_lib.observe.workload.wait import Show
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run
from runbook_lib.record.filing import Filed
from runbook_lib.record.incident import note_source
from runbook_lib.rollback.restore import decide, restore
from runbook_lib.rollback.traffic import conclude, open_late, see_them_back


@dataclass(frozen=True)
class RolledBackTo:
    """How it ended: what to tell people, the attempt, and its record."""

    message: str
    attempt: Path
    filed: Filed

    @property
    def exit_code(self) -> int:
        """0 when everything that was asked for is done and seen."""
        return int(self.filed.statement["predicate"]["exit_code"])


def _nothing(run: Run) -> None:
    """Nothing is to be noted."""


def put_on_record(
    parameters: Parameters,
    returned: Returned,
    by: str,
    asked: Wanted = TRAFFIC,
    say: Callable[[str], object] = print,
    first: Callable[[Run], object] = _nothing,
    last: Callable[[Run], object] = _nothing,
) -> RolledBackTo:
    """Open the attempt late, see the users back, do the levels that are asked for, judge and file.

    ``returned`` is what `act.send_back` did first; ``by`` is the kind of program (command, runner, batch); ``first``
    and ``last`` may note in the journal what else is known, at its begin and before its end. A level that cannot be
    done ends the attempt as failed, truthfully; nothing of that is raised. Raises OSError or Unwritable where the
    archive cannot be written: the users are back all the same.
    """
    run = open_late(parameters, returned, by, asdict(asked) if asked.reaches("workload") else None)
    try:
        first(run)
        seen = alive = None
        if returned.change is not None:
            alive = judge_old_side({i.name: i.answering for i in look_at_all(parameters.legacy.instances)})
            if alive.outcome is Outcome.FAIL:  # holds nobody up: the users are back, and the exit code tells of that
                say(f"old side: {alive.message}; start it")
            seen = see_them_back(run, run.connect(), returned.weight)
        note_source(run)
        levels, trouble = _levels(run, returned, asked, say)
        last(run)
        message, filed = conclude(run, returned, seen, (), levels, trouble, alive)
    finally:
        run.close()
    return RolledBackTo(message, run.attempt, filed)


def _levels(
    run: Run, returned: Returned, asked: Wanted, say: Callable[[str], object]
) -> tuple[Sequence[Verdict], RunbookError | None]:
    """The levels beyond the traffic, or why they were broken off; none while the users could not be moved."""
    if returned.error is not None or not asked.reaches("workload"):
        return (), None
    try:
        made = decide(run, run.connect(), asked)
        say(f"back to revision {made.to_revision} from {made.source}: {'; '.join(made.why)}")
        return restore(run, run.connect(), made, _telling(run, say)), None
    except RunbookError as error:
        return (), error


def _telling(run: Run, say: Callable[[str], object]) -> Show:
    """Each new state of the rollout once, and what holds it up."""
    told: list[str] = []

    def show(progress: Progress, why: Sequence[str]) -> None:
        sentence = "; ".join((str(progress), *why[:1]))
        if sentence not in told[-1:]:
            told.append(sentence)
            run.progress(sentence)
            say(sentence)

    return show
