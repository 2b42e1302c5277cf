"""May a pilot deploy begin: the cluster's version, our permissions, room for the Pods, and no user on the new side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from runbook_lib.model import Outcome, Verdict

OLDEST = (1, 25)  # EndpointSlices, server-side apply and policy/v1 are all served from here on


class Permission(Protocol):
    """One verb on one resource, and what the cluster answered."""

    @property
    def verb(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def allowed(self) -> bool: ...


class Difference(Protocol):
    """What applying would do to one object."""

    @property
    def object(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def conflicts(self) -> tuple[str, ...]: ...


def version(text: str) -> Verdict:
    """The API server's version against the oldest that serves all we use; an unreadable one is INCONCLUSIVE."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    if not found:
        return Verdict("version", Outcome.INCONCLUSIVE, f"the API server calls itself {text!r}, which is no version")
    number, oldest = (int(found[1]), int(found[2])), f"{OLDEST[0]}.{OLDEST[1]}"
    outcome = Outcome.PASS if number >= OLDEST else Outcome.FAIL
    sign = ">=" if number >= OLDEST else "<"
    return Verdict("version", outcome, f"API server {text} {sign} {oldest}", {"minor": float(number[1])})


def permissions(answers: Sequence[Permission]) -> Verdict:
    """Every verb that the deploy will use; the missing ones by name."""
    missing = [f"{a.verb} {a.resource}{'.' + a.group if a.group else ''}" for a in answers if not a.allowed]
    numbers = {"asked": float(len(answers)), "missing": float(len(missing))}
    if not answers:
        return Verdict("permissions", Outcome.INCONCLUSIVE, "no permission was asked for", numbers)
    allowed = f"{len(answers) - len(missing)} of {len(answers)} permissions"
    if missing:
        return Verdict("permissions", Outcome.FAIL, f"{allowed}; missing: {', '.join(missing)}", numbers)
    return Verdict("permissions", Outcome.PASS, allowed, numbers)


class Room(Protocol):
    """Cores and bytes."""

    @property
    def cores(self) -> float: ...
    @property
    def memory(self) -> float: ...


def capacity(needed: Room, free: Room | None) -> Verdict:
    """The requests of all Pods that come at once against what the nodes have left; unknown room is INCONCLUSIVE."""
    numbers = {"needed_cores": needed.cores, "needed_bytes": needed.memory}
    if free is None:
        message = f"needed {_words(needed)}; what the nodes have left is not known"
        return Verdict("capacity", Outcome.INCONCLUSIVE, message, numbers)
    numbers |= {"free_cores": free.cores, "free_bytes": free.memory}
    fits = needed.cores <= free.cores and needed.memory <= free.memory
    message = f"needed {_words(needed)} {'<=' if fits else '>'} free {_words(free)}"
    return Verdict("capacity", Outcome.PASS if fits else Outcome.FAIL, message, numbers)


def _words(room: Room) -> str:
    return f"{room.cores:.2f} cores and {room.memory / 2**20:.0f} MiB"


def difference(differences: Sequence[Difference]) -> Verdict:
    """Can the release be applied: no object has a field that another manager owns."""
    count = {action: sum(d.action == action for d in differences) for action in ("create", "change", "same")}
    numbers = {action: float(number) for action, number in count.items()}
    if not differences:
        return Verdict("difference", Outcome.INCONCLUSIVE, "there is no object to apply", numbers)
    said = f"{count['create']} to create, {count['change']} to change, {count['same']} as they are"
    owned = [f"{d.object} {conflict}" for d in differences for conflict in d.conflicts]
    if owned:
        return Verdict("difference", Outcome.FAIL, f"{said}; owned by other managers: {', '.join(owned)}", numbers)
    return Verdict("difference", Outcome.PASS, said, numbers)


def no_users(weight: int | None) -> Verdict:
    """No user may be on the new side while it is deployed."""
    if weight is None:
        return Verdict("no user traffic", Outcome.INCONCLUSIVE, "the weight of the Kubernetes side could not be read")
    outcome = Outcome.PASS if weight == 0 else Outcome.FAIL
    sign = "=" if weight == 0 else ">"
    return Verdict("no user traffic", outcome, f"weight {weight} % {sign} 0 %", {"weight": float(weight)})
