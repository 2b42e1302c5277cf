"""Several processes at one gate: one is the first, nothing is lost, and who is killed leaves nothing half."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from runbook_lib.errors import RunbookError
from runbook_lib.gate import all_gates, read_gate
from runbook_lib.parameters import Parameters
from runbook_lib.record.attempt import Run
from tests.gate.conftest import ask, begin, pending, say, with_gates

FORK = multiprocessing.get_context("fork")
Act = Callable[[], object]


def at_once(*acts: Act) -> list[str]:
    """Each act in a process of its own, begun together; ``"done"``, or the sentence that it was refused with."""
    start, told = FORK.Barrier(len(acts)), [FORK.Pipe(duplex=False) for _ in acts]

    def work(number: int, act: Act) -> None:
        start.wait()
        try:
            act()
            told[number][1].send("done")
        except RunbookError as error:
            told[number][1].send(str(error))

    processes = [FORK.Process(target=work, args=pair) for pair in enumerate(acts)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    return [reading.recv() for reading, _ in told]


def test_two_who_answer_at_once_are_both_heard(parameters: Parameters, folder: Path) -> None:
    run = begin(with_gates(parameters, people={"gray_stage": 2}))
    gate_id = pending(run)
    said = at_once(*(lambda name=name: say(folder, gate_id, f"{name} approved") for name in ("anna", "ben", "chloe")))  # type: ignore[misc]
    filed = read_gate(folder, gate_id)
    assert said == ["done"] * 3
    assert {a.by for a in filed.answers} == {"anna", "ben", "chloe"} and filed.problems == ()
    assert [a.number for a in filed.answers] == [1, 2, 3]


def test_one_who_answers_twice_at_once_is_heard_once(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    said = at_once(*[lambda: say(folder, gate_id, "anna approved")] * 3)
    assert sorted("done" if word == "done" else word[:25] for word in said)[1:] != ["done", "done"]
    assert said.count("done") == 1
    assert len(read_gate(folder, gate_id).answers) == 1


@pytest.mark.parametrize("kind", ["withdrawn", "held", "rejected"])
def test_either_the_approval_is_used_or_what_was_said_against_it_counts(run: Run, folder: Path, kind: str) -> None:
    for _ in range(3):
        attempt = begin(run.parameters)
        gate_id = pending(attempt)
        say(folder, gate_id, "anna approved")
        went_on, said = at_once(lambda a=attempt: ask(a), lambda g=gate_id: say(folder, g, f"anna {kind}"))  # type: ignore[misc]
        assert (went_on == "done") != (said == "done"), (went_on, said)
        assert (read_gate(folder, gate_id).used is not None) == (went_on == "done")


def test_a_gate_is_asked_once_and_used_once_whoever_comes_at_the_same_time(run: Run, folder: Path) -> None:
    at_once(*[lambda: ask(run)] * 3)
    (question,) = (path for path in folder.glob("*.json") if "." not in path.stem)
    say(folder, question.stem, "anna approved")
    assert at_once(*[lambda: ask(run)] * 3) == ["done"] * 3
    assert len(list(folder.glob("*.used.json"))) == 1


STEPS = ("fsync", "link")
"""What filing is made of: a process is killed before each of them, one after the other."""


def _killed_before(step: int, act: Act) -> bool:
    """Do something in a process that is killed before its n-th step; False when it took fewer."""

    def work() -> None:
        left = count(step, -1)
        for name in STEPS:
            real = getattr(os, name)
            setattr(os, name, lambda *a, r=real, **k: r(*a, **k) if next(left) > 0 else os.kill(os.getpid(), 9))
        act()
        os._exit(0)

    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    return process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("what", ["answer", "ask", "use"])
def test_who_is_killed_anywhere_leaves_nothing_half(parameters: Parameters, folder: Path, what: str) -> None:
    for step in count():
        run = begin(parameters)
        if what != "ask":
            gate_id = pending(run)
        if what == "use":
            say(folder, gate_id, "anna approved")
        killed = _killed_before(
            step, partial(ask, run) if what != "answer" else partial(say, folder, gate_id, "anna held")
        )
        assert all(gate.problems == () for gate in all_gates(folder.parents[1]))
        if what != "use":  # whether it was said or not, something else can be said now
            say(folder, pending(run), "anna approved")
        assert ask(run).by == "anna"
        if not killed:
            assert step > 3
            return
