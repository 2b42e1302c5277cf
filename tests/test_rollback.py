"""Back to the old side: the users first, the proof afterwards, and both written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import connect
from runbook_lib.errors import ChangeFailed
from runbook_lib.model import Change, Outcome, Verdict
from runbook_lib.parameters import Parameters, load
from runbook_lib.record import Run
from runbook_lib.record.begin import open_attempt
from runbook_lib.rollback import traffic as rollback
from runbook_lib.sections.traffic import NginxSplit
from runbook_lib.sections.traffic import Testers as KnownBy

DEMO = Path(__file__).parents[1] / "parameters" / "demo.yaml"
SPLIT = "split_clients $request_id $order_service_side { %s }\n"


@dataclass
class FakeRun:
    """Notes what is done and said, in order."""

    parameters: Parameters
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def tell(self, kind: str, **data: Any) -> None:
        self.said.append((kind, data))

    def progress(self, message: str) -> None:
        self.said.append(("progress", {"message": message}))

    def change(self, what: str, act: Callable[[], Change], before: int, after: int, unrecorded: bool = False) -> Change:
        self.said.append(("change", {"what": what, "before": before, "after": after, "unrecorded": unrecorded}))
        return act()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nginx.conf").write_text(SPLIT % "30% kubernetes; * legacy;")
    p = load(DEMO)
    knob = NginxSplit(
        kind="nginx-split", config="nginx.conf", variable="$order_service_side", test=["true"], reload=["true"]
    )
    return FakeRun(p.model_copy(update={"traffic": p.traffic.model_copy(update={"knob": knob})}))


def bring_back(run: FakeRun, seen: Verdict, monkeypatch: pytest.MonkeyPatch, weight: int = 0) -> tuple[Change, Verdict]:
    def observed(_: object, asked: int) -> Verdict:
        run.said.append(("looked", {"asked": asked, "stands": Path("nginx.conf").read_text()}))
        return seen

    monkeypatch.setattr(rollback, "wait_for_split", observed)
    return rollback.bring_back(run, connect(run.parameters), "errors 30 %", weight)  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_users_are_back_before_anybody_looks_and_whatever_is_seen(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    seen = Verdict("traffic split", outcome, "observed 0 %")
    change, verdict = bring_back(run, seen, monkeypatch)
    assert (change.before, change.after, change.done) == (30, 0, True)
    assert verdict is seen
    assert [kind for kind, _ in run.said] == ["detected", "progress", "change", "looked", "verified"]
    said = dict(run.said)
    assert said["detected"] == {"cause": "errors 30 %", "weight": 30}
    assert said["change"] == {"what": "users: 30 % -> 0 %", "before": 30, "after": 0, "unrecorded": True}
    assert said["looked"]["asked"] == 0
    assert "* legacy;" in said["looked"]["stands"]
    assert "kubernetes" not in said["looked"]["stands"]
    assert said["verified"]["outcome"] == outcome.name


def test_a_drill_may_go_back_to_a_weight_above_nobody(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    change, _ = bring_back(run, Verdict("traffic split", Outcome.PASS, ""), monkeypatch, weight=5)
    assert change.after == 5
    assert dict(run.said)["looked"]["asked"] == 5


def test_a_drill_that_was_killed_knows_where_the_users_were_and_whether_testers_had_been_admitted(
    run: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stood = Standing(30, True, None)
    monkeypatch.setattr(rollback, "read", lambda _: stood)
    bring_back(run, Verdict("traffic split", Outcome.PASS, ""), monkeypatch)
    assert "testers" not in dict(run.said)["detected"]  # the parameters name none: nobody withdraws them
    traffic = run.parameters.traffic.model_copy(update={"testers": KnownBy(header="x-tester", value="on")})
    run.parameters = run.parameters.model_copy(update={"traffic": traffic})
    run.said.clear()
    bring_back(run, Verdict("traffic split", Outcome.PASS, ""), monkeypatch)
    assert dict(run.said)["detected"] == {"cause": "errors 30 %", "weight": 30, "testers": True}

    step = ("rollback", None, "drill")
    killed = Run(run.parameters, open_attempt(run.parameters, step, None, "notebook"), step)
    assert rollback.drilled_from(killed, stood) == (30, True)
    killed.tell(*run.said[0][:1], **run.said[0][1])
    killed.close()
    again = Run(run.parameters, open_attempt(run.parameters, step, None, "notebook"), step)
    assert again.number == 2
    assert rollback.drilled_from(again, Standing(0, False, None)) == (30, True)
    assert rollback.drilled_from(again, None) == (30, True)
    again.close()


def test_already_back_is_looked_at_all_the_same(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nginx.conf").write_text(SPLIT % "* legacy;")
    change, _ = bring_back(run, Verdict("traffic split", Outcome.PASS, ""), monkeypatch)
    assert not change.done
    assert [kind for kind, _ in run.said][-2:] == ["looked", "verified"]


def test_when_nginx_refuses_the_message_says_where_the_users_are(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    knob = run.parameters.traffic.knob.model_copy(update={"reload": ["false"]})
    traffic = run.parameters.traffic.model_copy(update={"knob": knob})
    run.parameters = run.parameters.model_copy(update={"traffic": traffic})
    with pytest.raises(ChangeFailed, match="nginx may still run"):
        bring_back(run, Verdict("traffic split", Outcome.PASS, ""), monkeypatch)
    assert [kind for kind, _ in run.said] == ["detected", "progress", "change"]
