"""VirtualService: which destinations are a side, what a shift touches, and where the route for testers stands."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.act.traffic import knob
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed
from tests.act.traffic.route_world import World

Object = dict[str, Any]


def to(host: str, weight: int | None = None, **more: Any) -> Object:
    host, _, subset = host.partition("/")
    destination = {"host": host, "port": {"number": 80}} | ({"subset": subset} if subset else {})
    return {"destination": destination, **({} if weight is None else {"weight": weight}), **more}


def split(legacy: int, kubernetes: int, **more: Any) -> Object:
    return {**more, "route": [to("old", legacy), to("new", kubernetes)]}


def create(world: World, *https: Object) -> Object:
    spec = {"hosts": ["orders.example"], "gateways": ["shop"], "http": list(https), "tcp": [{"route": [to("db")]}]}
    head = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "orders"}}
    return world.create({**head, "spec": spec})


def clients(world: World, legacy: str = "old", kubernetes: str = "new", **testers: str) -> Clients:
    return world.clients("virtual-service", testers or None, legacy=legacy, kubernetes=kubernetes)


@pytest.mark.parametrize(
    ("https", "said"),
    [
        ([split(100, 0)], 0),
        ([split(0, 100)], 100),
        ([split(95, 5), {"route": [to("old")]}], 5),
        ([{"route": [to("old", 100), to("new")]}], 0),
        ([{"route": [to("old.NAMESPACE.svc.cluster.local", 90), to("new", 10)]}], 10),
        ([split(2, 1)], "no whole percent"),
        ([split(90, 10), split(80, 20, name="rest")], r"http route 1 says 10 %, http route 2 \(rest\) says 20 %"),
        ([{"route": [to("old", 80), to("new", 10), to("third", 10)]}], "sends users to third, too"),
        ([{"route": [to("old", 100)]}], "no http route goes to both old and new"),
        ([{"route": [to("old", 90), to("new/a", 5), to("new/b", 5)]}], "write host/subset"),
    ],
)
def test_weights_are_read_or_refused_but_never_guessed(world: World, https: list[Object], said: int | str) -> None:
    for http in https:
        for one in http["route"]:
            one["destination"]["host"] = one["destination"]["host"].replace("NAMESPACE", world.namespace)
    create(world, *https)
    if isinstance(said, int):
        assert knob.read_weight(clients(world)) == said
        return
    with pytest.raises(BadParameters, match=said):
        knob.read(clients(world))


def test_subsets_of_one_host_are_sides(world: World) -> None:
    create(world, {"route": [to("orders/vms", 100), to("orders/pods", 0)]})
    asked = clients(world, "orders/vms", "orders/pods")
    assert knob.shift(asked, 25).after == 25
    weights = [one["weight"] for one in world.get("VirtualService")["spec"]["http"][0]["route"]]
    assert weights == [75, 25]


def test_a_shift_changes_the_weights_and_nothing_else(world: World) -> None:
    health = {"match": [{"uri": {"exact": "/health"}}], "route": [to("old")], "retries": {"attempts": 2}}
    made = create(world, health, split(100, 0, timeout="10s", name="all"))
    assert knob.shift(clients(world), 10, expected=0).done
    made["spec"]["http"][1]["route"][0]["weight"], made["spec"]["http"][1]["route"][1]["weight"] = 90, 10
    assert world.get("VirtualService")["spec"] == made["spec"]
    assert not knob.shift(clients(world), 10).done
    with pytest.raises(ChangeFailed, match="from 0 % to 10 %"):
        knob.shift(clients(world), 20, expected=0)
    assert knob.shift(clients(world), 0, expected=55).after == 0


@pytest.mark.parametrize(
    ("testers", "mark"),
    [
        ({"header": "X-Tester", "value": "me"}, {"x-tester": {"exact": "me"}}),
        ({"cookie": "tester"}, {"cookie": {"regex": "(.*;[ ]*)?tester=always([ ]*;.*)?"}}),
    ],
)
def test_testers_get_a_route_before_the_one_that_splits(world: World, testers: dict[str, str], mark: Object) -> None:
    health = {"match": [{"uri": {"exact": "/health"}}], "route": [to("old")]}
    api = split(
        100, 0, match=[{"uri": {"prefix": "/api"}, "headers": {"x-a": {"exact": "b"}}}], timeout="10s", name="api"
    )
    before = create(world, health, api, split(100, 0))["spec"]
    asked = clients(world, **testers)
    assert knob.admit(asked, testers=True).done
    assert not knob.admit(asked, testers=True).done
    https = world.get("VirtualService")["spec"]["http"]
    assert [https[0], https[2], https[4]] == before["http"]
    assert https[1] == {
        "match": [{"uri": {"prefix": "/api"}, "headers": {"x-a": {"exact": "b"}, **mark}}],
        "timeout": "10s",
        "route": [to("new")],
    }
    assert https[3] == {"match": [{"headers": mark}], "route": [to("new")]}
    assert knob.read(asked).testers and knob.read_weight(asked) == 0
    assert knob.admit(asked, testers=False).done
    assert world.get("VirtualService")["spec"] == before


def test_what_stood_there_is_put_back(world: World) -> None:
    create(world, split(90, 10, name="all"))
    asked = clients(world, header="x")
    before, held = world.get("VirtualService")["spec"], knob.read(asked).held
    knob.shift(asked, 50)
    knob.admit(asked, testers=True)
    assert knob.restore(asked, held).done
    assert world.get("VirtualService")["spec"] == before
    with pytest.raises(BadParameters, match="nothing was changed"):
        knob.restore(asked, [])


def test_a_virtual_service_that_is_not_there_is_one_sentence(world: World) -> None:
    with pytest.raises(BadParameters, match=r"there is no VirtualService routes-\w+/orders"):
        knob.preflight(clients(world))
