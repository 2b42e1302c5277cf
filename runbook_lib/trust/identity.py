"""Who can sign here, in which role: the keys at hand, held against the file of allowed signers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from runbook_lib.clients import signing_keys
from runbook_lib.errors import CannotSign
from runbook_lib.model import now
from runbook_lib.parameters import Parameters
from runbook_lib.trust.keys import VARIABLE, Key
from runbook_lib.trust.signers import Signers, read_signers


@dataclass(frozen=True)
class Identity:
    """A person who can sign here and now."""

    name: str
    role: str
    key: Key


def signers_of(parameters: Parameters) -> Signers:
    """Everybody who may sign for this application; BadParameters when the file cannot be used."""
    return read_signers(parameters.path(parameters.gates.allowed_signers))


def at_hand(parameters: Parameters, role: str, environment: Mapping[str, str] | None = None) -> tuple[Identity, ...]:
    """Whoever can sign in that role with the keys found here, in the order they were found, each name once."""
    signers, moment = signers_of(parameters), now()
    found: dict[str, Identity] = {}
    for key in signing_keys(parameters, environment):
        name = signers.name_of(key.public, role, moment)
        if name is not None:
            found.setdefault(name, Identity(name, role, key))
    return tuple(found.values())


def me(parameters: Parameters, role: str, name: str | None = None, other_than: Collection[str] = ()) -> Identity:
    """The first who can sign in that role here, or the one of that name; CannotSign says who may and what to do."""
    here = at_hand(parameters, role)
    fitting = [one for one in here if one.name not in other_than and name in (None, one.name)]
    if fitting:
        return fitting[0]
    signers = signers_of(parameters)
    allowed = ", ".join(n for n in signers.names(role, now()) if n not in other_than) or "nobody"
    who = f"{name} as {role}" if name else role
    found = ", ".join(one.name for one in here) or "none"
    raise CannotSign(
        f"no key at hand signs as {who} (found here: {found}; {signers.path} allows {allowed}); "
        f"load that key with ssh-add, name it in {VARIABLE}, or add it to the file"
    )
