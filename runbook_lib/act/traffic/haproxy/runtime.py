"""HAProxy: weights set over the runtime API take effect at once and cost no request.

They are lost when HAProxy reloads: it begins with the weights of its configuration. `read` asks the process, so that
it is seen. Configure the servers of the Kubernetes side with ``weight 0``, or keep the state in a server-state-file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from runbook_lib.act.traffic.haproxy import api
from runbook_lib.act.traffic.haproxy.api import Backend
from runbook_lib.act.traffic.haproxy.weights import (
    changed,
    listed,
    note,
    number,
    refuse_nobody_there,
    refuse_what_breaks,
    said,
    share,
    sides,
    wanted,
    where,
)
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, ChangeFailed, RunbookError, Unreachable
from runbook_lib.model import Change, now
from runbook_lib.sections.traffic import HAProxy


def read(knob: HAProxy, clients: Clients) -> Standing:
    """What HAProxy does now; BadParameters when that is no whole percent, or not decided by weights."""
    backend = api.backend(knob, clients)
    stands = share(knob, backend)
    refuse_what_breaks(knob, backend, stands)
    if stands is None or stands.denominator != 1:
        raise BadParameters(
            f"{where(knob)}: {said(stands)} stands ({listed(backend)}), expected whole percent; shift to 0, or set the "
            "weights by hand"
        )
    legacy, new = sides(knob, backend)
    return Standing(int(stands), False, {server.name: server.weight for server in legacy + new})


def shift(knob: HAProxy, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Send ``weight`` percent of the requests to the Kubernetes side: compare, set, read back.

    What a refusal leaves half done is put back; going to 0, it stays. Raises ChangeFailed and says what stands.
    """
    backend = api.backend(knob, clients)
    old = share(knob, backend)
    if weight and expected is not None and old != expected:
        raise ChangeFailed(
            f"{where(knob)}: somebody else moved the users from {expected} % to {said(old)} since it was read; "
            "nothing was changed, look who it was and run again"
        )
    if weight:
        refuse_what_breaks(knob, backend, Fraction(weight))
    refuse_nobody_there(knob, backend, weight)
    numbers = wanted(knob, backend, weight)
    if old == weight and (0 < weight < 100 or not _rests_weigh(backend, numbers)):
        return Change("traffic weight", weight, weight, False, now(), note(knob, backend))
    _write(knob, clients, backend, numbers, stays=weight == 0)
    after = _read_back(knob, clients)
    if (stands := share(knob, after)) != weight:
        raise ChangeFailed(f"{where(knob)} says {said(stands)} after setting {weight} %: somebody else sets it, too")
    return Change("traffic weight", number(old), weight, True, now(), note(knob, after))


def restore(knob: HAProxy, clients: Clients, held: Any) -> Change:
    """The weights that stood, server by server; BadParameters when a server is not there any more."""
    backend = api.backend(knob, clients)
    numbers = {str(name): int(weight) for name, weight in held.items()}
    if missing := sorted(set(numbers) - set(backend.servers)):
        raise BadParameters(f"{where(knob)} has no server {', '.join(missing)} any more; shift to a weight instead")
    old = share(knob, backend)
    if not changed(backend, numbers):
        return Change("traffic weight", number(old), number(old), False, now(), note(knob, backend))
    _write(knob, clients, backend, numbers, stays=not any(numbers.get(name) for name in knob.kubernetes))
    after = _read_back(knob, clients)
    if left := changed(after, numbers):
        raise ChangeFailed(f"{where(knob)}: {', '.join(left)} reads back otherwise: somebody else sets it, too")
    return Change("traffic weight", number(old), number(share(knob, after)), True, now(), note(knob, after))


def preflight(knob: HAProxy, clients: Clients) -> None:
    """Unreachable when the socket is silent or may not set weights; BadParameters when it has no such backend.

    What would only keep users from being moved forward is for `read` to refuse: the way back needs less.
    """
    if (level := api.level(knob, clients)) != "admin":
        raise Unreachable(f"HAProxy's socket {knob.socket} has the level {level}: weights need `level admin`")
    api.backend(knob, clients)


def _rests_weigh(backend: Backend, numbers: Mapping[str, int]) -> bool:
    """True when a server that nobody is sent to has a weight all the same: set aside, it would come back to that."""
    return any(not weight and backend.servers[name].weight for name, weight in numbers.items())


def _write(knob: HAProxy, clients: Clients, backend: Backend, numbers: Mapping[str, int], stays: bool) -> None:
    try:
        refused = api.set_weights(knob, clients, changed(backend, numbers))
    except Unreachable as error:
        raise ChangeFailed(f"{error}; {_stands(knob, clients)}") from None
    if not refused:
        return
    if not stays:
        with contextlib.suppress(RunbookError):  # what stands is asked and said below
            half = api.backend(knob, clients)
            before = {name: backend.servers[name].weight for name in numbers if name in half.servers}
            api.set_weights(knob, clients, changed(half, before))
    raise ChangeFailed(f"{where(knob)} refused a weight ({refused}); {_stands(knob, clients)}")


def _read_back(knob: HAProxy, clients: Clients) -> Backend:
    try:
        return api.backend(knob, clients)
    except (Unreachable, BadParameters) as error:
        raise ChangeFailed(f"the weights were set but cannot be read back: {error}; {_stands(knob, clients)}") from None


def _stands(knob: HAProxy, clients: Clients) -> str:
    try:
        return f"{said(share(knob, api.backend(knob, clients)))} of the users are on the new side"
    except (Unreachable, BadParameters):
        return (
            "it is not known whether the new weights were set: look with "
            f"`echo show servers state {knob.backend} | socat stdio {knob.socket}` and run it again"
        )
