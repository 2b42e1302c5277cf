"""What a dead attempt left open is told from the records and from nginx, and the users are never left on a bad side."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from throwaway import demo, make_project

from runbook_lib.errors import Unreachable
from runbook_lib.model import now
from runbook_lib.parameters import Parameters
from runbook_lib.record import archive, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner import filed, passage, recover, run
from runbook_lib.runner.engine import Stop
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen
from runbook_lib.runner.recover import Act
from runbook_lib.sections.traffic import NginxSplit

STAGE = Step("gray_stage", 5)
TRAFFIC = {"act": "1.1", "what": "users: 1 % -> 5 %", "before": 1, "after": 5}
APPLY = {"act": "1.1", "what": "apply 9 objects"}
DETECTED = {"cause": "failed requests 9 %", "weight": 5}
BACK = {"act": "1.2", "what": "users: 5 % -> 0 %", "before": 5, "after": 0}
Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def p(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """The parameters of a project whose nginx is a file, with 1 % of the users on the new side."""
    monkeypatch.chdir(make_project(tmp_path / "project"))
    stand(1)
    loaded = demo(tmp_path / "project")
    knob = NginxSplit(
        kind="nginx-split", config="nginx.conf", variable="$order_service_side", test=["true"], reload=["true"]
    )
    return loaded.model_copy(update={"traffic": loaded.traffic.model_copy(update={"knob": knob})})


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> dict[str, Told]:
    """What the notebook of each phase writes into its journal, in place of a kernel that runs it."""
    told: dict[str, Told] = {}

    def execute(nb: Any, target: Path, *_: Any) -> Stop | None:
        book = journal.Journal(target.parent)
        begun = journal.read(target.parent)[0].data
        events = told.get(begun["phase"], [("finished", {"message": "passed"})])
        for kind, data in events:
            book.write(kind, **data)
        book.close()
        return None if events[-1][0] == "finished" else Stop("ZeroDivisionError", "broken", 0)

    monkeypatch.setattr(run, "execute", execute)
    return told


def stand(weight: int) -> None:
    share = f"{weight}% kubernetes; * legacy;" if weight else "* legacy;"
    Path("nginx.conf").write_text(f"split_clients $request_id $order_service_side {{ {share} }}\n")


def screen() -> Screen:
    return Screen(Console(file=StringIO(), width=300), Console(file=StringIO(), width=300))


def dead(p: Parameters, step: Step, *told: tuple[str, dict[str, Any]], ended: str | None = None) -> str:
    """An attempt whose runner wrote these events and died, or ended as ``ended`` says; its name."""
    attempt = open_attempt(p, step.key, None, "runner")
    book = journal.Journal(attempt)
    for kind, data in told:
        book.write(kind, **data)
    if ended is not None:
        book.write("ended", error=ended, message="", cell=0, signal=15 if ended == "Terminated" else None)
        book.close()
        filed.file_attempt(attempt)
    book.close()
    return f"{attempt.parent.name}/{attempt.name}"


def result(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "result", {"act": data["act"], "what": data["what"], "change": {"done": True}}


@pytest.mark.parametrize(
    ("weight", "finding", "back"),
    [(5, "done", False), (1, "not done", False), (30, "otherwise", True), (0, "otherwise", True)],
)
def test_an_open_act_on_traffic_is_told_by_the_weight_that_nginx_has(
    p: Parameters, weight: int, finding: str, back: bool
) -> None:
    dead(p, STAGE, ("intent", TRAFFIC))
    stand(weight)
    found = recover.look(p)
    assert [one.finding for one in found.findings] == [finding]
    assert f"{weight} % of the users are on the new side" in recover.sentences(found)[0]
    assert bool(found.back) == back


@pytest.mark.parametrize(
    ("step", "told", "ended", "back"),
    [
        (STAGE, [("intent", TRAFFIC), result(TRAFFIC)], None, ""),
        (STAGE, [("detected", DETECTED)], None, "failed requests 9 %"),
        (STAGE, [("detected", DETECTED), ("intent", BACK)], None, "failed requests 9 %"),
        (STAGE, [("detected", DETECTED), ("intent", BACK), result(BACK)], "Terminated", "failed requests 9 %"),
        (STAGE, [("detected", DETECTED), ("intent", BACK), result(BACK)], "ChangeFailed", "failed requests 9 %"),
        (STAGE, [("detected", DETECTED), ("intent", BACK), result(BACK), ("verified", {})], "RolledBack", ""),
        (passage.ROLLBACK, [], None, "was broken off"),
        (passage.ROLLBACK, [("detected", DETECTED)], "Terminated", "was broken off"),
        (passage.ROLLBACK, [], "Terminated", ""),
        (passage.ROLLBACK, [("detected", DETECTED), ("intent", BACK)], "ChangeFailed", "was broken off"),
        (passage.ROLLBACK, [("detected", DETECTED), ("intent", BACK), result(BACK)], "Terminated", "was broken off"),
        (passage.ROLLBACK, [("detected", DETECTED), ("intent", BACK), result(BACK)], "BadParameters", ""),
        (Step("rollback", mode="drill"), [("detected", DETECTED), ("intent", BACK)], None, ""),
    ],
)
def test_users_come_back_where_a_reason_was_found_and_not_followed_to_its_end(
    p: Parameters, step: Step, told: Told, ended: str | None, back: str
) -> None:
    dead(p, step, *told, ended=ended)
    stand(5)
    found = recover.look(p)
    assert back in found.back
    assert bool(found.back) == bool(back)


def test_where_nginx_cannot_be_read_nothing_is_done_and_nothing_is_settled(p: Parameters) -> None:
    dead(p, STAGE, ("intent", TRAFFIC))
    Path("nginx.conf").unlink()
    with pytest.raises(Unreachable, match="this was done: users: 1 % -> 5 %"):
        run.advance(p, screen())
    (only,) = archive.attempts(Path("records"))
    assert (only.step, only.outcome) == (STAGE.key, "crashed")
    stand(5)
    assert recover.look(p).findings[0].finding == "done"


def test_a_rollback_does_not_wait_until_nginx_can_be_read_by_the_recovery(p: Parameters) -> None:
    dead(p, STAGE, ("intent", TRAFFIC))
    Path("nginx.conf").unlink()
    assert run.single(p, passage.ROLLBACK, screen()) == 0


def test_what_is_found_is_on_the_screen_and_in_the_next_journal_and_is_said_once(p: Parameters) -> None:
    name = dead(p, STAGE, ("intent", TRAFFIC))
    shown = screen()
    assert run.single(p, STAGE, shown) == 0
    last = archive.attempts(Path("records"))[-1]
    (event,) = [event for event in journal.read(last.folder) if event.kind == recover.KIND]
    assert (event.data["attempt"], event.data["act"], event.data["finding"]) == (name, "1.1", "not done")
    assert event.data["said"] in shown.console.file.getvalue()  # type: ignore[attr-defined]
    assert not recover.look(p)


def test_a_resume_that_is_killed_itself_leaves_everything_to_be_found_again(p: Parameters) -> None:
    dead(p, STAGE, ("intent", TRAFFIC))
    dead(p, STAGE)
    assert recover.look(p).findings[0].finding == "not done"
    dead(p, STAGE, (recover.KIND, {"attempt": "other", "act": "1.1", "finding": "done"}))
    assert recover.look(p).findings[0].finding == "not done"
    stand(30)
    strange = recover.look(p)
    dead(
        p,
        passage.ROLLBACK,
        (recover.KIND, {"attempt": strange.findings[0].act.attempt, "act": "1.1", "finding": "otherwise"}),
    )
    assert recover.look(p).back


def test_of_two_acts_on_traffic_only_the_last_is_told_by_nginx(p: Parameters) -> None:
    dead(p, STAGE, ("intent", TRAFFIC))
    dead(p, STAGE, ("intent", TRAFFIC | {"before": 5, "after": 1}), result(TRAFFIC))
    found = recover.look(p)
    assert [one.finding for one in found.findings] == ["overtaken"] and not found.back


def test_the_rollback_that_is_owed_is_run_first_and_ends_the_passage_for_now(p: Parameters) -> None:
    dead(p, STAGE, ("intent", TRAFFIC), result(TRAFFIC), ("detected", DETECTED))
    shown = screen()
    assert run.advance(p, shown) == 20
    first, second = archive.attempts(Path("records"))
    assert (first.outcome, second.step, second.outcome) == ("crashed", passage.ROLLBACK.key, "passed")
    assert "the users are brought back first" in shown.console.file.getvalue()  # type: ignore[attr-defined]
    assert not recover.look(p)
    assert run.advance(p, screen(), until=Step("assessment")) == 0


@pytest.mark.parametrize(("done", "finding"), [(True, "done anew"), (False, "done")])
def test_other_acts_are_told_by_doing_them_again(
    p: Parameters, played: dict[str, Told], done: bool, finding: str
) -> None:
    again = {"act": "3.1", "what": "apply 9 objects"}
    change = {"change": {"done": done}}
    played["pilot_deploy"] = [("intent", again), ("result", again | change), ("finished", {"message": "passed"})]
    dead(p, Step("pilot_deploy"), ("intent", APPLY))
    dead(p, Step("pilot_deploy"), ("intent", APPLY | {"act": "2.1"}))
    assert run.single(p, Step("pilot_deploy"), shown := screen()) == 0
    last = archive.attempts(Path("records"))[-1]
    event, other = [event for event in journal.read(last.folder) if event.kind == recover.KIND]
    assert (event.data["finding"], other.data["finding"]) == (finding, finding)
    assert not recover.look(p)
    assert event.data["said"] in shown.console.file.getvalue()  # type: ignore[attr-defined]


def test_an_act_that_the_next_attempt_did_not_reach_is_still_open(p: Parameters, played: dict[str, Told]) -> None:
    played["pilot_deploy"] = [("verdict", {"name": "version", "outcome": "PASS"})]
    dead(p, Step("pilot_deploy"), ("intent", APPLY))
    assert run.single(p, Step("pilot_deploy"), screen()) == 70
    assert [act.what for act in recover.look(p).waiting] == ["apply 9 objects"]


def test_what_is_settled_by_a_step_that_passed_or_belongs_to_a_dry_run_is_left_alone(p: Parameters) -> None:
    dead(p.model_copy(update={"dry_run": True}), STAGE, ("intent", TRAFFIC), ("detected", DETECTED))
    dead(p, Step("gray_stage", 1), ("intent", TRAFFIC), ("detected", DETECTED))
    assert recover.look(p)
    assert run.single(p, passage.ROLLBACK, screen()) == 0
    assert not recover.look(p)


def test_acts_of_two_attempts_are_told_oldest_first() -> None:
    acts = (Act("r/attempt-1", "1.1", "a", 0, 5, overtaken=True), Act("r/attempt-2", "2.1", "b", 5, 10))
    found = recover.judge(acts, "", 10)
    assert [one.finding for one in found.findings] == ["overtaken", "done"]
    assert recover.judge((replace(acts[1], overtaken=True),), "", None).back == ""


def test_an_attempt_that_died_before_its_first_word_is_broken_off_all_the_same(p: Parameters) -> None:
    assert not recover.broken_off(p)
    archive.new_attempt(passage.home(p), "assessment", None, None, False, now())
    assert recover.broken_off(p) and not recover.look(p)


@pytest.mark.parametrize(("left", "finding"), [(True, "repeated"), (False, "done")])
def test_an_act_of_a_procedure_that_is_begun_again_is_not_told_by_its_repetition(
    p: Parameters, played: dict[str, Told], left: bool, finding: str
) -> None:
    undo = {"act": "2.2", "what": "drill: undo"}
    played["pilot_deploy"] = [
        ("intent", undo),
        ("result", undo | {"change": {"done": left}}),
        ("finished", {"message": "passed"}),
    ]
    dead(p, Step("pilot_deploy"), ("intent", {"act": "1.2", "what": "drill: undo"}))
    assert run.single(p, Step("pilot_deploy"), screen()) == 0
    events = journal.read(archive.attempts(Path("records"))[-1].folder)
    assert [e.data["finding"] for e in events if e.kind == recover.KIND] == [finding]
