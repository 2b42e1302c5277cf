"""ingress-nginx: a second Ingress of the same host and path takes its share by annotations; it is the new side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_lib.act.traffic.routes import flow
from runbook_lib.act.traffic.routes.flow import Turn
from runbook_lib.act.traffic.routes.live import Kind, Object, every, find
from runbook_lib.act.traffic.routes.share import percent
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.model import Change
from runbook_lib.sections.traffic import IngressCanary, Testers

KIND = Kind("networking.k8s.io", ("v1",), "Ingress", "ingresses", "this cluster is too old for Ingress v1; upgrade it")
CANARY = "nginx.ingress.kubernetes.io/canary"
WEIGHT, TOTAL = f"{CANARY}-weight", f"{CANARY}-weight-total"
HEADER, VALUE, COOKIE = f"{CANARY}-by-header", f"{CANARY}-by-header-value", f"{CANARY}-by-cookie"
ARCHIVED = "ingress-nginx was archived on 2026-03-24 and gets no more security fixes: plan the move to another"


def read(knob: IngressCanary, clients: Clients) -> Standing:
    """What the canary's annotations say; BadParameters when they are unclear."""
    found = find(clients, KIND, knob.namespace, knob.name)
    return Standing(_weight(knob, found), _testers(clients, found), {"annotations": _canary_annotations(found)})


def shift(knob: IngressCanary, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Set canary-weight; before the first users come, the main Ingress must hold the same hosts and paths."""
    if weight:
        _require_main(knob, clients)
    turn = _turn(knob, clients, lambda found: _set_weight(knob, found, weight)).with_(
        message=f"send {weight} % of the users to {knob.name}", expected=expected, urgent=weight == 0
    )
    change = flow.carry_out(turn)
    return _warned(change) if change.done and change.before == 0 else change


def admit(knob: IngressCanary, clients: Clients, testers: Testers | None) -> Change:
    """Set canary-by-header with its value, or canary-by-cookie; None takes them away again."""
    known = testers or clients.parameters.traffic.testers
    if testers and testers.cookie and testers.value != "always":
        raise BadParameters(
            f"traffic.testers.value is {testers.value!r}: ingress-nginx only knows cookies that hold `always`"
        )
    if testers:
        _require_main(knob, clients)

    def edit(found: Object) -> None:
        marks = _marks(known)
        there = {key: value for key, value in _canary_annotations(found).items() if key in (HEADER, VALUE, COOKIE)}
        if there and there != marks:
            raise BadParameters(
                f"Ingress {knob.namespace}/{knob.name} knows other testers already ({there}); take these "
                "annotations away, or let traffic.testers say the same"
            )
        _set(found, marks if testers else dict.fromkeys(marks))

    what = "testers go to the new side" if testers else "testers go where everybody goes"
    turn = _turn(knob, clients, edit).with_(what="testers", unit=" (testers)", message=what)
    change = flow.carry_out(turn.with_(says=lambda found: _testers(clients, found)))
    return _warned(change) if change.done and testers else change


def restore(knob: IngressCanary, clients: Clients, held: Any) -> Change:
    """Put back the canary's annotations that stood there; others are not touched."""
    annotations = held.get("annotations") if isinstance(held, dict) else None
    if not isinstance(annotations, dict):
        raise BadParameters(
            f"what was held of Ingress {knob.namespace}/{knob.name} is no annotations; nothing was changed"
        )

    def put_back(found: Object) -> None:
        _set(found, dict.fromkeys(_canary_annotations(found)) | annotations)

    back = flow.is_way_back(lambda: _weight(knob, {"metadata": {"annotations": annotations}}))
    turn = _turn(knob, clients, put_back).with_(message="put back what stood there", urgent=back)
    return flow.carry_out(turn.with_(unclear=True))


def preflight(knob: IngressCanary, clients: Clients) -> None:
    """Unreachable or BadParameters when the canary could not be turned now."""
    flow.preflight(knob, clients, KIND, lambda found: _weight(knob, found))
    _require_main(knob, clients)


def _turn(knob: IngressCanary, clients: Clients, edit: Callable[[Object], None]) -> Turn:
    return Turn(knob, clients, KIND, edit, lambda found: _weight(knob, found))


def _annotations(found: Object) -> dict[str, str]:
    return found["metadata"].get("annotations") or {}


def _canary_annotations(found: Object) -> dict[str, str]:
    return {key: value for key, value in _annotations(found).items() if key == CANARY or key.startswith(f"{CANARY}-")}


def _weight(knob: IngressCanary, found: Object) -> int:
    annotations, where = _annotations(found), f"Ingress {knob.namespace}/{knob.name}"
    _require_canary(found, where)
    total = _number(annotations.get(TOTAL, "100"), TOTAL, where)
    weight = _number(annotations.get(WEIGHT, "0"), WEIGHT, where)
    if weight > total:
        raise BadParameters(f"{where}: {WEIGHT} is {weight} of {total}; allowed are 0 to {total}")
    return percent(total - weight, weight, where)


def _require_canary(found: Object, where: str) -> None:
    if _annotations(found).get(CANARY) != "true":
        raise BadParameters(
            f'{where} is no canary, its annotation {CANARY} is not "true"; name the canary, not the main one'
        )


def _number(text: str, name: str, where: str) -> int:
    if not str(text).isdigit():
        raise BadParameters(f"{where}: {name} is {text!r}; expected is a whole number in quotes")
    return int(text)


def _set_weight(knob: IngressCanary, found: Object, weight: int) -> None:
    where = f"Ingress {knob.namespace}/{knob.name}"
    _require_canary(found, where)
    total = _number(_annotations(found).get(TOTAL, "100"), TOTAL, where) if weight else 0
    if weight * total % 100:
        raise BadParameters(f"{where}: {TOTAL} is {total}, of which {weight} % is no whole number; set it to 100")
    _set(found, {WEIGHT: str(weight * total // 100)})


def _set(found: Object, wanted: dict[str, Any]) -> None:
    """Annotations as given, None takes one away; those that are right already keep their place."""
    annotations = _annotations(found)
    for key, value in wanted.items():
        if value is None:
            annotations.pop(key, None)
        elif annotations.get(key) != value:
            annotations[key] = value
    if annotations:
        found["metadata"]["annotations"] = annotations


def _marks(testers: Testers | None) -> dict[str, str]:
    if testers is None:
        return {}
    return {HEADER: testers.header, VALUE: testers.value} if testers.header else {COOKIE: str(testers.cookie)}


def _testers(clients: Clients, found: Object) -> bool:
    marks = _marks(clients.parameters.traffic.testers)
    return bool(marks) and marks.items() <= _annotations(found).items()


def _require_main(knob: IngressCanary, clients: Clients) -> None:
    """BadParameters unless other Ingresses hold every host and path of the canary: the controller pairs them so."""
    all_of_them = every(clients, KIND, knob.namespace)
    canary = next((one for one in all_of_them if one["metadata"]["name"] == knob.name), None)
    if canary is None:
        raise BadParameters(f"there is no Ingress {knob.namespace}/{knob.name}; apply the canary first")
    mains = [one for one in all_of_them if _annotations(one).get(CANARY) != "true"]
    held = {place for one in mains for place in _places(one)}
    if missing := [place for place in _places(canary) if place not in held]:
        host, path = missing[0]
        raise BadParameters(
            f"Ingress {knob.namespace}/{knob.name} is a canary of {host or 'any host'}{path}, but no other Ingress of "
            "the namespace has that host and path: the controller would ignore it; give both the same"
        )


def _places(found: Object) -> list[tuple[str, str]]:
    return [
        (rule.get("host", ""), path.get("path", "/"))
        for rule in (found.get("spec") or {}).get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or []
    ]


def _warned(change: Change) -> Change:
    note = f"{change.note}; {ARCHIVED}" if change.note else ARCHIVED
    return Change(change.what, change.before, change.after, change.done, change.at, note)
