"""What was observed before: of this stage by earlier attempts of its run, and of the stages that passed before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.judge.observation import Observation
from runbook_lib.observe.counters import Reading
from runbook_lib.record.archive import Attempt, attempts, resets_traffic
from runbook_lib.watch.log import NAME, read_kept, read_observations


@dataclass(frozen=True)
class Sources:
    """Attempts as ``run/attempt-n``: those of this stage, and those of the stages that passed before it."""

    stage: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """``observations`` of this stage, ``earlier`` those of the stages before it, and the counters where it stopped.

    ``sources`` names the attempts that both are from; ``remarks`` says what was left out.
    """

    observations: tuple[Observation, ...] = ()
    earlier: tuple[Observation, ...] = ()
    reading: Reading | None = None
    sources: Sources = Sources()
    remarks: tuple[str, ...] = ()

    @property
    def measured_at(self) -> datetime | None:
        """When the counters were last read."""
        return next((o.at for o in reversed(self.observations) if o.measured), None)

    @property
    def told(self) -> str:
        """In one line what the stage goes on from."""
        if not self.observations:
            return "nothing was observed of this stage yet"
        began, last = self.observations[0].at, self.observations[-1].at
        said = f"observed since {began:%d %b %H:%M:%S} UTC, last at {last:%d %b %H:%M:%S}; it goes on from there"
        return "; ".join((said, *self.remarks))

    def __bool__(self) -> bool:
        """True when the stage is under way: the users were moved, and somebody has watched them."""
        return bool(self.observations)


NOTHING = History()


def history_of(attempt: Path) -> History:
    """What an attempt at a gray stage goes on from; BadParameters when a file of observations is spoilt."""
    known = attempts(attempt.parent.parent.parent, attempt.parent.parent.name)
    own = next((a for a in known if a.folder == attempt), Attempt(attempt))
    run = [a for a in known if a.run_id == own.run_id and a.number < own.number]
    return read_history(attempt.parent.parent, Sources(_names(run), _names(passed_before(known, own))))


def read_history(home: Path, sources: Sources) -> History:
    """What those attempts in an application's folder observed; BadParameters when a file of theirs is spoilt."""
    observations, remarks = _read([home / name for name in sources.stage])
    earlier, more = _read([home / name for name in sources.earlier])
    measured = next((o.at for o in reversed(observations) if o.measured), None)
    kept = [read_kept(home / name, measured) for name in reversed(sources.stage)] if measured else []
    reading = next((reading for reading in kept if reading), None)
    return History(tuple(observations), tuple(earlier), reading, sources, tuple(remarks + more))


def passed_before(known: Sequence[Attempt], own: Attempt) -> list[Attempt]:
    """All attempts of the runs with which the lower weights of this passage passed, oldest first."""
    passed: dict[int, str] = {}
    for attempt in known:
        if attempt.folder == own.folder:
            break
        if bool(attempt.facts.get("dry_run")) != bool(own.facts.get("dry_run")):
            continue
        phase, weight, _ = attempt.step
        if attempt.facts.get("anew") or resets_traffic(attempt):
            passed.clear()
        elif phase == "gray_stage" and weight is not None and attempt.outcome == "passed":
            passed = {lower: run for lower, run in passed.items() if lower < weight} | {weight: attempt.run_id}
    runs = {run for weight, run in passed.items() if weight < (own.step[1] or 0)}
    return [attempt for attempt in known if attempt.run_id in runs]


def _read(folders: Sequence[Path]) -> tuple[list[Observation], list[str]]:
    observations, remarks = [], []
    for folder in folders:
        seen, remark = read_observations(folder)
        observations += seen
        remarks += [remark] if remark else []
    return observations, remarks


def _names(found: Sequence[Attempt]) -> tuple[str, ...]:
    """Those that hold observations: where a gate was asked, none were made."""
    with_some = [a for a in found if (a.folder / NAME).is_file()]
    return tuple(f"{a.run_id}/{a.folder.name}" for a in with_some)
