"""How long a Pod may be in trouble: counted from when it was first seen so, and anew once it was out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from throwaway import demo, make_project

from runbook_lib.errors import ChangeFailed
from runbook_lib.model import Change, now
from runbook_lib.observe.workload.rollout import Progress
from runbook_lib.observe.workload.trouble import Trouble
from runbook_lib.record import Run, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.rollout import patience
from runbook_lib.rollout.patience import Patience

STEP = ("pilot_deploy", None, None)
STATE = Progress("web", 2, 3, 3, 3, 2, 2, True, False, "", "7")
BAD = Trouble("crash", "Pod/web-1", "it ended", "mend it", pod="web-1", uid="u1")


class Nowhere:
    """A cluster that has nothing to add, and the Pods that were deleted on it."""

    namespace = "shop"

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def recreate(self, cluster: Any, name: str, uid: str) -> Change:
        self.deleted.append(f"{name} {uid}")
        return Change(f"re-create Pod/{name}", None, None, True, now())


class Watch:
    """A watch whose seconds the test says."""

    def __init__(self, run: Run, cluster: Nowhere) -> None:
        self.run, self.cluster, self.at = run, cluster, 0.0
        self.patience = Patience(run, cluster, lambda: self.at)  # type: ignore[arg-type]

    def see(self, at: float, *troubles: Trouble) -> tuple[str, ...]:
        """The Pods whose time is over at that second."""
        self.at = at
        return self.patience.deal_with(STATE, troubles).failed


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Watch:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    p, policy = demo(tmp_path / "project"), getattr(request, "param", "recreate")
    rollout = type(p.kubernetes.rollout)(failed_pods=policy, patience="10s", ignore_below=0.5)
    p = p.model_copy(update={"kubernetes": p.kubernetes.model_copy(update={"rollout": rollout})})
    cluster = Nowhere()
    monkeypatch.setattr(patience, "recreate", cluster.recreate)
    monkeypatch.setattr(patience, "stuck", lambda cluster, state, cause: ChangeFailed(cause))
    return Watch(Run(p, open_attempt(p, STEP, None, "command"), STEP), cluster)


def test_a_pod_that_is_made_anew_has_its_whole_time_again(watch: Watch) -> None:
    assert (watch.see(0, BAD), watch.see(9, BAD), watch.see(10, BAD)) == ((), (), ("u1",))
    assert watch.cluster.deleted == ["web-1 u1"]
    assert watch.see(19, BAD) == (), "it was not seen to go yet: it is not deleted at every look"
    acts = [event.data["what"] for event in journal.read(watch.run.attempt) if event.kind == "intent"]
    assert acts == ["re-create Pod/web-1"]


def test_a_pod_that_gets_out_of_trouble_is_forgotten(watch: Watch) -> None:
    assert (watch.see(0, BAD), watch.see(5), watch.see(9, BAD), watch.see(18, BAD)) == ((), (), (), ())
    assert watch.see(19, BAD) == ("u1",)


def test_neither_one_that_starts_nor_what_is_no_pod_has_a_time(watch: Watch) -> None:
    starting = Trouble("probe", "Pod/web-1", "it is starting", "wait", uid="u1", starting=True)
    quota = Trouble("quota", "ReplicaSet/web-1", "its Pods are refused", "raise it")
    assert (watch.see(0, starting, quota), watch.see(60, starting, quota)) == ((), ())
    assert (watch.see(61, BAD), watch.see(70, BAD), watch.see(71, BAD)) == ((), (), ("u1",))


@pytest.mark.parametrize("watch", ["fail"], indirect=True)
def test_where_the_parameters_say_so_it_fails_the_release(watch: Watch) -> None:
    watch.see(0, BAD)
    with pytest.raises(ChangeFailed, match="1 Pod in trouble for more than 10 s"):
        watch.see(10, BAD)
    assert watch.cluster.deleted == []


@pytest.mark.parametrize("watch", ["ignore"], indirect=True)
def test_where_the_parameters_say_so_it_is_left_alone(watch: Watch) -> None:
    assert (watch.see(0, BAD), watch.see(10, BAD)) == ((), ("u1",))
    assert watch.patience.deal_with(STATE, [BAD]).ignored
    assert watch.cluster.deleted == []


def test_each_reason_is_told_once_with_its_time(watch: Watch) -> None:
    for second in range(3):
        watch.see(second, BAD)
    told = [event.data["said"] for event in journal.read(watch.run.attempt) if event.kind == "trouble"]
    assert told == [str(BAD)]
