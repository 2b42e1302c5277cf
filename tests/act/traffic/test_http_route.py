"""HTTPRoute: what its weights say, what a shift touches and leaves alone, and every way in which it fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.act.traffic import knob
from runbook_lib.act.traffic.routes import flow, live, status
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, Unreachable
from tests.act.traffic.route_world import Scripted, World, write_kubeconfig

Object = dict[str, Any]
SIDES = {"legacy": "old", "kubernetes": "new"}
PARENT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "shop"}


def ref(name: str, weight: int | None) -> Object:
    return {"name": name, "port": 80} | ({} if weight is None else {"weight": weight})


def rule(legacy: int | None, kubernetes: int | None, *more: Object, **rest: Any) -> Object:
    return {"backendRefs": [ref("old", legacy), *more, ref("new", kubernetes)], **rest}


def http_route(*rules: Object) -> Object:
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "orders"}}
    return {**head, "spec": {"parentRefs": [{"name": "shop"}], "rules": list(rules)}}


def clients(world: World, **testers: str) -> Clients:
    return world.clients("http-route", testers or None, **SIDES)


# --- reading


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([rule(100, 0)], 0),
        ([rule(0, 1)], 100),
        ([rule(95, 5), {"backendRefs": [ref("old", 1)]}], 5),
        ([rule(9, 1)], 10),
        ([rule(None, None)], 50),
        ([rule(90, 10, ref("third", 0)), rule(9, 1)], 10),
        ([rule(2, 1)], "1 of 3 users to the new side, which is no whole percent"),
        ([rule(0, 0)], "the weight 0 on both sides"),
        ([rule(90, 10), rule(95, 5)], "rule 1 says 10 %, rule 2 says 5 %"),
        ([rule(90, 10, ref("third", 1))], "rule 1 sends users to third, too"),
        ([rule(90, 10, ref("new", 1))], "names a side twice"),
        ([{"backendRefs": [ref("old", 1)]}], "no rule names both old and new"),
    ],
)
def test_weights_are_read_as_shares_or_refused_but_never_guessed(
    world: World, rules: list[Object], said: int | str
) -> None:
    world.create(http_route(*rules))
    if isinstance(said, int):
        assert knob.read_weight(clients(world)) == said
        return
    with pytest.raises(BadParameters, match=said):
        knob.read(clients(world))


# --- writing

RICH = {
    "matches": [{"path": {"type": "PathPrefix", "value": "/orders"}}],
    "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "x", "value": "y"}]}}],
    "timeouts": {"request": "10s"},
}


def test_a_shift_changes_two_numbers_a_rule_and_nothing_else(world: World) -> None:
    other = {"matches": [{"path": {"type": "Exact", "value": "/health"}}], "backendRefs": [ref("old", 1)]}
    world.create(http_route(rule(100, 0, ref("third", 0), **RICH), other, rule(100, 0)))
    before = world.get("HTTPRoute")
    change = knob.shift(clients(world), 10, expected=0)
    after = world.get("HTTPRoute")
    assert (change.before, change.after, change.done) == (0, 10, True)
    for at in (0, 2):
        refs = before["spec"]["rules"][at]["backendRefs"]
        refs[0]["weight"], refs[-1]["weight"] = 90, 10
    assert after["spec"] == before["spec"]
    assert list(after["spec"]["rules"][0]) == list(before["spec"]["rules"][0])


@pytest.mark.parametrize("weight", [0, 1, 99, 100])
def test_what_is_right_already_is_not_written(world: World, weight: int) -> None:
    world.create(http_route(rule(100 - weight, weight)))
    before = world.get("HTTPRoute")
    change = knob.shift(clients(world), weight)
    assert (change.before, change.after, change.done) == (weight, weight, False)
    assert world.get("HTTPRoute") == before


def test_shares_that_say_the_same_are_left_as_they_are_written(world: World) -> None:
    world.create(http_route(rule(9, 1)))
    assert not knob.shift(clients(world), 10).done


def test_a_weight_that_was_not_expected_stops_a_shift_but_never_a_way_back(world: World) -> None:
    world.create(http_route(rule(50, 50)))
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 10 % to 50 %"):
        knob.shift(clients(world), 20, expected=10)
    assert knob.read_weight(clients(world)) == 50
    assert knob.shift(clients(world), 0, expected=10).after == 0


def test_the_way_back_is_open_when_the_rules_do_not_agree(world: World) -> None:
    world.create(http_route(rule(90, 10), rule(95, 5, ref("third", 1))))
    with pytest.raises(BadParameters, match="third"):
        knob.shift(clients(world), 20)
    world.replace({**world.get("HTTPRoute"), "spec": http_route(rule(90, 10), rule(95, 5))["spec"]})
    change = knob.shift(clients(world), 0)
    assert (change.after, knob.read_weight(clients(world))) == (0, 0)
    assert "do not agree" in change.before


def test_what_stood_there_is_put_back_field_for_field(world: World) -> None:
    world.create(http_route(rule(9, 1, **RICH), rule(90, 10)))
    asked = clients(world, header="X-Tester")
    held = knob.read(asked).held
    before = world.get("HTTPRoute")["spec"]
    knob.shift(asked, 50)
    knob.admit(asked, testers=True)
    assert knob.restore(asked, copy.deepcopy(held)).done
    assert world.get("HTTPRoute")["spec"] == before
    assert not knob.restore(asked, held).done


def test_what_stood_there_is_put_back_even_if_it_was_unclear(world: World) -> None:
    world.create(http_route(rule(90, 10), rule(95, 5)))
    before = world.get("HTTPRoute")["spec"]
    knob.shift(clients(world), 0)
    assert knob.restore(clients(world), {"spec": before}).done
    assert world.get("HTTPRoute")["spec"] == before


@pytest.mark.parametrize("held", [None, "spec", {}, {"spec": 1}])
def test_what_is_no_spec_is_not_put_back(world: World, held: Any) -> None:
    world.create(http_route(rule(100, 0)))
    with pytest.raises(BadParameters, match="nothing was changed"):
        knob.restore(clients(world), held)


# --- testers


def test_testers_get_rules_in_front_and_the_others_stay_as_they_are(world: World) -> None:
    world.create(http_route(rule(100, 0, **RICH), rule(100, 0, name="rest")))
    asked = clients(world, header="X-Tester", value="yes")
    before = world.get("HTTPRoute")["spec"]["rules"]
    assert knob.admit(asked, testers=True).done
    assert not knob.admit(asked, testers=True).done
    rules = world.get("HTTPRoute")["spec"]["rules"]
    assert rules[2:] == before
    mark = {"type": "Exact", "name": "X-Tester", "value": "yes"}
    assert rules[0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/orders"}, "headers": [mark]}]
    assert [one["name"] for one in rules[0]["backendRefs"]] == ["new"]
    assert (rules[0]["filters"], rules[0]["timeouts"]) == (RICH["filters"], RICH["timeouts"])
    assert knob.read(asked).testers and knob.read_weight(asked) == 0
    knob.shift(asked, 5)
    assert knob.read(asked).testers
    assert "testers are not sent" in knob.shift(asked, 0).note
    assert not knob.admit(asked, testers=False).done
    assert world.get("HTTPRoute")["spec"]["rules"] == before
    assert not knob.read(asked).testers


def test_a_cookie_needs_a_controller_that_says_whether_it_takes_a_regular_expression(world: World) -> None:
    world.create(http_route(rule(100, 0)))
    asked = clients(world, cookie="tester")
    with pytest.raises(BadParameters, match=r"know testers by a header \(traffic\.testers\.header\)"):
        knob.admit(asked, testers=True)


# --- controllers


def reported(generation: int, **conditions: str) -> Object:
    made = [
        {"type": kind, "status": value, "reason": "Because", "message": "it says so", "observedGeneration": generation}
        for kind, value in conditions.items()
    ]
    return {"status": {"parents": [{"parentRef": PARENT, "controllerName": "gw", "conditions": made}]}}


@pytest.fixture
def controller(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Object], Object | None]], None]:
    """A controller that answers every read of the route after a write: what it returns becomes the status."""

    def install(says: Callable[[Object], Object | None]) -> None:
        real = live.find

        def find(*arguments: Any) -> Object:
            found = real(*arguments)
            if (wanted := says(found)) is not None:
                world.patch("HTTPRoute", wanted, under="/status")
            return found

        monkeypatch.setattr(flow, "find", find)
        monkeypatch.setattr(status, "WITHIN", 1.0)

    return install


def test_a_controller_that_accepts_is_waited_for(world: World, controller: Any) -> None:
    world.create(http_route(rule(100, 0)))
    seen: list[int] = []

    def accept_late(found: Object) -> Object | None:
        seen.append(found["metadata"]["generation"])
        late = seen.count(2) > 3
        return reported(2 if late else 1, Accepted="True", ResolvedRefs="True")

    controller(lambda found: reported(1, Accepted="True", ResolvedRefs="True"))
    knob.shift(clients(world), 0)
    controller(accept_late)
    assert knob.shift(clients(world), 10).note == ""
    assert seen.count(2) > 3


@pytest.mark.parametrize("condition", ["Accepted", "ResolvedRefs"])
def test_what_the_controller_refuses_is_put_back(world: World, controller: Any, condition: str) -> None:
    world.create(http_route(rule(100, 0)))
    world.patch("HTTPRoute", reported(1, Accepted="True", ResolvedRefs="True"), under="/status")

    def refuse(found: Object) -> Object | None:
        generation = found["metadata"]["generation"]
        good = {"Accepted": "True", "ResolvedRefs": "True"}
        return reported(generation, **(good | ({condition: "False"} if generation == 2 else {})))

    controller(refuse)
    with pytest.raises(
        ChangeFailed, match=rf"gw refuses it \({condition} is False, Because: it says so\); it is as it"
    ):
        knob.shift(clients(world), 10)
    assert knob.read_weight(clients(world)) == 0


def test_a_way_back_that_the_controller_does_not_take_stays_written(world: World, controller: Any) -> None:
    world.create(http_route(rule(50, 50)))
    world.patch("HTTPRoute", reported(1, Accepted="True"), under="/status")
    controller(lambda found: None)  # it never looks
    with pytest.raises(ChangeFailed, match=r"within 1 s: the gateway may still follow .* 50 %"):
        knob.shift(clients(world), 0)
    assert knob.read_weight(clients(world)) == 0


def test_a_route_that_is_refused_now_is_no_knob(world: World) -> None:
    world.create(http_route(rule(100, 0)))
    world.patch("HTTPRoute", reported(1, Accepted="False"), under="/status")
    with pytest.raises(BadParameters, match="is not in force"):
        knob.preflight(clients(world))
    with pytest.raises(ChangeFailed, match="nothing was written"):
        knob.shift(clients(world), 10)


# --- what goes wrong


@pytest.fixture
def meddling(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Somebody else writes between our reads and our writes, so many times."""

    def install(times: int, meddle: Callable[[int], None]) -> None:
        real, seen = live.find, []

        def find(*arguments: Any) -> Object:
            found = real(*arguments)
            seen.append(1)
            if len(seen) <= times:
                meddle(len(seen))
            return found

        monkeypatch.setattr(flow, "find", find)

    return install


def test_a_foreign_write_is_compared_anew_and_kept(world: World, meddling: Any) -> None:
    world.create(http_route(rule(100, 0)))
    meddling(1, lambda turn: world.label("HTTPRoute", str(turn)))
    assert knob.shift(clients(world), 10, expected=0).after == 10
    assert world.get("HTTPRoute")["metadata"]["labels"] == {"foreign": "1"}


def test_a_foreign_shift_in_the_middle_is_noticed(world: World, meddling: Any) -> None:
    world.create(http_route(rule(100, 0)))
    meddling(1, lambda _: world.replace({**world.get("HTTPRoute"), "spec": http_route(rule(50, 50))["spec"]}) and None)
    with pytest.raises(ChangeFailed, match="from 0 % to 50 %"):
        knob.shift(clients(world), 10, expected=0)
    assert knob.read_weight(clients(world)) == 50


def test_somebody_who_never_stops_writing_is_named(world: World, meddling: Any) -> None:
    world.create(http_route(rule(100, 0)))
    meddling(9, lambda turn: world.label("HTTPRoute", str(turn)))
    with pytest.raises(
        ChangeFailed, match=r"somebody else wrote it 2 times .* it says 0 % .* nothing of ours was written"
    ):
        knob.shift(clients(world), 10)


def test_an_object_that_was_deleted_is_one_sentence(world: World, meddling: Any) -> None:
    with pytest.raises(BadParameters, match=r"there is no HTTPRoute routes-\w+/orders in the cluster"):
        knob.read(clients(world))
    world.create(http_route(rule(100, 0)))
    meddling(1, lambda _: world.delete("HTTPRoute"))
    with pytest.raises(ChangeFailed, match="was deleted while it was being changed; nothing was written"):
        knob.shift(clients(world), 10)


def test_a_cluster_without_the_kind_says_what_to_install(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from runbook_lib.act.traffic.routes import http_route as module

    absent = live.Kind("gateway.example", ("v2", "v1"), "HTTPRoute", "httproutes", "install the Gateway API")
    monkeypatch.setattr(module, "KIND", absent)
    with pytest.raises(BadParameters, match=r"knows no HTTPRoute \(gateway.example\): install the Gateway API"):
        knob.read(clients(world))


def test_what_the_api_refuses_leaves_what_was_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create(http_route(rule(100, 0)))
    from runbook_lib.act.traffic.routes import http_route as module

    monkeypatch.setattr(module, "_set_weight", lambda _, found, __: found["spec"]["rules"][0]["backendRefs"].pop(0) and
                        found["spec"]["rules"][0]["backendRefs"][0].update(weight=-1))  # fmt: skip
    with pytest.raises(ChangeFailed, match=r"the API refuses HTTPRoute .* it is as it was"):
        knob.shift(clients(world), 10)
    assert knob.read_weight(clients(world)) == 0


# --- an API that fails


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Scripted, Clients]]]:
    made: list[Scripted] = []
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def make(*writes: Any) -> tuple[Scripted, Clients]:
        found = http_route(rule(50, 50))
        found["metadata"] |= {"namespace": "shop", "resourceVersion": "1"}
        api = Scripted(found, *writes)
        made.append(api)
        return api, World(write_kubeconfig(tmp_path / "kubeconfig", api.url), "shop", None).clients(
            "http-route", **SIDES
        )

    yield make
    for api in made:
        api.close()


def test_a_throttled_write_waits_as_long_as_it_is_told(scripted: Any) -> None:
    api, asked = scripted((429, {"Retry-After": "0"}), (429, {"Retry-After": "0"}), (200, {}))
    assert knob.shift(asked, 60).done
    assert api.asked == ["GET", "PUT", "PUT", "PUT", "GET"]


def test_an_api_that_throttles_for_ever_is_unreachable(scripted: Any) -> None:
    _, asked = scripted(*[(429, {"Retry-After": "0"})] * 9)
    with pytest.raises(Unreachable, match=r"has too much to do .* nothing was changed"):
        knob.shift(asked, 60)


@pytest.mark.parametrize("wish", ["lost", (504, {})])
def test_a_write_that_was_not_answered_and_not_made_says_what_stands(scripted: Any, wish: Any) -> None:
    _, asked = scripted(wish)
    with pytest.raises(ChangeFailed, match=r"was not answered .* it is as it was, 50 %"):
        knob.shift(asked, 60)


def test_a_write_that_was_not_answered_but_made_is_done(scripted: Any) -> None:
    _, asked = scripted("written")
    assert knob.shift(asked, 60).after == 60


def test_nothing_is_said_that_is_not_known_when_the_api_goes_in_the_middle(scripted: Any) -> None:
    _, asked = scripted("gone")
    with pytest.raises(ChangeFailed, match=r"it may say 50 % .* or 60 % .*; read it as soon as the API answers"):
        knob.shift(asked, 60)


def test_an_api_that_is_away_is_unreachable(scripted: Any) -> None:
    api, asked = scripted()
    api.close()
    for act in (knob.read, lambda asked: knob.shift(asked, 0), knob.preflight):
        with pytest.raises(Unreachable, match=r"does not answer .* nothing was changed"):
            act(asked)


@pytest.mark.parametrize(
    ("testers", "knobs"),
    [
        (None, {"legacy": "new"}),
        (None, {"name": "../orders"}),
        (None, {"git": {"repository": ".", "file": "../x"}}),
        (None, {"git": {"repository": ".", "file": "x", "branch": "--upload-pack=x"}}),
        (None, {"git": {"repository": ".", "file": "x", "remote": "-o"}}),
        ({"header": "X Tester"}, {}),
        ({"header": "X-Tester", "value": "a\nb"}, {}),
        ({"cookie": "tester", "value": "a;b"}, {}),
    ],
)
def test_what_git_or_http_would_read_as_something_else_is_refused(
    world: World, testers: Object | None, knobs: Object
) -> None:
    with pytest.raises(BadParameters, match="the test: traffic"):
        world.clients("http-route", testers, **(SIDES | knobs))
