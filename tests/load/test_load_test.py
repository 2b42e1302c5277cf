"""When load is sent, and what ends it: a user, peak hours, an old side that suffers or cannot be seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from throwaway import demo, make_project

from runbook_lib import load
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.judge.rates import Interval
from runbook_lib.load import burns, load_test, mixture, rates
from runbook_lib.load import watch as load_watch
from runbook_lib.load.generate import Barrage, Shot, Wanted
from runbook_lib.observe.reach import Sender, Target
from runbook_lib.parameters import Parameters
from runbook_lib.record.attempt import Run
from runbook_lib.record.journal import read
from runbook_lib.sections import LoadTest

POD = Target("web-a", "http://127.0.0.1:9")
SENDER = Sender(requests.Session(), secret=lambda reference: f"behind {reference}")
READS = {"name": "orders", "path": "/orders"}
WRITES = {"name": "an order", "method": "POST", "path": "/orders", "status": 201}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return tmp_path / "project"


def parameters(project: Path, smoke: list[dict[str, Any]] | None = None, **wanted: Any) -> Parameters:
    values = demo(project).model_dump(mode="json")
    bounds = {"first": 100, "grow": 2, "most": 400, "step": "4s", **wanted}
    values["kubernetes"] |= {"smoke": smoke or [READS, WRITES], "load_test": bounds}
    values["metrics"]["scrape"] = "1ms"
    return Parameters.model_validate(values | {"dry_run": False})


class Old:
    """An old side that says what it is told to; by the looks that were taken."""

    says: Callable[[int], str] = staticmethod(lambda look: "")

    def __init__(self, clients: Clients) -> None:
        self.looks, self.seen = 0, 1
        self.under = Interval(1, 0, 0, 1e9, 0)

    def look(self) -> str:
        self.looks += 1
        return type(self).says(self.looks)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Where the users are and what the Pod carries; steps take no time."""
    said: dict[str, Any] = {"users": lambda look: "", "carries": 250, "looks": 0, "fired": []}

    def users(clients: Clients) -> str:
        said["looks"] += 1
        return cast(str, said["users"](said["looks"]))

    def fire(self: Barrage, mix: list[Wanted], rate: float, seconds: float, patience: float, seed: int) -> None:
        said["fired"].append(rate)
        slow = rate > said["carries"]
        due = [seconds * n / (rate * seconds) for n in range(round(rate * seconds))]
        self.shots += [Shot(at, at, at + (5.0 if slow else 0.01), True) for at in due]
        self.begun.set()

    monkeypatch.setattr(load, "user_free", users)
    monkeypatch.setattr(load, "OldSide", Old)
    monkeypatch.setattr(load.Barrage, "fire", fire)
    monkeypatch.setattr(Old, "says", staticmethod(lambda look: ""))
    monkeypatch.setattr(load, "cpu_samples", lambda *_: [])
    return said


def walked(project: Path, p: Parameters | None = None, target: Target = POD) -> tuple[load.Result, Run]:
    p = p or parameters(project)
    folder = project / "records" / "run" / "attempt-1"
    folder.mkdir(parents=True)
    run = Run(p, folder, ("pilot_deploy", None, None))
    return load_test(run, Clients(p), SENDER, target), run


def test_load_rises_until_the_pod_gives_way_and_stands_in_the_journal(project: Path, world: dict[str, Any]) -> None:
    found, run = walked(project)
    assert (found.found.low, found.found.high, found.stopped) == (200, 400, "")
    assert world["fired"] == [100, 200, 400]
    kinds = [event.kind for event in read(run.attempt) if event.kind != "progress"]
    assert kinds == ["intent", "result"]


def test_a_pod_that_holds_the_largest_rate_carries_at_least_that(project: Path, world: dict[str, Any]) -> None:
    world["carries"] = 1000
    found, _ = walked(project)
    assert (found.found.low, found.found.high) == (400, None)


def test_nothing_is_sent_while_a_user_is_there(project: Path, world: dict[str, Any]) -> None:
    world["users"] = lambda look: "5 % of the users are on the new side"
    found, _ = walked(project)
    assert (world["fired"], found.steps, found.stopped) == ([], (), "5 % of the users are on the new side")


def test_a_user_who_comes_ends_it_at_once_and_what_was_held_before_stays(project: Path, world: dict[str, Any]) -> None:
    world["users"] = lambda look: "" if not world["fired"][1:] else "1 % of the users are on the new side"
    found, _ = walked(project)
    assert (world["fired"], found.stopped) == ([100, 200], "1 % of the users are on the new side")
    assert found.found.high is None


def test_an_old_side_that_suffers_ends_it(
    project: Path, world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Old, "says", staticmethod(lambda look: "old side: 90 of 300 slow" if look > 2 else ""))
    found, _ = walked(project)
    assert (len(world["fired"]) < 3, found.stopped) == (True, "old side: 90 of 300 slow")


def test_nothing_is_sent_while_the_old_side_cannot_be_seen(
    project: Path, world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(clients: Clients) -> None:
        raise Unreachable("Prometheus does not answer")

    monkeypatch.setattr(load, "OldSide", blind)
    found, _ = walked(project)
    assert (world["fired"], found.stopped) == ([], "the old side cannot be seen: Prometheus does not answer")


def test_peak_hours_are_the_users_own(project: Path, world: dict[str, Any]) -> None:
    p = parameters(project)
    calendar = type(p.calendar)(peak=["00:00-24:00"])
    found, _ = walked(project, p.model_copy(update={"calendar": calendar}))
    assert (world["fired"], "00:00-24:00" in found.stopped) == ([], True)


def test_load_belongs_on_no_api_server(project: Path, world: dict[str, Any]) -> None:
    with pytest.raises(Unreachable, match="through the API server only"):
        walked(project, target=Target("web-a", "http://api/proxy", "API server"))
    assert world["fired"] == []


def test_a_dry_run_sends_nothing(project: Path, world: dict[str, Any]) -> None:
    found, _ = walked(project, parameters(project).model_copy(update={"dry_run": True}))
    assert (world["fired"], found.stopped) == ([], "dry run: nothing was changed")


# the mix


def mixed(p: Parameters) -> list[Wanted]:
    assert p.kubernetes.load_test is not None
    return mixture(p.kubernetes.load_test, p.kubernetes.smoke, SENDER, POD)


def test_the_mix_is_what_reads_and_expects_success_unless_it_is_named(project: Path) -> None:
    refused = {"name": "refused", "path": "/mine", "status": 401}
    named = {**READS, "name": "mine", "token": "env:KEY"}
    assert [w.url for w in mixed(parameters(project, [READS, WRITES, refused]))] == ["http://127.0.0.1:9/orders"]
    (wanted,) = mixed(parameters(project, [READS, named], mix={"mine": 2.0}))
    assert (wanted.headers["Authorization"], wanted.share) == ("Bearer behind env:KEY", 2.0)


@pytest.mark.parametrize(
    ("mix", "writes", "says"),
    [
        ({"absent": 1.0}, False, "'absent' is no smoke case; there are orders, an order"),
        ({"an order": 1.0}, False, "'an order' is not reading; load_test.writes allows that"),
    ],
)
def test_a_mix_that_cannot_be_or_may_not_be_sent_is_refused_before_anything_is(
    project: Path, world: dict[str, Any], mix: dict[str, float], writes: bool, says: str
) -> None:
    with pytest.raises(BadParameters, match=says):
        walked(project, parameters(project, mix=mix, writes=writes))
    assert world["fired"] == []


def test_what_writes_is_sent_when_the_parameters_allow_it(project: Path) -> None:
    (wanted,) = mixed(parameters(project, mix={"an order": 1.0}, writes=True))
    assert (wanted.method, wanted.status) == ("POST", 201)


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ({"first": 10, "grow": 2, "most": 50}, [10, 20, 40, 50]),
        ({"first": 10, "grow": 2, "most": 10}, [10]),
        ({"first": 5, "grow": 10, "most": 50}, [5, 50]),
    ],
)
def test_rates_rise_and_never_pass_the_largest(bounds: dict[str, float], found: list[float]) -> None:
    assert list(rates(LoadTest.model_validate(bounds))) == found


# what is looked at


def test_testers_are_users_and_an_unknown_weight_is_no_zero(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(parameters(project))
    for standing, says in ((("w", 0, False), ""), (("w", 3, False), "3 % of the users"), (("w", 0, True), "testers")):
        monkeypatch.setattr(load_watch, "read", lambda _, s=standing: type("S", (), {"weight": s[1], "testers": s[2]}))
        assert load_watch.user_free(clients).startswith(says)
        assert bool(load_watch.user_free(clients)) is bool(says)

    def silent(clients: Clients) -> None:
        raise Unreachable("nginx does not answer")

    monkeypatch.setattr(load_watch, "read", silent)
    assert "not known where the users are" in load_watch.user_free(clients)


def test_the_cpu_between_two_samples_belongs_to_the_requests_answered_between_them() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    samples = [(at + timedelta(seconds=s), v) for s, v in ((0, 1.0), (1, 1.5), (2, 0.1), (3, 0.3))]
    answers = [at.timestamp() + s for s in (0.5, 1.0, 1.5, 2.5, 9.0)]
    assert [(b.requests, round(b.cpu, 3)) for b in burns(samples, answers)] == [(2.0, 0.5), (1.0, 0.2)]
