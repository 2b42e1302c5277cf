"""Gateway API: the weights of an HTTPRoute's backendRefs are the shares; a rule with a header match is for testers.

The legacy side is a backendRef like the other: a Service without a selector whose EndpointSlice names the machines.
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
from runbook_lib.act.traffic.routes.status import acceptance
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.model import Change
from runbook_lib.sections.traffic import HttpRoute, Testers

KIND = Kind(
    "gateway.networking.k8s.io",
    ("v1", "v1beta1"),
    "HTTPRoute",
    "httproutes",
    "install the Gateway API and a gateway that follows it, or take another knob",
)


@dataclass(frozen=True)
class _Split:
    """A rule that sends users to both sides: its name in sentences, and the backendRef of each side."""

    name: str
    rule: Object
    legacy: Object
    kubernetes: Object


def read(knob: HttpRoute, clients: Clients) -> Standing:
    """What the route says now; BadParameters when it is unclear."""
    found = find(clients, KIND, knob.namespace, knob.name)
    return Standing(_weight(knob, found), _testers(knob, clients, found), {"spec": found["spec"]})


def shift(knob: HttpRoute, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Set the weights of both backendRefs in every rule that names both; nothing else of the route is touched."""
    turn = _turn(knob, clients, lambda found: _set_weight(knob, found, weight))
    turn = turn.with_(message=f"send {weight} % of the users to {knob.kubernetes}", expected=expected)
    return flow.carry_out(turn.with_(urgent=weight == 0))


def admit(knob: HttpRoute, clients: Clients, testers: Testers | None) -> Change:
    """Put a rule for testers in front of every rule that splits, or take it away again."""
    if testers and testers.cookie:
        _require_a_judge_of_cookies(knob, clients)
    known = testers or clients.parameters.traffic.testers
    what = "testers go to the new side" if testers else "testers go where everybody goes"
    turn = _turn(knob, clients, lambda found: _let_in(knob, found, testers, known)).with_(message=what, what="testers")
    return flow.carry_out(turn.with_(says=lambda found: _testers(knob, clients, found), unit=" (testers)"))


def restore(knob: HttpRoute, clients: Clients, held: Any) -> Change:
    """Put back the spec that stood there; in a repository the weights and the testers' rules of that spec."""
    if not isinstance(held, dict) or not isinstance(held.get("spec"), dict):
        raise BadParameters(f"what was held of HTTPRoute {knob.namespace}/{knob.name} is no spec; nothing was changed")

    def put_back(found: Object) -> None:
        found["spec"] = copy.deepcopy(held["spec"])

    def put_back_in_file(found: Object) -> None:
        """The file holds no defaults of the API's: what the split and the testers make of it is set, no more."""
        known = clients.parameters.traffic.testers
        _set_weight(knob, found, _weight(knob, held))
        _let_in(knob, found, known if _testers(knob, clients, held) else None, known)

    turn = _turn(knob, clients, put_back).with_(message="put back what stood there", git_edit=put_back_in_file)
    return flow.carry_out(turn.with_(unclear=True, urgent=flow.is_way_back(lambda: _weight(knob, held))))


def preflight(knob: HttpRoute, clients: Clients) -> None:
    """Unreachable or BadParameters when the route could not be turned now."""
    found = flow.preflight(knob, clients, KIND, lambda found: _weight(knob, found))
    if refusals := acceptance(found).refusals:
        raise BadParameters(
            f"HTTPRoute {knob.namespace}/{knob.name} is not in force: {'; '.join(refusals.values())}; mend that first"
        )


def _turn(knob: HttpRoute, clients: Clients, edit: Callable[[Object], None]) -> Turn:
    return Turn(knob, clients, KIND, edit, lambda found: _weight(knob, found), accepted=acceptance)


def _weight(knob: HttpRoute, found: Object) -> int:
    shares: dict[str, int] = {}
    for split in _splits(knob, found):
        others = [ref for ref in split.rule["backendRefs"] if ref is not split.legacy and ref is not split.kubernetes]
        if used := [str(ref.get("name")) for ref in others if ref.get("weight", 1)]:
            raise BadParameters(
                f"HTTPRoute {knob.name}: {split.name} sends users to {', '.join(used)}, too; give it the weight 0"
            )
        where = f"HTTPRoute {knob.name}: {split.name}"
        shares[split.name] = percent(split.legacy.get("weight", 1), split.kubernetes.get("weight", 1), where)
    return agreed(shares, f"HTTPRoute {knob.name}")


def _set_weight(knob: HttpRoute, found: Object, weight: int) -> None:
    for split in _splits(knob, found):
        now = split.legacy.get("weight", 1), split.kubernetes.get("weight", 1)
        if sum(now) and now[1] * 100 == weight * sum(now):
            continue  # 9 to 1 is 10 % already
        split.legacy["weight"], split.kubernetes["weight"] = 100 - weight, weight


def _splits(knob: HttpRoute, found: Object) -> list[_Split]:
    """Every rule that names both sides; BadParameters when there is none, or one names a side twice."""
    result = []
    for number, rule in enumerate((found.get("spec") or {}).get("rules") or [], 1):
        name = f"rule {number}" + (f" ({rule['name']})" if rule.get("name") else "")
        legacy, kubernetes = (
            [ref for ref in rule.get("backendRefs") or [] if ref.get("name") == side]
            for side in (knob.legacy, knob.kubernetes)
        )
        if max(len(legacy), len(kubernetes)) > 1:
            raise BadParameters(f"HTTPRoute {knob.name}: {name} names a side twice; needed is one backendRef a side")
        if legacy and kubernetes:
            result.append(_Split(name, rule, legacy[0], kubernetes[0]))
    if not result:
        raise BadParameters(
            f"HTTPRoute {knob.namespace}/{knob.name}: no rule names both {knob.legacy} and {knob.kubernetes}; add the "
            "missing one to its backendRefs with weight 0"
        )
    return result


def _rule_for(split: _Split, testers: Testers) -> Object:
    """The rule again, for testers only: every match asks for their mark, too, and it knows the new side only."""
    rule = {key: copy.deepcopy(value) for key, value in split.rule.items() if key != "name"}
    rule["matches"] = [
        {**match, "headers": [*(match.get("headers") or []), _mark(testers)]} for match in rule.get("matches") or [{}]
    ]
    rule["backendRefs"] = [{**copy.deepcopy(split.kubernetes), "weight": 1}]
    return rule


def _mark(testers: Testers) -> Object:
    if testers.header:
        return {"type": "Exact", "name": testers.header, "value": testers.value}
    pair = re.escape(f"{testers.cookie}={testers.value}")
    return {"type": "RegularExpression", "name": "cookie", "value": f"(.*;[ ]*)?{pair}([ ]*;.*)?"}


def _is_for(knob: HttpRoute, rule: Object, testers: Testers) -> bool:
    """True for a rule that sends exactly those testers, and nobody else, to the new side only."""
    mark = _mark(testers)
    marks = [
        any(_same_mark(header, mark) for header in match.get("headers") or []) for match in rule.get("matches") or []
    ]
    return (
        bool(marks) and all(marks) and [ref.get("name") for ref in rule.get("backendRefs") or []] == [knob.kubernetes]
    )


def _same_mark(header: Object, mark: Object) -> bool:
    """A header's name has no case, and Exact is what is meant where nothing is said."""
    same_name = str(header.get("name", "")).lower() == str(mark["name"]).lower()
    return same_name and (header.get("type", "Exact"), header.get("value")) == (mark["type"], mark["value"])


def _let_in(knob: HttpRoute, found: Object, testers: Testers | None, known: Testers | None) -> None:
    """Rules for testers in front of the others, in the place of those that let in whoever was known."""
    rules = [rule for rule in found["spec"]["rules"] if not (known and _is_for(knob, rule, known))]
    mine = [_rule_for(split, testers) for split in _splits(knob, found)] if testers else []
    if [*mine, *rules] != found["spec"]["rules"]:
        found["spec"]["rules"] = [*mine, *rules]


def _testers(knob: HttpRoute, clients: Clients, found: Object) -> bool:
    testers = clients.parameters.traffic.testers
    return testers is not None and any(_is_for(knob, rule, testers) for rule in found["spec"].get("rules") or [])


def _require_a_judge_of_cookies(knob: HttpRoute, clients: Clients) -> None:
    if not acceptance(find(clients, KIND, knob.namespace, knob.name)).reports:
        raise BadParameters(
            f"HTTPRoute {knob.namespace}/{knob.name} has no match by cookie, and no controller reports whether it "
            "takes a regular expression of the header instead: know testers by a header (traffic.testers.header)"
        )
