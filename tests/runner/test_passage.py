"""Where an application stands follows from its records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from throwaway import REPOSITORY

from runbook_lib.errors import BadParameters
from runbook_lib.parameters import Parameters, load
from runbook_lib.record.archive import Attempt
from runbook_lib.runner import passage
from runbook_lib.runner.passage import Step

BEGINNING = ["assessment", "containerization_checks", "pilot_deploy"]


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return load(REPOSITORY / "parameters" / "demo.yaml")


def _attempts(*told: str) -> list[Attempt]:
    """``gray_stage:5 passed``, ``rollback/drill passed`` … as attempts in that order."""
    found = []
    for minute, text in enumerate(told):
        name, outcome, *flags = text.split()
        name, _, mode = name.partition("/")
        phase, _, weight = name.partition(":")
        predicate: dict[str, Any] = {"phase": phase, "weight": int(weight) if weight else None, "mode": mode or None}
        predicate |= {"outcome": outcome, "started": f"2026-11-20T12:{minute:02}:00Z", "dry_run": "dry" in flags}
        predicate["anew"] = "anew" in flags
        found.append(Attempt(Path(f"records/app/run-{minute}/attempt-1"), {"predicate": predicate}))
    return found


def _next(parameters: Parameters, *told: str) -> str:
    step = passage.next_step(passage.fold(parameters, _attempts(*told)))
    return step.title if step else "done"


def _passed(*names: str) -> list[str]:
    return [f"{name} passed" for name in (*BEGINNING, *names)]


def test_the_passage_drills_the_way_back_early_and_compares_before_everybody_goes(parameters: Parameters) -> None:
    titles = [step.title for step in passage.steps(parameters)]
    assert titles[3:6] == ["gray stage 1 %", "rollback drill", "gray stage 5 %"]
    assert titles[-3:] == ["comparison", "gray stage 100 %", "decommission"]


@pytest.mark.parametrize(
    ("weights", "order"), [([100], ["gray 100"]), ([50, 100], ["gray 50", "comparison", "drill", "gray 100"])]
)
def test_short_passages_compare_while_users_are_on_both_sides(
    parameters: Parameters, weights: list[int], order: list[str]
) -> None:
    stages = [
        stage.model_copy(update={"weight": weight}) for stage, weight in zip(parameters.stages, weights, strict=False)
    ]
    short = parameters.model_copy(update={"stages": stages})
    named = [f"gray {s.weight}" if s.weight else s.mode or s.phase for s in passage.steps(short)]
    assert named[3:-1] == order


@pytest.mark.parametrize(
    ("told", "following"),
    [
        ([], "assessment"),
        (_passed(), "gray stage 1 %"),
        (_passed("gray_stage:1"), "rollback drill"),
        (_passed("gray_stage:1", "rollback/drill"), "gray stage 5 %"),
        ([*_passed(), "gray_stage:1 gate_pending"], "gray stage 1 %"),
        ([*_passed(), "gray_stage:1 gate_pending", "gray_stage:1 passed"], "rollback drill"),
        ([*_passed("gray_stage:1", "rollback/drill", "gray_stage:5"), "gray_stage:10 rolled_back"], "gray stage 1 %"),
        ([*_passed("gray_stage:1", "rollback/drill", "gray_stage:5"), "rollback/rollback passed"], "gray stage 1 %"),
        ([*_passed("gray_stage:1", "rollback/drill", "gray_stage:5"), "rollback/rollback failed"], "gray stage 10 %"),
        ([*_passed("gray_stage:1", "rollback/drill", "gray_stage:5"), "gray_stage:10 failed"], "gray stage 10 %"),
        (
            [*_passed("gray_stage:1", "rollback/drill"), "gray_stage:5 rolled_back", "gray_stage:1 passed"],
            "gray stage 5 %",
        ),
        (
            [*_passed("gray_stage:1", "rollback/drill", "gray_stage:5", "gray_stage:10"), "gray_stage:1 passed"],
            "gray stage 5 %",
        ),
        ([*_passed(), "assessment failed"], "assessment"),
        ([f"{name} passed dry" for name in BEGINNING], "assessment"),
        ([*_passed("gray_stage:1"), "assessment passed anew"], "containerization checks"),
        ([*_passed("gray_stage:1"), "assessment failed anew"], "assessment"),
        ([*_passed("gray_stage:1", "rollback/drill"), "gray_stage:1 rolled_back dry"], "gray stage 5 %"),
    ],
)
def test_the_next_step_follows_from_the_records(parameters: Parameters, told: list[str], following: str) -> None:
    assert _next(parameters, *told) == following


def test_the_whole_way_ends(parameters: Parameters) -> None:
    names = [
        f"{s.phase}{f':{s.weight}' if s.weight else ''}{f'/{s.mode}' if s.mode else ''} passed"
        for s in passage.steps(parameters)
    ]
    assert _next(parameters, *names) == "done"


def test_ahead_ends_with_the_step_that_was_asked_for(parameters: Parameters) -> None:
    states = passage.fold(parameters, _attempts(*_passed()))
    until = passage.named(parameters, "gray_stage:5")
    assert [step.title for step in passage.ahead(states, until)] == [
        "gray stage 1 %",
        "rollback drill",
        "gray stage 5 %",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gray_stage:101", "weight 101 is not a planned stage"),
        ("gray_stage", "needs --weight"),
        ("gray_stage:many", "is no step"),
        ("launch", "there is no phase"),
        ("assessment:5", "belongs to the phase gray_stage"),
    ],
)
def test_a_step_that_does_not_exist_is_refused_by_name(parameters: Parameters, name: str, message: str) -> None:
    with pytest.raises(BadParameters, match=message):
        passage.named(parameters, name)


def test_every_ending_names_a_notebook_to_open_next() -> None:
    assert passage.next_notebook("gray_stage", "rolled_back") == "05_comparison.ipynb"
    assert passage.next_notebook("gray_stage", "failed") == "06_rollback.ipynb"
    assert passage.next_notebook("gray_stage", "gate_pending") == "00_control_room.ipynb"
    assert passage.next_notebook("gray_stage", "crashed") == "04_gray_stage.ipynb"
    assert passage.next_notebook("assessment", "passed") == "02_containerization_checks.ipynb"


def test_a_drill_and_a_rollback_are_different_steps() -> None:
    assert Step("rollback", mode="drill").key != passage.ROLLBACK.key
    assert (Step("rollback", mode="drill").title, passage.ROLLBACK.title) == ("rollback drill", "rollback")
