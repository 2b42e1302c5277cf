"""What the weights of a backend say and which weights are wanted: all that is decided without asking HAProxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from runbook_lib.act.traffic import shares
from runbook_lib.act.traffic.haproxy.api import Backend, Server
from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.sections.traffic import HAProxy

LARGEST = 256
USUAL = 100
"""The weight of a side that carries everybody and whose configured weights are all 0."""


def share(knob: HAProxy, backend: Backend) -> Fraction | None:
    """The percent that the new side serves: a server that is gone, in maintenance or drained takes nobody."""
    legacy, kubernetes = sides(knob, backend)
    return shares.percent([server.takes for server in legacy], [server.takes for server in kubernetes])


def sides(knob: HAProxy, backend: Backend) -> tuple[list[Server], list[Server]]:
    """The servers of both sides, as far as the backend has them."""
    legacy, kubernetes = (
        [backend.servers[name] for name in names if name in backend.servers] for names in (knob.legacy, knob.kubernetes)
    )
    return legacy, kubernetes


def wanted(knob: HAProxy, backend: Backend, weight: int) -> dict[str, int]:
    """The weights to set; a server that is set aside counts for nothing and, on the new side, comes back to nobody."""
    legacy, new = sides(knob, backend)
    if weight in (0, 100):
        carries, rests = (new, legacy) if weight else (legacy, new)
        whole = dict(zip([server.name for server in carries], _proportions(carries, USUAL), strict=True))
        return whole | {server.name: 0 for server in rests}
    old, young = ([server for server in side if not server.set_aside] for side in (legacy, new))
    found = shares.weights(weight, _proportions(old), _proportions(young), LARGEST)
    numbers = {server.name: 0 for server in new}
    for servers, part in zip((old, young), found, strict=True):
        numbers |= {server.name: number for server, number in zip(servers, part, strict=True)}
    return numbers


def changed(backend: Backend, numbers: Mapping[str, int]) -> dict[str, int]:
    """What is not so yet; who gets more comes first, so that users are never without a server."""
    differs = {name: number for name, number in numbers.items() if backend.servers[name].weight != number}
    return dict(sorted(differs.items(), key=lambda item: item[1] < backend.servers[item[0]].weight))


def refuse_what_breaks(knob: HAProxy, backend: Backend, asked: Fraction | None) -> None:
    """BadParameters when weights would not decide: servers that are not there, backups, of no side; an algorithm."""
    named = (*knob.legacy, *knob.kubernetes)
    if missing := [name for name in named if name not in backend.servers]:
        there = ", ".join(backend.servers) or "none"
        raise BadParameters(f"{where(knob)} has no server {', '.join(missing)}; it has {there}; mend traffic.knob")
    if backups := [name for name in named if backend.servers[name].backup]:
        raise BadParameters(f"{where(knob)}: {', '.join(backups)} only stands in for others (backup); leave it out")
    if strangers := [s.name for s in backend.servers.values() if s.takes and not s.backup and s.name not in named]:
        raise BadParameters(
            f"{where(knob)}: {', '.join(strangers)} takes users but belongs to no side; name it in traffic.knob"
        )
    if asked not in (0, 100) and backend.algorithm not in ("roundrobin", ""):
        raise BadParameters(
            f"{where(knob)} says `balance {backend.algorithm}`: only roundrobin keeps the ratio and lets it be set"
        )


def refuse_nobody_there(knob: HAProxy, backend: Backend, weight: int) -> None:
    """ChangeFailed rather than users sent to a side that nobody of is up."""
    legacy, new = sides(knob, backend)
    needed = [("legacy", legacy)] * (weight < 100) + [("kubernetes", new)] * (weight > 0)
    for side, servers in needed:
        if not any(server.up and not server.set_aside for server in servers):
            raise ChangeFailed(
                f"{where(knob)}: no server of the {side} side is up ({listed(backend)}), so nobody was moved; "
                f"{said(share(knob, backend))} stays on the new side; bring a server up, then run it again"
            )


def note(knob: HAProxy, backend: Backend) -> str:
    """What the weights do not show: who is left out, who stays where he was, what a reload would make of it."""
    legacy, new = sides(knob, backend)
    fresh = shares.percent([server.configured for server in legacy], [server.configured for server in new])
    notes = [f"at a reload of HAProxy its configuration counts again: {said(fresh)}"]
    if aside := [server.name for server in legacy + new if server.set_aside]:
        notes.append(f"{', '.join(aside)} in maintenance or drained, counted as nobody")
    idle = [server.name for server in legacy + new if not server.set_aside and not server.weight]
    if idle and share(knob, backend) not in (0, 100):
        notes.append(f"{', '.join(idle)} gets nobody at so small a share")
    if backend.cookie:
        notes.append(f"the cookie {backend.cookie} keeps users where they are until it ends")
    return "; ".join(notes)


def listed(backend: Backend) -> str:
    """The servers of a backend in a sentence."""
    states = (
        f"{s.name} {s.weight}{' set aside' * s.set_aside}{' down' * (not s.up)}" for s in backend.servers.values()
    )
    return ", ".join(states) or "no servers"


def where(knob: HAProxy) -> str:
    """The backend in a sentence."""
    return f"HAProxy's backend {knob.backend} at {knob.socket}"


def said(part: Fraction | None) -> str:
    """A share in a sentence."""
    return "nobody anywhere" if part is None else shares.said(part)


def number(part: Fraction | None) -> int | str:
    """A share as a Change holds it."""
    return int(part) if part is not None and part.denominator == 1 else said(part)


def _proportions(servers: Sequence[Server], otherwise: int = 1) -> list[int]:
    """How the configuration weighs them against each other; all alike where it says 0 for each."""
    configured = [server.configured for server in servers]
    return configured if any(configured) else [otherwise] * len(servers)
