"""`runbook rollback`: by name or file, users first, and on record like any other attempt."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from throwaway import demo, make_project

from runbook_lib.act import send_back
from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.cli.named import parameters_file
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.model import now
from runbook_lib.parameters import Parameters
from runbook_lib.record import archive
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner import passage, recover, roll_back
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen
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


def said(shown: Screen) -> str:
    text: str = shown.console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_the_users_are_back_without_prometheus_cluster_or_kernel_and_a_second_time_changes_nothing(
    p: Parameters,
) -> None:
    shown = screen()
    assert roll_back.roll_back(p, shown) == 0
    assert read_weight(connect(p)) == 0
    assert "users: 30 % -> 0 % in" in said(shown) and "not confirmed" in said(shown)
    assert roll_back.roll_back(p, screen()) == 0
    first, second = archive.attempts(p.path(p.records))
    assert [(a.step, a.outcome) for a in (first, second)] == [(passage.ROLLBACK.key, "passed")] * 2
    assert [a.facts["changes"][0]["done"] for a in (first, second)] == [True, False]
    assert not (first.folder / archive.NOTEBOOK).exists()


@pytest.mark.parametrize(
    ("stands", "after"), [("30% kubernetes; * legacy;", 10), ("1% kubernetes; * legacy;", 0), ("* legacy;", 0)]
)
def test_back_to_the_planned_weight_before(p: Parameters, stands: str, after: int) -> None:
    stand(stands)
    assert roll_back.roll_back(p, screen(), to_previous=True) == 0
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
        roll_back.roll_back(p, screen())


def test_sticky_users_and_old_answers_are_named(p: Parameters) -> None:
    traffic = p.traffic.model_copy(update={"sticky": "route"})
    assert "cookie route" in send_back.lagging(p.model_copy(update={"traffic": traffic}))
    assert send_back.lagging(p) == ""


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
    assert roll_back.roll_back(p, screen()) == 0
    told = recover.brought_back(p)
    assert "nothing goes forward by itself now" in told
    assert roll_back.file_left(p, screen(), told) == 20
    assert [a.outcome for a in archive.attempts(p.path(p.records))] == ["crashed", "passed"]
    assert read_weight(connect(p)) == 0
    assert recover.brought_back(p, since=now()) == ""  # a runner that a person starts now is not stopped by it
    later = Step("assessment")
    open_attempt(p, later.key, None, "runner")
    assert recover.brought_back(p) == ""
