"""What a notebook does with its run when there is no runner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from throwaway import make_project, only_attempt

from runbook_lib.errors import BadParameters, ChangeFailed, CriterionFailed
from runbook_lib.model import Change, Outcome, Verdict, now
from runbook_lib.record import Run, begin, journal
from runbook_lib.record.archive import attempts

GOOD = Verdict("errors", Outcome.PASS, "error rate 0.1 % < limit 1.0 %")
BAD = Verdict("errors", Outcome.FAIL, "error rate 4.1 % (37/902) > limit 1.0 %")
UNKNOWN = Verdict("memory", Outcome.INCONCLUSIVE, "no samples")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return tmp_path / "project"


def _begin(phase: str = "assessment", **cell: Any) -> Run:
    return begin(phase, cell)


def test_it_opens_an_attempt_of_its_own_and_files_it_at_the_end(project: Path) -> None:
    run = _begin("gray_stage", weight=5)
    run.verdict(GOOD)
    summary = run.finish()
    attempt = only_attempt(project)
    assert attempt.step == ("gray_stage", 5, None)
    assert (attempt.outcome, attempt.facts["message"]) == ("passed", f"1 of 1 criteria passed; errors: {GOOD.message}")
    assert "error rate 0.1 %" in repr(summary) and "error rate 0.1 %" in summary._repr_html_()
    assert (project / "records" / "index.html").is_file()


def test_a_failed_criterion_is_raised_and_recorded_with_its_numbers(project: Path) -> None:
    run = _begin()
    run.verdict(BAD)
    with pytest.raises(CriterionFailed, match="37/902"):
        run.finish()
    facts = only_attempt(project).facts
    assert (facts["outcome"], facts["exit_code"], facts["error"]) == ("failed", 10, "CriterionFailed")
    assert "37/902" in facts["message"]


def test_the_last_verdict_of_a_name_counts(project: Path) -> None:
    run = _begin()
    run.verdict(BAD)
    run.verdict(GOOD)
    run.finish()
    assert [v["outcome"] for v in only_attempt(project).facts["verdicts"]] == ["PASS"]


def test_what_is_not_known_is_said_in_the_record(project: Path) -> None:
    run = _begin()
    run.verdict(GOOD, UNKNOWN)
    assert "not known: memory: no samples" in run.finish().message


def test_intent_is_on_the_disk_before_the_act_and_the_result_after(project: Path) -> None:
    run, seen = _begin(dry_run=None), list[str]()

    def act() -> Change:
        seen.extend(event.kind for event in journal.read(run.attempt))
        return Change("users", 0, 5, True, now())

    assert run.change("users: 0 % -> 5 %", act).after == 5
    assert seen[-1] == "intent"
    assert journal.read(run.attempt)[-1].kind == "result"
    run.finish()
    assert only_attempt(project).facts["changes"][0]["before"] == 0


def test_an_act_that_fails_is_recorded_and_raised(project: Path) -> None:
    run = _begin()

    def act() -> Change:
        raise ChangeFailed("nginx refused the configuration; users are where they were")

    with pytest.raises(ChangeFailed):
        run.change("users: 0 % -> 5 %", act)
    last = journal.read(run.attempt)[-1]
    assert (last.kind, last.data["error"]) == ("result", "ChangeFailed")
    assert not journal.open_intents(journal.read(run.attempt))
    run.finish()
    assert only_attempt(project).facts["failed_changes"][0]["message"].startswith("nginx refused")


def test_a_dry_run_does_not_act(project: Path) -> None:
    parameters = project / "parameters" / "demo.yaml"
    parameters.write_text(parameters.read_text().replace("dry_run: false", "dry_run: true"))
    run = _begin()
    change = run.change("users: 0 % -> 5 %", lambda: pytest.fail("a dry run acted"))
    assert not change.done and "dry run" in change.note


def test_evidence_is_never_written_over_and_its_digest_is_in_the_record(project: Path) -> None:
    run = _begin()
    digests = [run.evidence("counts", {"requests": number}) for number in (1, 2)]
    run.finish()
    evidence = sorted((run.attempt / "evidence").iterdir())
    assert [json.loads(path.read_text())["requests"] for path in evidence] == [2, 1]  # counts-2.json, counts.json
    subjects = {s["digest"]["sha256"] for s in (only_attempt(project).statement or {})["subject"]}
    assert set(digests) <= subjects


@pytest.mark.parametrize("weight", [101, 0, 7, -1])
def test_a_weight_that_is_no_stage_is_refused_before_anything_is_written(project: Path, weight: int) -> None:
    with pytest.raises(BadParameters, match="planned are 1, 5, 10"):
        _begin("gray_stage", weight=weight)
    assert not (project / "records").exists()


def test_beginning_anew_in_the_same_kernel_files_what_was_left_and_goes_on_in_the_same_run(project: Path) -> None:
    first = _begin()
    second = _begin(run=first)
    assert first.closed and second.run_id == first.run_id and second.number == 2


@pytest.mark.parametrize(
    ("afterwards", "outcome"),
    [
        ((), "gate_pending"),
        (("gate_decided", "intent"), "crashed"),  # its cell was run again: what stopped it no longer does
    ],
)
def test_what_stopped_the_last_cell_is_the_outcome_of_an_attempt_that_was_left(
    project: Path, afterwards: tuple[str, ...], outcome: str
) -> None:
    first = _begin()
    first.event("cell_failed", error="GatePending", message="waits for somebody")
    for kind in afterwards:
        first.event(kind, what="users: 0 % -> 1 %")
    _begin(run=first)
    left, _ = attempts(project / "records")
    assert left.outcome == outcome


def test_a_filed_attempt_takes_no_more_entries_and_is_not_begun_again(project: Path) -> None:
    run = _begin()
    run.finish()
    with pytest.raises(BadParameters, match="filed"):
        run.event("late")
    with pytest.raises(BadParameters, match="filed"):
        _begin(attempt=str(run.attempt))


def test_questions_put_to_prometheus_are_recorded_once(project: Path) -> None:
    run = _begin()
    for query in ("up", "up", "rate(x[1m])"):
        run.asked(query)
    run.finish()
    assert only_attempt(project).facts["questions"] == ["rate(x[1m])", "up"]
