"""Which request goes where: HTTPRoutes and Ingresses with their canaries as one list of rules, the first match wins.

A rule is a regular expression over the head of a request as HAProxy holds it, `GET /path\\nhost: …\\r\\n`, and so on,
and the shares of the Services behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

CELLS = 1000  # a rule's users are dealt out over so many cells
CANARY = "nginx.ingress.kubernetes.io/canary"
# Exact paths before prefixes, longer before shorter, then a method, then more headers: as the Gateway API wants it.
Rank = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rule:
    """Requests whose head matches, and the weight of each Service."""

    rank: Rank
    pattern: str
    shares: tuple[tuple[str, int], ...]


def rules_of(routes: Iterable[Object], ingresses: Iterable[Object]) -> tuple[Rule, ...]:
    """Every rule, the one that is to be tried first first."""
    accepted = [route for route in sorted(routes, key=_name) if not refusal(route)]
    found = [rule for route in accepted for rule in _of_route(route)]
    # Python's sort keeps the order of what has one rank: headers before cookies before weights of a canary
    by_rank = sorted(found, key=lambda rule: rule.rank, reverse=True)
    return (*by_rank, *sorted(_of_ingresses(list(ingresses)), key=lambda rule: rule.rank, reverse=True))


def refusal(route: Object) -> str:
    """Why this gateway cannot follow a route, or nothing."""
    for rule in route["spec"].get("rules") or ():
        if filters := [one.get("type", "") for one in rule.get("filters") or ()]:
            return f"the practice range knows no filters: {', '.join(filters)}"
        for match in rule.get("matches") or ():
            for one in (match.get("path") or {}, *(match.get("headers") or ())):
                if one.get("type") == "RegularExpression" and not _compiles(one.get("value", "")):
                    return f"{one['value']!r} is no regular expression"
    return ""


def backends(route: Object) -> set[str]:
    """The Services that a route names."""
    return {ref["name"] for rule in route["spec"].get("rules") or () for ref in rule.get("backendRefs") or ()}


def cells(shares: Iterable[tuple[str, int]]) -> list[tuple[int, int, str]]:
    """First and last cell of each Service, by weight; a Service without weight has none."""
    weighed = [(service, weight) for service, weight in shares if weight > 0]
    total, passed, result = sum(weight for _, weight in weighed), 0, []
    for service, weight in weighed:
        first, passed = passed * CELLS // total, passed + weight
        if (last := passed * CELLS // total - 1) >= first:
            result.append((first, last, service))
    return result


def _of_route(route: Object) -> Iterable[Rule]:
    for rule in route["spec"].get("rules") or ():
        shares = tuple((ref["name"], ref.get("weight", 1)) for ref in rule.get("backendRefs") or ())
        for match in rule.get("matches") or [{}]:
            path, headers = match.get("path") or {}, match.get("headers") or []
            kind, value = path.get("type", "PathPrefix"), path.get("value", "/")
            pattern = _head(match.get("method"), kind, value, route["spec"].get("hostnames") or ())
            pattern += "".join(_header(one["name"], one.get("type", "Exact"), one["value"]) for one in headers)
            rank = (kind != "PathPrefix", len(value), bool(match.get("method")), len(headers))
            yield Rule(rank, pattern, shares)


def _of_ingresses(ingresses: list[Object]) -> Iterable[Rule]:
    """Every main Ingress, with the canary of the same host and path before it."""
    canaries = [one for one in ingresses if _annotation(one, CANARY) == "true"]
    places = {(host, path["path"]): (one, path) for one in canaries for host, path in _paths(one)}
    for main in sorted((one for one in ingresses if one not in canaries), key=_name):
        for host, path in _paths(main):
            kind = "Exact" if path.get("pathType") == "Exact" else "PathPrefix"
            head = _head(None, kind, path["path"], [host] if host else ())
            rank = (kind == "Exact", len(path["path"]), 0, 0)
            canary = places.get((host, path["path"]))
            if canary is None:
                yield Rule(rank, head, ((_service(path), 1),))
            else:
                yield from _with_canary(rank, head, _service(path), _service(canary[1]), canary[0])


def _with_canary(rank: Rank, head: str, main: str, other: str, canary: Object) -> Iterable[Rule]:
    header, value = _annotation(canary, f"{CANARY}-by-header"), _annotation(canary, f"{CANARY}-by-header-value")
    if header and value:
        yield Rule(rank, head + _header(header, "Exact", value), ((other, 1),))
    elif header:
        for word, service in (("always", other), ("never", main)):
            yield Rule(rank, head + _header(header, "Exact", word), ((service, 1),))
    if cookie := _annotation(canary, f"{CANARY}-by-cookie"):
        for word, service in (("always", other), ("never", main)):
            pair = rf"(?:.*;[ ]*)?{_literal(f'{cookie}={word}')}(?:[ ]*;.*)?"
            yield Rule(rank, head + _header("cookie", "RegularExpression", pair), ((service, 1),))
    total = int(_annotation(canary, f"{CANARY}-weight-total") or 100)
    weight = int(_annotation(canary, f"{CANARY}-weight") or 0)
    yield Rule(rank, head, ((main, total - weight), (other, weight)))


def _head(method: str | None, kind: str, path: str, hosts: Iterable[str]) -> str:
    start = f"^{_literal(method)}" if method else r"^[^\x20]+"
    if kind == "RegularExpression":
        tail = rf"(?:{path})(?:\?|\n)"
    elif kind == "Exact":
        tail = rf"{_literal(path)}(?:\?|\n)"
    else:
        tail = rf"{_literal(path.rstrip('/'))}(?:/|\?|\n)"
    names = "|".join(rf"[^:\r\n]+{_literal(host[1:])}" if host.startswith("*.") else _literal(host) for host in hosts)
    return rf"{start}\x20{_spaceless(tail)}" + (rf"(?=[\s\S]*\nhost:\x20(?:{names})(?::\d+)?\r)" if names else "")


def _header(name: str, kind: str, value: str) -> str:
    wanted = _literal(value) if kind == "Exact" else f"(?:{value})"
    return rf"(?=[\s\S]*\n{_literal(name.lower())}:\x20{_spaceless(wanted)}\r)"


def _literal(text: str) -> str:
    return _spaceless(re.escape(text))


def _spaceless(pattern: str) -> str:
    """A key of a map ends at the first space."""
    return pattern.replace("\\ ", " ").replace(" ", r"\x20")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _paths(ingress: Object) -> list[tuple[str, Object]]:
    rules = ingress["spec"].get("rules") or ()
    return [(rule.get("host", ""), path) for rule in rules for path in (rule.get("http") or {}).get("paths") or ()]


def _service(path: Object) -> str:
    return str(path["backend"]["service"]["name"])


def _annotation(ingress: Object, name: str) -> str:
    return str((ingress["metadata"].get("annotations") or {}).get(name, ""))


def _name(found: Object) -> str:
    return str(found["metadata"]["name"])


def pairs(rules: Iterable[Rule], pools: Mapping[str, str], base: int) -> tuple[list[str], list[str]]:
    """Lines of HAProxy's two maps: head -> where the rule's cells begin, and cells -> backend."""
    heads, shares = [], []
    for number, rule in enumerate(rules, 1):
        start = base + number * CELLS
        heads.append(f"{rule.pattern} {start}")
        shares += [f"{start + a}:{start + b} {pools[service]}" for a, b, service in cells(rule.shares)]
    return heads, shares
