"""Canary Ingress: what its annotations say, what a shift touches, and which canaries nobody would follow."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.act.traffic import knob
from runbook_lib.act.traffic.routes.ingress_canary import ARCHIVED
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed
from tests.act.traffic.route_world import World

PREFIX = "nginx.ingress.kubernetes.io/"
Object = dict[str, Any]


def ingress(name: str, service: str, host: str = "shop.example", path: str = "/", **annotations: str) -> Object:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "annotations": {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()},
        },
        "spec": {
            "rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}]
        },
    }


def both(world: World, **annotations: str) -> Clients:
    world.create(ingress("main", "old", proxy_body_size="8m"))
    world.create(ingress("orders", "new", **{"canary": "true"} | annotations))
    return clients(world)


def clients(world: World, **testers: str) -> Clients:
    return world.clients("ingress-canary", testers or None)


def annotations(world: World) -> dict[str, str]:
    found = world.get("Ingress")["metadata"]["annotations"]
    return {key.removeprefix(PREFIX): value for key, value in found.items()}


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({}, 0),
        ({"canary_weight": "5"}, 5),
        ({"canary_weight": "100"}, 100),
        ({"canary_weight": "1", "canary_weight_total": "10"}, 10),
        ({"canary_weight": "1", "canary_weight_total": "3"}, "no whole percent"),
        ({"canary_weight": "200"}, "is 200 of 100"),
        ({"canary_weight": "half"}, "is 'half'; expected is a whole number"),
        ({"canary_weight": "5", "canary": "false"}, "is no canary"),
    ],
)
def test_annotations_are_read_or_refused_but_never_guessed(world: World, held: dict[str, str], said: int | str) -> None:
    asked = both(world, **held)
    if isinstance(said, int):
        assert knob.read_weight(asked) == said
        return
    with pytest.raises(BadParameters, match=said):
        knob.read(asked)


def test_a_shift_sets_one_annotation_and_leaves_the_rest(world: World) -> None:
    asked = both(world, affinity="cookie")
    before = world.get("Ingress")
    change = knob.shift(asked, 10, expected=0)
    assert (change.before, change.after, change.done) == (0, 10, True)
    assert annotations(world) == {"canary": "true", "affinity": "cookie", "canary-weight": "10"}
    assert world.get("Ingress")["spec"] == before["spec"]
    assert not knob.shift(asked, 10).done
    assert knob.shift(asked, 100).after == 100
    assert knob.shift(asked, 0).after == 0
    assert annotations(world)["canary-weight"] == "0"


def test_that_the_controller_was_archived_is_told_when_the_first_users_come_and_not_again(world: World) -> None:
    asked = both(world)
    assert knob.shift(asked, 10).note == ARCHIVED
    assert [knob.shift(asked, weight).note for weight in (20, 20, 0)] == ["", "was already so", ""]


def test_a_total_other_than_100_is_kept_where_it_can_say_the_percent(world: World) -> None:
    asked = both(world, canary_weight="0", canary_weight_total="10")
    assert knob.shift(asked, 20).after == 20
    assert annotations(world)["canary-weight"] == "2"
    with pytest.raises(BadParameters, match="is 10, of which 25 % is no whole number; set it to 100"):
        knob.shift(asked, 25)
    assert knob.shift(asked, 0).after == 0


@pytest.mark.parametrize("main", [{"path": "/other"}, {"host": "other.example"}, {"canary": "true"}, None])
def test_a_canary_that_the_controller_would_ignore_gets_no_users(world: World, main: dict[str, str] | None) -> None:
    if main is not None:
        world.create(ingress("main", "old", **main))
    world.create(ingress("orders", "new", canary="true", canary_weight="5"))
    for act in (lambda: knob.shift(clients(world), 10), lambda: knob.preflight(clients(world))):
        with pytest.raises(BadParameters, match=r"no other Ingress of the namespace has that host and path"):
            act()
    assert knob.shift(clients(world), 0).after == 0  # the way back asks nobody


def test_the_way_back_is_open_whatever_the_weight_says(world: World) -> None:
    asked = both(world, canary_weight="200")
    change = knob.shift(asked, 0)
    assert (change.after, change.done) == (0, True)
    assert change.before.startswith("unclear")


def test_a_weight_that_was_not_expected_stops_a_shift(world: World) -> None:
    with pytest.raises(ChangeFailed, match="from 5 % to 50 %"):
        knob.shift(both(world, canary_weight="50"), 10, expected=5)


@pytest.mark.parametrize(
    ("testers", "marks"),
    [
        ({"header": "X-Tester", "value": "me"}, {"canary-by-header": "X-Tester", "canary-by-header-value": "me"}),
        ({"cookie": "tester"}, {"canary-by-cookie": "tester"}),
    ],
)
def test_testers_are_admitted_by_annotations_and_sent_away_again(
    world: World, testers: dict[str, str], marks: dict[str, str]
) -> None:
    both(world)
    asked, before = clients(world, **testers), annotations(world)
    assert knob.admit(asked, testers=True).done
    assert annotations(world) == before | marks
    assert knob.read(asked).testers
    assert not knob.admit(asked, testers=True).done
    assert knob.admit(asked, testers=False).done
    assert annotations(world) == before


def test_a_cookie_that_holds_anything_else_is_no_mark_for_this_controller(world: World) -> None:
    both(world)
    with pytest.raises(BadParameters, match="only knows cookies that hold `always`"):
        knob.admit(clients(world, cookie="tester", value="yes"), testers=True)


def test_testers_of_somebody_else_are_not_taken_away(world: World) -> None:
    both(world, canary_by_header="X-Theirs")
    for testers in (True, False):
        with pytest.raises(BadParameters, match="knows other testers already"):
            knob.admit(clients(world, header="X-Ours"), testers=testers)


def test_what_stood_there_is_put_back(world: World) -> None:
    asked = both(world, canary_weight="1", canary_weight_total="10", affinity="cookie")
    before, held = annotations(world), knob.read(asked).held
    knob.shift(asked, 50)
    world.patch("Ingress", {"metadata": {"annotations": {PREFIX + "canary-by-cookie": "x", PREFIX + "foreign": "y"}}})
    assert knob.restore(asked, held).done
    assert annotations(world) == before | {"foreign": "y"}
    with pytest.raises(BadParameters, match="nothing was changed"):
        knob.restore(asked, {"annotations": None})


def test_an_ingress_that_is_not_there_is_one_sentence(world: World) -> None:
    for act in (knob.read, knob.preflight, lambda asked: knob.shift(asked, 10)):
        with pytest.raises(BadParameters, match=r"there is no Ingress routes-\w+/orders"):
            act(clients(world))
