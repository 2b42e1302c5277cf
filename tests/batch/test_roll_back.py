"""Ten applications that use each other go back as one; whatever happens to one of them is that one's."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from runbook_lib.act.level import Wanted
from runbook_lib.batch import book, roll_back
from runbook_lib.batch.file import load_batch
from runbook_lib.batch.member import Finished
from runbook_lib.batch.roll_back import Ended
from runbook_lib.cli import app
from runbook_lib.errors import BadParameters, Busy, PartlyBack
from runbook_lib.model import now
from runbook_lib.pages.page import NAME
from runbook_lib.parameters import Parameters
from runbook_lib.proof.verify import verify
from runbook_lib.record import archive, journal
from runbook_lib.runner import holding
from runbook_lib.runner.progress import Screen
from runbook_lib.show.batch import batches_table
from runbook_lib.trust.identity import signers_of
from tests.batch.shop import BACK, DEPENDS_ON, MOVED, Shop, make_shop

SMALL = {"web": ["cart"], "cart": ["stock"], "stock": [], "search": []}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = make_shop(tmp_path / "project")
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = make_shop(tmp_path / "project", SMALL)
    monkeypatch.chdir(made.folder)
    return made


def screen() -> Screen:
    return Screen(Console(file=StringIO(), width=300), Console(file=StringIO(), width=300))


def back(shop: Shop, tries: book.Tries = (), shown: Screen | None = None) -> Ended:
    return roll_back.roll_back(load_batch(shop.file), shown or screen(), "the cluster is lost", Wanted(), tries)


def go_on(shop: Shop, shown: Screen | None = None) -> Ended:
    return back(shop, book.tries(load_batch(shop.file).home), shown)


def states(ended: Ended) -> dict[str, str]:
    return {name: stand.state for name, stand in ended.stands.items()}


def begun(attempt: archive.Attempt) -> list[str]:
    return [e.data["member"] for e in journal.read(attempt.folder) if e.kind == "intent"]


def assert_order(names: Sequence[str]) -> None:
    for name, needs in DEPENDS_ON.items():
        for need in needs:
            if name in names and need in names:
                assert names.index(name) < names.index(need)


def test_ten_go_back_in_order_and_on_record_that_anybody_can_check(shop: Shop) -> None:
    ended = back(shop)
    assert (ended.exit_code, set(states(ended).values())) == (0, {"back"})
    assert set(shop.weights().values()) == {0}
    (attempt,) = shop.attempts("wave")
    assert attempt.step == ("rollback", None, "batch") and attempt.outcome == "passed"
    assert sorted(begun(attempt)) == sorted(DEPENDS_ON)
    assert_order(begun(attempt))
    page = (attempt.folder.parent / NAME).read_text()
    for name in DEPENDS_ON:
        (own,) = shop.attempts(name)
        assert (own.outcome, own.step) == ("passed", ("rollback", None, "rollback"))
        assert f'href="../../{name}/{own.run_id}/index.html#attempt-1"' in page
        assert f"the cluster is lost (with the batch wave/{attempt.run_id}/attempt-1)" in own.facts["message"]
    report = verify(shop.folder / "records", signers_of(load_batch(shop.file).own))
    assert [str(fault) for fault in report.faults] == []
    assert len(report.accepted) == 11


def test_member_four_fails_the_others_go_on_and_resume_finishes(shop: Shop) -> None:
    shop.nginx("order").rename(shop.folder / "away")
    ended = back(shop)
    assert ended.exit_code == PartlyBack.exit_code
    held = {"payment", "ledger", "stock"}  # and the catalogue: the stock still uses it
    expected = dict.fromkeys(DEPENDS_ON, "back") | dict.fromkeys((*held, "catalogue"), "waiting") | {"order": "failed"}
    assert states(ended) == expected
    assert all(ended.stands[name].waits_for == ("order",) for name in (*held, "catalogue"))
    assert "order.conf cannot be read" in ended.message and "stock waiting for order" in ended.message
    assert all(shop.nginx(name).read_text() == MOVED for name in (*held, "catalogue"))
    assert all("kubernetes" not in shop.nginx(n).read_text() for n, state in states(ended).items() if state == "back")
    assert [shop.attempts(name) for name in (*held, "order")] == [[]] * 4
    assert go_on(shop).exit_code == PartlyBack.exit_code  # nothing was mended

    (shop.folder / "away").rename(shop.nginx("order"))
    ended = go_on(shop)
    assert (ended.exit_code, set(states(ended).values())) == (0, {"back"})
    first, _, last = shop.attempts("wave")
    assert first.run_id == last.run_id and last.outcome == "passed"
    assert set(begun(last)) == {*held, "catalogue", "order"}
    assert_order(begun(last))
    assert set(shop.weights().values()) == {0}
    assert [len(shop.attempts(name)) for name in DEPENDS_ON] == [1] * 10


def test_what_was_moved_forward_since_goes_back_again(small: Shop) -> None:
    small.nginx("stock").rename(small.folder / "away")
    back(small)
    (small.folder / "away").rename(small.nginx("stock"))
    small.nginx("web").write_text(MOVED)
    shown = screen()
    assert go_on(small, shown).exit_code == 0
    assert set(small.weights().values()) == {0}
    assert [len(small.attempts(name)) for name in SMALL] == [2, 1, 1, 1]
    assert "web: is not known to be back any more" in shown.console.file.getvalue()  # type: ignore[attr-defined]


def test_a_cluster_that_does_not_answer_is_the_trouble_of_one_member(small: Shop) -> None:
    small.set("search", kubernetes__kubeconfig="nowhere", traffic__knob=route())
    ended = back(small)
    assert states(ended) == {"web": "back", "cart": "back", "stock": "back", "search": "failed"}
    assert "kubernetes.kubeconfig" in ended.stands["search"].said


def route() -> dict[str, object]:
    sides = {"legacy": "search-vm", "kubernetes": "search"}
    return {"kind": "http-route", "namespace": "shop", "name": "search", **sides}


def test_parameters_that_forbid_changes_hold_up_what_the_member_uses(small: Shop) -> None:
    small.set("cart", dry_run=True)
    ended = back(small)
    assert states(ended) == {"web": "back", "cart": "failed", "stock": "waiting", "search": "back"}
    assert "dry_run: true" in ended.stands["cart"].said


def test_what_nginx_refuses_is_on_the_members_own_record_too(small: Shop) -> None:
    small.set("cart", traffic__knob__reload=["false"])
    ended = back(small)
    assert states(ended) == {"web": "back", "cart": "failed", "stock": "waiting", "search": "back"}
    (own,) = small.attempts("cart")
    assert (own.outcome, own.facts["exit_code"]) == ("failed", 30)
    assert ended.stands["cart"].run == f"cart/{own.run_id}/attempt-1"


def test_whoever_runs_a_member_is_stopped_and_only_after_all_users_are_back(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, set[int]]] = []
    monkeypatch.setattr(holding, "take_over", lambda home, _: seen.append((home.name, set(small.weights().values()))))
    assert back(small).exit_code == 0
    assert sorted(seen) == [(name, {0}) for name in sorted(SMALL)]


def test_a_runner_that_cannot_be_stopped_is_named(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(home: Path, _: object) -> None:
        if home.name == "web":
            raise Busy("web is being run by process 7 on front-2")

    monkeypatch.setattr(holding, "take_over", deaf)
    ended = back(small)
    assert states(ended) == {"web": "failed", "cart": "back", "stock": "back", "search": "back"}
    assert "front-2" in ended.stands["web"].said and "stop it there" in ended.stands["web"].said
    assert set(small.weights().values()) == {0}


def test_beyond_the_traffic_a_member_waits_until_those_that_use_it_are_wholly_back(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[tuple[str, str]] = []
    broken = {"cart"}

    def finish(p: Parameters, _: object, __: object, asked: Wanted) -> Finished:
        assert set(small.weights().values()) == {0}
        name = p.application.name
        worked.append((name, asked.level))
        return Finished(30 if name in broken else 0, "it was looked at", f"{name}/20261121t000000z-rollback/attempt-1")

    monkeypatch.setattr(roll_back.member, "finish", finish)
    loaded = load_batch(small.file)
    ended = roll_back.roll_back(loaded, screen(), "the release is bad", Wanted("workload"))
    assert states(ended) == {"web": "back", "cart": "failed", "stock": "waiting", "search": "back"}
    assert ended.stands["stock"].text == "its users are back; the rest is waiting for cart"
    assert {level for _, level in worked} == {"workload"}
    told = batches_table(small.folder / "records").data  # type: ignore[attr-defined]
    assert dict(zip(told["member"], told["state"], strict=True))["stock"] == ended.stands["stock"].text
    (stock,) = told["next step"][told["member"] == "stock"]
    assert stock.endswith("runbook rollback stock --level workload")

    broken.clear()
    worked.clear()
    tries = book.tries(loaded.home)
    known = book.transaction(tries)
    assert known is not None and known.level == "workload"
    ended = roll_back.roll_back(loaded, screen(), known.reason, Wanted("workload"), tries)
    assert ended.exit_code == 0 and set(states(ended).values()) == {"back"}
    assert sorted(name for name, _ in worked) == sorted(SMALL)  # 0 % of the users do not tell what runs
    order = [name for name, _ in worked if name != "search"]
    assert order == ["web", "cart", "stock"]
    assert batches_table(small.folder / "records").data.empty  # type: ignore[attr-defined]


def test_an_act_that_was_broken_off_is_told_once(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_batch(small.file)
    with archive.hold(loaded.home):
        left = book.open_book(loaded, (), now())
        left.begin(loaded, "traffic", "it dies")
        left.intend("web", "web: users -> 0 %")
        assert left.run is not None
        left.run.close()
    small.nginx("web").write_text(BACK)
    small.nginx("cart").rename(small.folder / "away")
    assert go_on(small).exit_code == PartlyBack.exit_code
    small.nginx("web").write_text(MOVED)
    (small.folder / "away").rename(small.nginx("cart"))
    assert go_on(small).exit_code == 0
    first, second, third = small.attempts("wave")
    assert first.outcome == "crashed" and first.facts["open_intents"]
    (told,) = second.facts["recovered"]
    assert (told["finding"], told["attempt"]) == ("done", f"{first.run_id}/attempt-1")
    assert third.facts["recovered"] == []


def test_two_cannot_roll_one_batch_back_at_once(small: Shop) -> None:
    with archive.hold(load_batch(small.file).home), pytest.raises(Busy, match="wave is being run by process"):
        back(small)
    assert set(small.weights().values()) == {30}


def test_without_an_archive_the_users_go_back_all_the_same(small: Shop) -> None:
    (small.folder / "records").write_text("no folder")
    ended = back(small)
    assert set(small.weights().values()) == {0}
    assert ended.exit_code == PartlyBack.exit_code
    assert "not on record" in ended.message and ended.place == ""


def test_the_folder_of_an_application_is_no_place_for_a_batch(small: Shop) -> None:
    back(small)
    text = small.file.read_text()
    small.file.write_text(text.replace("name: wave", "name: mail"))
    (small.folder / "records" / "web").rename(small.folder / "records" / "mail")
    with pytest.raises(BadParameters, match="holds the records of an application"):
        book.tries(load_batch(small.file).home)


def test_told_to_end_it_finishes_what_is_begun_and_can_be_resumed(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[int] = []
    turn = roll_back.member.turn

    def interrupted(*given: object) -> object:
        came.append(signal.SIGTERM)
        return turn(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(roll_back.member, "turn", interrupted)
    loaded = load_batch(small.file)
    ended = roll_back.roll_back(loaded, screen(), "enough", Wanted(), (), lambda: came[0] if came else None)
    assert ended.exit_code == 128 + signal.SIGTERM
    assert set(states(ended).values()) <= {"untouched", "users back"} and "users back" in states(ended).values()
    assert small.attempts("wave")[-1].outcome == "interrupted"
    monkeypatch.undo()
    os.chdir(small.folder)
    assert go_on(small).exit_code == 0
    assert set(small.weights().values()) == {0}


def typed(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["batch", *words], env={"COLUMNS": "160"})
    if isinstance(done.exception, PartlyBack):
        return done.exception.exit_code, f"{done.output}{done.exception}"
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_what_a_person_types_and_reads(small: Shop) -> None:
    code, text = typed("show", "parameters/wave.yaml")
    assert code == 0 and "nothing of wave was rolled back yet" in text and "30 %" in text
    code, text = typed("rollback", "parameters/wave.yaml", "--dry-run")
    assert code == 0 and "would: web: users 30 % -> 0 %" in text
    assert set(small.weights().values()) == {30}
    small.nginx("cart").rename(small.folder / "away")
    code, text = typed("rollback", "parameters/wave.yaml", "--reason", "the cluster is lost")
    assert code == 81
    assert "failed: the nginx configuration" in text and "waiting for cart" in text
    assert "runbook rollback parameters/stock.yaml" in " ".join(text.split())
    assert "mend that, then: runbook batch resume parameters/wave.yaml" in text
    code, text = typed("show", "parameters/wave.yaml")
    assert "its last rollback (the cluster is lost) is not over" in text and "waiting for cart" in text
    (small.folder / "away").write_text(BACK)
    (small.folder / "away").rename(small.nginx("cart"))
    code, text = typed("resume", "parameters/wave.yaml")
    assert code == 0 and "4 of 4 members are back" in text
    assert typed("resume", "parameters/wave.yaml")[1] == "nothing of wave waits or was broken off\n"


def test_a_batch_is_gone_on_with_wherever_its_records_are(small: Shop) -> None:
    for name in SMALL:
        small.set(name, records="elsewhere/archive")
    small.nginx("cart").rename(small.folder / "away")
    assert typed("rollback", "parameters/wave.yaml")[0] == PartlyBack.exit_code
    (small.folder / "away").rename(small.nginx("cart"))
    code, text = typed("resume", "parameters/wave.yaml")
    assert code == 0 and "4 of 4 members are back" in text


@pytest.mark.parametrize("command", ["show", "rollback", "resume"])
def test_a_file_that_is_not_there_is_said(small: Shop, command: str) -> None:
    with pytest.raises(BadParameters, match="there is no parameters file"):
        CliRunner().invoke(app, ["batch", command, "tide.yaml"], catch_exceptions=False)
