"""The order of the steps, and where an application stands: a fold over its records, nothing is remembered elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.errors import BadParameters
from runbook_lib.parameters import Parameters, project_root
from runbook_lib.record.archive import Attempt, attempts, resets_traffic
from runbook_lib.record.attempt import title
from runbook_lib.record.statement import Ending

NOTEBOOKS = {
    "assessment": "01_assessment.ipynb",
    "containerization_checks": "02_containerization_checks.ipynb",
    "pilot_deploy": "03_pilot_deploy.ipynb",
    "gray_stage": "04_gray_stage.ipynb",
    "comparison": "05_comparison.ipynb",
    "rollback": "06_rollback.ipynb",
    "decommission": "07_decommission.ipynb",
}
Key = tuple[str, int | None, str | None]
CONTROL_ROOM = "00_control_room.ipynb"
CHANGING = frozenset({"pilot_deploy", "gray_stage", "rollback", "decommission"})
"""Phases that change something: their notebooks are saved after every cell."""


@dataclass(frozen=True)
class Step:
    """One notebook run of the passage."""

    phase: str
    weight: int | None = None
    mode: str | None = None

    @property
    def key(self) -> Key:
        """What the records call it."""
        return self.phase, self.weight, self.mode

    @property
    def title(self) -> str:
        """The step in words."""
        return title(*self.key)


@dataclass(frozen=True)
class Result:
    """What became of one step."""

    step: Step
    attempt: Path
    ending: Ending
    seconds: float
    next_notebook: str
    unsigned: str = ""
    """Why nobody signed its record; empty when somebody did."""


ROLLBACK = Step("rollback", mode="rollback")


@dataclass(frozen=True)
class Standing:
    """Where one step stands: ``attempt`` is the last one that still counts."""

    step: Step
    done: bool
    attempt: Attempt | None


def steps(parameters: Parameters) -> list[Step]:
    """The whole passage: the drill follows the first weight, the comparison needs users on both sides before 100 %.

    A fleet is assessed, and nothing else.
    """
    if parameters.of_fleet:
        return [Step("assessment")]
    gray = [Step("gray_stage", stage.weight) for stage in parameters.stages]
    drill, comparison = Step("rollback", mode="drill"), Step("comparison")
    order = [Step("assessment"), Step("containerization_checks"), Step("pilot_deploy")]
    if len(gray) == 1:
        order += gray
    elif len(gray) == 2:
        order += [gray[0], comparison, drill, gray[1]]
    else:
        order += [gray[0], drill, *gray[1:-1], comparison, gray[-1]]
    return [*order, Step("decommission")]


def source_of(step: Step) -> Path:
    """The notebook of a step; BadParameters when it is not there."""
    path = project_root() / "notebooks" / NOTEBOOKS[step.phase]
    if not path.is_file():
        raise BadParameters(f"the notebook {path} is missing; restore it from the repository")
    return path


def home(parameters: Parameters) -> Path:
    """The folder of an application's records."""
    return parameters.path(parameters.records) / parameters.application.name


def standings(parameters: Parameters) -> list[Standing]:
    """Where each step of the passage stands by the records on the disk."""
    folder = home(parameters)
    return fold(parameters, attempts(folder.parent, folder.name))


def fold(parameters: Parameters, known: Iterable[Attempt]) -> list[Standing]:
    """Each step with its last attempt that counts, from attempts in the order they started."""
    order = steps(parameters)
    last: dict[Key, Attempt] = {}
    for attempt in known:
        if bool(attempt.facts.get("dry_run")) != parameters.dry_run or attempt.outcome == "unreadable":
            continue
        if attempt.facts.get("anew"):
            last.clear()
        if resets_traffic(attempt):
            _forget(last, lambda key: key[0] in {"gray_stage", "comparison", "decommission"})
        elif attempt.outcome == "passed" and (attempt.step[0] == "gray_stage" or attempt.step[2] == "previous"):
            _forget_beyond(last, attempt.step[1] or 0)
        last[attempt.step] = attempt
    return [Standing(step, _passed(last.get(step.key)), last.get(step.key)) for step in order]


def next_step(states: Sequence[Standing]) -> Step | None:
    """The first step that is not done."""
    return next((state.step for state in states if not state.done), None)


def chosen(parameters: Parameters, phase: str, weight: int | None, mode: str | None = None) -> Step:
    """The step of that phase and weight; BadParameters when the passage has no such step."""
    phase = phase.replace("-", "_")
    if phase not in NOTEBOOKS:
        raise BadParameters(f"there is no phase {phase!r}; phases are {', '.join(NOTEBOOKS)}")
    if parameters.of_fleet and phase != "assessment":
        raise BadParameters(f"assessment.scope: a fleet has no {title(phase, weight, mode)}; it is assessed, not moved")
    if phase == "gray_stage":
        if weight is None:
            planned = ", ".join(str(stage.weight) for stage in parameters.stages)
            raise BadParameters(f"a gray stage needs --weight; planned are {planned}")
        parameters.stage(weight)
        return Step(phase, weight)
    if weight is not None:
        raise BadParameters(f"--weight belongs to the phase gray_stage, not to {phase}")
    return Step(phase, mode=mode or "rollback") if phase == "rollback" else Step(phase)


def named(parameters: Parameters, name: str) -> Step:
    """The step written as ``phase`` or ``gray_stage:WEIGHT``; BadParameters when the passage has no such step."""
    phase, _, weight = name.replace("-", "_").partition(":")
    if weight and not weight.isdigit():
        raise BadParameters(f"{name!r} is no step; write a phase, or gray_stage:WEIGHT")
    return chosen(parameters, phase, int(weight) if weight else None, "drill")


def ahead(states: Sequence[Standing], until: Step | None) -> list[Step]:
    """The steps that a run would still take, up to ``until``."""
    order = [state.step for state in states]
    end = order.index(until) + 1 if until in order else len(order)
    return [state.step for state in states[:end] if not state.done]


def next_notebook(phase: str, outcome: str) -> str:
    """What a person opens after an attempt that ended so."""
    if outcome == "passed":
        following = {"assessment": "containerization_checks", "containerization_checks": "pilot_deploy"}
        return NOTEBOOKS.get(following.get(phase, "gray_stage"), "") if phase != "decommission" else CONTROL_ROOM
    if outcome in {"gate_pending", "refused"}:
        return CONTROL_ROOM
    if outcome == "rolled_back":
        return NOTEBOOKS["comparison"]
    if outcome == "failed" and phase in {"pilot_deploy", "gray_stage", "comparison", "decommission"}:
        return NOTEBOOKS["rollback"]
    return NOTEBOOKS.get(phase, CONTROL_ROOM)


def _passed(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.outcome == "passed"


def _forget_beyond(last: dict[Key, Attempt], weight: int) -> None:
    """Traffic stands at this weight now: what passed at a higher one is no longer so."""
    _forget(last, lambda key: key[0] == "gray_stage" and (key[1] or 0) > weight)


def _forget(last: dict[Key, Attempt], which: Callable[[Key], bool]) -> None:
    for key in [key for key in last if which(key)]:
        del last[key]
