"""Istio: the weights of a VirtualService's destinations are the shares; a route with a match before it is for testers.

Routes are tried in their order, so the one for testers stands directly before the one that it is a copy of.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runbook_lib.act.traffic.routes import flow
from runbook_lib.act.traffic.routes.flow import Turn
from runbook_lib.act.traffic.routes.live import Kind, Object, find
from runbook_lib.act.traffic.routes.share import agreed, percent
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.model import Change
from runbook_lib.sections.traffic import Testers, VirtualService

KIND = Kind(
    "networking.istio.io",
    ("v1", "v1beta1", "v1alpha3"),
    "VirtualService",
    "virtualservices",
    "install Istio, or take another knob",
)


@dataclass(frozen=True)
class _Split:
    """An http route to both sides: where it stands, its name in sentences, and the destination of each side."""

    at: int
    name: str
    http: Object
    legacy: Object
    kubernetes: Object


def read(knob: VirtualService, clients: Clients) -> Standing:
    """What the VirtualService says now; BadParameters when it is unclear."""
    found = find(clients, KIND, knob.namespace, knob.name)
    return Standing(_weight(knob, found), _testers(knob, clients, found), {"spec": found["spec"]})


def shift(knob: VirtualService, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Set the weights of both destinations in every http route that names both; no other route is touched."""
    turn = _turn(knob, clients, lambda found: _set_weight(knob, found, weight)).with_(
        message=f"send {weight} % of the users to {knob.kubernetes}", expected=expected, urgent=weight == 0
    )
    return flow.carry_out(turn)


def admit(knob: VirtualService, clients: Clients, testers: Testers | None) -> Change:
    """Put a route for testers before every route that splits, or take it away again."""
    known = testers or clients.parameters.traffic.testers

    def edit(found: Object) -> None:
        https = [http for http in _https(found) if not (known and _is_for(knob, found, http, known))]
        found["spec"]["http"] = https
        for split in reversed(_splits(knob, found)):
            if testers:
                https.insert(split.at, _route_for(split, testers))

    what = "testers go to the new side" if testers else "testers go where everybody goes"
    turn = _turn(knob, clients, edit).with_(what="testers", unit=" (testers)", message=what)
    return flow.carry_out(turn.with_(says=lambda found: _testers(knob, clients, found)))


def restore(knob: VirtualService, clients: Clients, held: Any) -> Change:
    """Put back the spec that stood there; in a repository, too: Istio adds no defaults to it."""
    if not isinstance(held, dict) or not isinstance(held.get("spec"), dict):
        raise BadParameters(
            f"what was held of VirtualService {knob.namespace}/{knob.name} is no spec; nothing was changed"
        )

    def put_back(found: Object) -> None:
        found["spec"] = copy.deepcopy(held["spec"])

    back = flow.is_way_back(lambda: _weight(knob, {"spec": held["spec"]}))
    turn = _turn(knob, clients, put_back).with_(message="put back what stood there", urgent=back)
    return flow.carry_out(turn.with_(unclear=True))


def preflight(knob: VirtualService, clients: Clients) -> None:
    """Unreachable or BadParameters when the VirtualService could not be turned now."""
    flow.preflight(knob, clients, KIND, lambda found: _weight(knob, found))


def _turn(knob: VirtualService, clients: Clients, edit: Callable[[Object], None]) -> Turn:
    return Turn(knob, clients, KIND, edit, lambda found: _weight(knob, found))


def _https(found: Object) -> list[Object]:
    return (found.get("spec") or {}).get("http") or []


def _weight(knob: VirtualService, found: Object) -> int:
    shares: dict[str, int] = {}
    for split in _splits(knob, found):
        where = f"VirtualService {knob.name}: {split.name}"
        others = [one for one in split.http["route"] if one is not split.legacy and one is not split.kubernetes]
        if used := [_called(one) for one in others if one.get("weight", 0)]:
            raise BadParameters(f"{where} sends users to {', '.join(used)}, too; give it the weight 0")
        shares[split.name] = percent(split.legacy.get("weight", 0), split.kubernetes.get("weight", 0), where)
    return agreed(shares, f"VirtualService {knob.name}")


def _set_weight(knob: VirtualService, found: Object, weight: int) -> None:
    for split in _splits(knob, found):
        if (split.legacy.get("weight", 0), split.kubernetes.get("weight", 0)) != (100 - weight, weight):
            split.legacy["weight"], split.kubernetes["weight"] = 100 - weight, weight


def _splits(knob: VirtualService, found: Object) -> list[_Split]:
    """Every http route to both sides; BadParameters when there is none, or one names a side twice."""
    result = []
    for at, http in enumerate(_https(found)):
        name = f"http route {at + 1}" + (f" ({http['name']})" if http.get("name") else "")
        legacy, kubernetes = (
            [one for one in http.get("route") or [] if _is_side(one, side, knob.namespace)]
            for side in (knob.legacy, knob.kubernetes)
        )
        if max(len(legacy), len(kubernetes)) > 1:
            raise BadParameters(
                f"VirtualService {knob.name}: {name} names a side twice; needed is one destination a side: where both "
                "have one host, write host/subset in traffic.knob"
            )
        if legacy and kubernetes:
            result.append(_Split(at, name, http, legacy[0], kubernetes[0]))
    if not result:
        raise BadParameters(
            f"VirtualService {knob.namespace}/{knob.name}: no http route goes to both {knob.legacy} and "
            f"{knob.kubernetes}; add the missing destination with weight 0"
        )
    return result


def _is_side(one: Object, side: str, namespace: str) -> bool:
    """A host without dots is a Service of the object's own namespace, as Istio reads it."""
    destination = one.get("destination") or {}
    host, _, subset = side.partition("/")
    return _whole(str(destination.get("host", "")), namespace) == _whole(host, namespace) and (
        not subset or destination.get("subset") == subset
    )


def _whole(host: str, namespace: str) -> str:
    return host if "." in host else f"{host}.{namespace}.svc.cluster.local"


def _called(one: Object) -> str:
    destination = one.get("destination") or {}
    return "/".join(filter(None, (str(destination.get("host")), destination.get("subset"))))


def _route_for(split: _Split, testers: Testers) -> Object:
    """The route again, for testers only: every match asks for their mark, too, and it knows the new side only."""
    http = {key: copy.deepcopy(value) for key, value in split.http.items() if key not in ("name", "match", "route")}
    matches = [
        {**copy.deepcopy(match), "headers": {**(match.get("headers") or {}), **_mark(testers)}}
        for match in split.http.get("match") or [{}]
    ]
    only = {key: copy.deepcopy(value) for key, value in split.kubernetes.items() if key != "weight"}
    return {"match": matches, **http, "route": [only]}


def _mark(testers: Testers) -> Object:
    if testers.header:
        return {testers.header.lower(): {"exact": testers.value}}
    pair = re.escape(f"{testers.cookie}={testers.value}")
    return {"cookie": {"regex": f"(.*;[ ]*)?{pair}([ ]*;.*)?"}}


def _is_for(knob: VirtualService, found: Object, http: Object, testers: Testers) -> bool:
    """True for a route that sends exactly those testers, and nobody else, to the new side only."""
    namespace = found["metadata"].get("namespace", knob.namespace)
    mark = _mark(testers)
    marks = [mark.items() <= (match.get("headers") or {}).items() for match in http.get("match") or []]
    ends = http.get("route") or []
    return bool(marks) and all(marks) and len(ends) == 1 and _is_side(ends[0], knob.kubernetes, namespace)


def _testers(knob: VirtualService, clients: Clients, found: Object) -> bool:
    testers = clients.parameters.traffic.testers
    return testers is not None and any(_is_for(knob, found, http, testers) for http in _https(found))
