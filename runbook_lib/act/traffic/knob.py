"""Whatever moves the users, behind four verbs: read, shift, admit testers, restore; one module a kind of knob.

A knob's module has ``read(knob, clients)``, ``shift(knob, clients, weight, expected)``, ``preflight(knob, clients)``
and ``restore(knob, clients, held)``; one that can tell testers apart has ``admit(knob, clients, testers)``,
one that users follow late has ``keep_until(knob, clients)``.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any

from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, RunbookError
from runbook_lib.model import Change

_MODULES = {
    "nginx-split": "nginx.split",
    "nginx-upstream": "nginx.upstream",
    "haproxy": "haproxy.runtime",
    "http-route": "routes.http_route",
    "ingress-canary": "routes.ingress_canary",
    "virtual-service": "routes.virtual_service",
    "dns": "dns.update",
    "command": "command",
    "webhook": "webhook",
}


def read(clients: Clients) -> Standing:
    """What stands now; BadParameters when it is unclear, Unreachable when it cannot be asked."""
    standing: Standing = _module(clients).read(clients.parameters.traffic.knob, clients)
    return standing


def read_weight(clients: Clients) -> int:
    """Percent of the users that the knob sends to the Kubernetes side now."""
    return read(clients).weight


def shift(clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Send ``weight`` percent of the users to the Kubernetes side: compare, write, read back.

    With ``expected`` nothing is written unless that weight stands: somebody else may have moved the users since it was
    read. A shift to 0 never expects anything, and then testers are not sent there by name, either. Raises ChangeFailed
    and says what stands now.
    """
    if not 0 <= weight <= 100:
        raise BadParameters(f"weight {weight}: allowed are 0 to 100")
    change: Change = _module(clients).shift(clients.parameters.traffic.knob, clients, weight, expected)
    return _without_testers(clients, change) if weight == 0 and clients.parameters.traffic.testers else change


def admit(clients: Clients, testers: bool) -> Change:
    """Send testers, known by ``traffic.testers``, to the Kubernetes side, or nobody by name any more.

    Raises BadParameters where nothing says who they are; parameters name them only for a knob that can tell them apart.
    """
    wanted = clients.parameters.traffic
    if wanted.testers is None:
        raise BadParameters("traffic.testers is missing: say by which header or cookie testers are known")
    change: Change = _module(clients).admit(wanted.knob, clients, wanted.testers if testers else None)
    return change


def restore(clients: Clients, held: Any) -> Change:
    """Put back exactly what stood there once, as a Standing held it."""
    change: Change = _module(clients).restore(clients.parameters.traffic.knob, clients, held)
    return change


def keep_until(clients: Clients) -> datetime | None:
    """Until when nothing of a side may be taken away, for users may still follow what stood before; None: no longer.

    Raises Held where that is not known.
    """
    module = _module(clients)
    until: datetime | None = None
    if hasattr(module, "keep_until"):
        until = module.keep_until(clients.parameters.traffic.knob, clients)
    return until


def preflight(clients: Clients) -> None:
    """Unreachable or BadParameters, in one sentence, when the knob could not be turned now."""
    _module(clients).preflight(clients.parameters.traffic.knob, clients)


def _without_testers(clients: Clients, change: Change) -> Change:
    """The users are back: testers follow. Where that fails it is said, and undoes nothing."""
    try:
        said = "testers are not sent to the new side any more" if admit(clients, False).done else ""
    except RunbookError as error:
        said = f"testers are still sent to the new side: {error}"
    return replace(change, note="; ".join(filter(None, (change.note, said))))


def _module(clients: Clients) -> ModuleType:
    """The knob's module, loaded when it is needed: a rollback must not wait for libraries of other knobs."""
    return importlib.import_module(f"runbook_lib.act.traffic.{_MODULES[clients.parameters.traffic.knob.kind]}")
