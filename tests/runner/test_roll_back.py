"""`runbook rollback`: by name or file, users first, and on record like any other attempt."""

from __future__ import annotations

import os
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from throwaway import demo, make_project

from runbook_lib.act import send_back
from runbook_lib.act.level import TRAFFIC, Wanted, wanted
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.cli.named import parameters_file
from runbook_lib.cli.passage import rollback
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, CriterionFailed, RunbookError, Unreachable
from runbook_lib.model import Outcome, Verdict, now
from runbook_lib.parameters import Parameters
from runbook_lib.record import archive, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.rollback import traffic, whole
from runbook_lib.rollback.traffic import ASKED
from runbook_lib.runner import holding, passage, recover, roll_back, run
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.traffic import NginxSplit


@pytest.fixture
def p(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """A project whose nginx is a file, with 30 % of the users on the new side; Prometheus and the cluster are gone."""
    monkeypatch.chdir(make_project(tmp_path / "project"))
    stand("30% kubernetes; * legacy;")
    loaded = demo(tmp_path / "project")
    knob = NginxSplit(
        kind="nginx-split", config="nginx.conf", variable="$order_service_side", test=["true"], reload=["true"]
    )
    traffic = loaded.traffic.model_copy(update={"knob": knob, "split_patience": loaded.metrics.scrape})
    prometheus = loaded.prometheus.model_copy(update={"url": "http://127.0.0.1:1"})
    legacy = loaded.legacy.model_copy(update={"instances": []})
    return loaded.model_copy(update={"traffic": traffic, "prometheus": prometheus, "legacy": legacy})


def stand(shares: str) -> None:
    Path("nginx.conf").write_text(f"split_clients $request_id $order_service_side {{ {shares} }}\n")


def screen() -> Screen:
    return Screen(Console(file=StringIO(), width=300), Console(file=StringIO(), width=300))


def rolled_back(p: Parameters, shown: Screen, to_previous: bool = False, asked: Wanted = TRAFFIC) -> int:
    """What `runbook rollback` does; the exit code."""
    return roll_back.settle(p, shown, roll_back.act(p, to_previous), asked)


def said(shown: Screen) -> str:
    text: str = shown.console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_the_users_are_back_without_prometheus_cluster_or_kernel_and_a_second_time_changes_nothing(
    p: Parameters,
) -> None:
    shown = screen()
    assert rolled_back(p, shown) == 0
    assert read_weight(connect(p)) == 0
    assert "users: 30 % -> 0 % in" in said(shown) and "not confirmed" in said(shown)
    assert rolled_back(p, screen()) == 0
    first, second = archive.attempts(p.path(p.records))
    assert [(a.step, a.outcome) for a in (first, second)] == [(passage.ROLLBACK.key, "passed")] * 2
    assert [a.facts["changes"][0]["done"] for a in (first, second)] == [True, False]
    assert not (first.folder / archive.NOTEBOOK).exists()


@pytest.mark.parametrize(
    ("stands", "after"), [("30% kubernetes; * legacy;", 10), ("1% kubernetes; * legacy;", 0), ("* legacy;", 0)]
)
def test_back_to_the_planned_weight_before(p: Parameters, stands: str, after: int) -> None:
    stand(stands)
    assert rolled_back(p, screen(), to_previous=True) == 0
    assert read_weight(connect(p)) == after
    (attempt,) = archive.attempts(p.path(p.records))
    assert archive.resets_traffic(attempt) == (after == 0)
    assert attempt.step == ("rollback", after or None, "previous" if after else "rollback")


def test_to_the_weight_before_never_moves_anybody_forward(p: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    stand("* legacy;")  # somebody was quicker, after it was read
    returned = send_back.send_back(connect(p), "asked for", 10, 30)
    assert (returned.weight, read_weight(connect(p))) == (0, 0)


def test_where_the_weight_cannot_be_read_the_weight_before_is_nobody(
    p: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unclear(_: object) -> int:
        raise BadParameters("nginx.conf is unclear")

    monkeypatch.setattr(roll_back, "read_weight", unclear)
    returned = roll_back.act(p, to_previous=True)
    assert returned.error is None and returned.weight == 0
    assert "the previous weight is not known" in returned.cause


def test_a_knob_that_cannot_be_turned_at_all_is_one_sentence(p: Parameters) -> None:
    Path("nginx.conf").unlink()
    with pytest.raises(Unreachable, match="nginx"):
        rolled_back(p, screen())


def test_sticky_users_and_old_answers_are_named(p: Parameters) -> None:
    traffic = p.traffic.model_copy(update={"sticky": "route"})
    assert "cookie route" in send_back.lagging(p.model_copy(update={"traffic": traffic}))
    assert send_back.lagging(p) == ""


def test_a_silent_old_side_is_on_record_and_does_not_fail_what_is_back(p: Parameters) -> None:
    silent = LegacyInstance(name="vm-2", url="http://127.0.0.1:1")
    legacy = p.legacy.model_copy(update={"instances": [silent]})
    shown = screen()
    assert rolled_back(p.model_copy(update={"legacy": legacy}), shown) == 0
    (attempt,) = archive.attempts(p.path(p.records))
    assert "old side: 0 of 1 answer; silent: vm-2; start it" in attempt.facts["message"]
    assert "silent: vm-2" in said(shown)


def test_users_who_are_still_seen_on_the_new_side_fail_a_rollback(
    p: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Verdict("traffic split", Outcome.FAIL, "observed 12.00% (12/100), asked 0 %")
    monkeypatch.setattr(traffic, "wait_for_split", lambda *_: seen)
    assert rolled_back(p, screen()) == CriterionFailed.exit_code
    (attempt,) = archive.attempts(p.path(p.records))
    assert attempt.outcome == "failed" and "observed 12.00%" in attempt.facts["message"]


def test_an_application_is_found_by_its_name(p: Parameters) -> None:
    there = Path("parameters/demo.yaml").resolve()
    assert parameters_file("order-service").resolve() == there
    assert parameters_file("parameters/demo.yaml") == Path("parameters/demo.yaml")
    with pytest.raises(BadParameters, match=r"no file in .* is of an application 'orders'; there are order-service"):
        parameters_file("orders")
    Path("parameters/spoilt.yaml").write_text("order-service: [")
    shutil.copy(there, "parameters/order-service.example.yaml")
    assert parameters_file("order-service").resolve() == there
    shutil.copy(there, "parameters/second.yaml")
    with pytest.raises(BadParameters, match=r"demo.yaml, second.yaml .*name one of the files"):
        parameters_file("order-service")


def test_after_users_were_brought_back_a_run_that_goes_on_goes_no_further(p: Parameters) -> None:
    step = Step("gray_stage", 30)
    open_attempt(p, step.key, None, "runner")  # and its runner died
    assert recover.brought_back(p) == ""
    assert rolled_back(p, screen()) == 0
    told = recover.brought_back(p)
    assert "nothing goes forward by itself now" in told
    assert roll_back.file_left(p, screen(), told) == 20
    assert [a.outcome for a in archive.attempts(p.path(p.records))] == ["crashed", "passed"]
    assert read_weight(connect(p)) == 0
    assert recover.brought_back(p, since=now()) == ""  # a runner that a person starts now is not stopped by it
    later = Step("assessment")
    open_attempt(p, later.key, None, "runner")
    assert recover.brought_back(p) == ""


@pytest.fixture
def levels(p: Parameters, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Wanted, int]]:
    """What is asked of the cluster, in its place, and where the users are by then."""
    asked: list[tuple[Wanted, int]] = []

    class Made:
        to_revision, source, why = 3, "ReplicaSet/x", ("because",)

    def decide(_: object, __: object, what: Wanted) -> Made:
        asked.append((what, read_weight(connect(p))))
        return Made()

    seen = (Verdict("workload", Outcome.PASS, "the template is abc"),)
    monkeypatch.setattr(whole, "decide", decide)
    monkeypatch.setattr(whole, "restore", lambda *_: seen)
    return asked


def test_the_other_levels_come_after_the_users_and_stand_in_the_same_record(
    p: Parameters, levels: list[tuple[Wanted, int]]
) -> None:
    assert rolled_back(p, screen(), asked=wanted("configuration", 3)) == 0
    assert levels == [(Wanted("configuration", 3), 0)]
    (attempt,) = archive.attempts(p.path(p.records))
    assert "users: 30 % -> 0 %" in attempt.facts["message"] and "the template is abc" in attempt.facts["message"]
    assert (attempt.folder.parent / "incident.html").is_file()


@pytest.mark.parametrize("error", [CriterionFailed("the copy is gone"), Unreachable("the cluster does not answer")])
def test_a_level_that_cannot_be_done_leaves_the_users_back_and_says_so(
    p: Parameters, monkeypatch: pytest.MonkeyPatch, error: RunbookError
) -> None:
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr(whole, "decide", refused)
    shown = screen()
    assert rolled_back(p, shown, asked=wanted("workload")) == error.exit_code
    assert read_weight(connect(p)) == 0
    (attempt,) = archive.attempts(p.path(p.records))
    assert (attempt.outcome, attempt.facts["error"]) == ("failed", type(error).__name__)
    assert "not all that was asked for is done" in said(shown) and str(error) in said(shown)


def test_a_rollback_that_was_broken_off_on_its_way_goes_as_far_back_as_it_was_asked_to(
    p: Parameters, levels: list[tuple[Wanted, int]]
) -> None:
    folder = open_attempt(p, passage.ROLLBACK.key, None, "command")  # and it was killed between two acts
    book = journal.Journal(folder)
    book.write("detected", cause="asked for by a person", weight=30)
    book.write(ASKED, level="configuration", to_revision=3)
    book.write("intent", act="1.1", what="rollback: workload to revision 3")
    book.close()
    for path in (folder, folder / journal.NAME):
        os.utime(path, (0, 0))
    assert run.advance(p, shown := screen()) == 20
    assert levels == [(Wanted("configuration", 3), 0)]
    first, second = archive.attempts(p.path(p.records))
    assert (first.outcome, second.outcome, second.facts["seconds"] >= 0) == ("crashed", "passed", True)
    assert not (second.folder / archive.NOTEBOOK).exists()
    assert "was broken off" in said(shown)
    assert recover.asked_for(p) is None


def test_what_is_typed_wrongly_moves_nobody() -> None:
    for level, revision in (("everything", None), ("traffic", 3), ("workload", 0)):
        with pytest.raises(BadParameters):
            wanted(level, revision)


def test_bad_options_of_the_command_move_nobody(p: Parameters) -> None:
    for options in (
        {"to": "previous", "level": "workload"},
        {"to": "5"},
        {"level": "pods"},
        {"to_revision": 3},
    ):
        with pytest.raises(BadParameters):
            given: dict[str, Any] = {"to": "0", "level": "traffic", "to_revision": None, **options}
            rollback("parameters/demo.yaml", **given)
    assert read_weight(connect(p)) == 30


def test_a_dry_run_stops_no_runner_and_moves_nobody(
    p: Parameters, levels: list[tuple[Wanted, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "take_over", lambda *_: pytest.fail("somebody was stopped"))
    dry = p.model_copy(update={"dry_run": True})
    with archive.hold(passage.home(p)):
        assert rolled_back(dry, shown := screen(), asked=wanted("configuration")) == 0
    assert levels == [(Wanted("configuration"), 30)]
    assert "back to revision 3 from ReplicaSet/x: because" in said(shown)
    assert "it would be users: 30 % -> 0 %" in said(shown)
