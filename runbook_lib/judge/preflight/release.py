"""The cluster's version, our permissions, what would change, and no user on the new side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from runbook_lib.model import Outcome, Verdict

OLDEST = (1, 25)  # EndpointSlices, server-side apply and policy/v1 are all served from here on


class Permission(Protocol):
    """One verb on one resource, and what the cluster answered."""

    @property
    def title(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def allowed(self) -> bool: ...
    @property
    def optional(self) -> bool: ...


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
    """Every verb that the runbooks will use; the missing ones by name and purpose. What is optional never fails."""
    needed = [one for one in answers if not one.optional]
    missing = [one for one in needed if not one.allowed]
    blind = [one for one in answers if one.optional and not one.allowed]
    numbers = {"asked": float(len(answers)), "missing": float(len(missing)), "optional_missing": float(len(blind))}
    if not needed:
        return Verdict("permissions", Outcome.INCONCLUSIVE, "no permission was asked for", numbers)
    said = f"{len(needed) - len(missing)} of {len(needed)} permissions"
    if missing:
        return Verdict(
            "permissions",
            Outcome.FAIL,
            f"{said}; missing: {_by_purpose(missing)}. Have the YAML of the preconditions applied, and run this again",
            numbers,
        )
    if blind:
        said += f"; without them a line here is not known: {', '.join(one.title for one in blind)}"
    return Verdict("permissions", Outcome.PASS, said, numbers)


def _by_purpose(missing: Sequence[Permission]) -> str:
    """``create get patch deployments.apps, list pods (rollout); …``."""
    purposes: dict[str, dict[str, list[str]]] = {}
    for one in missing:
        verb, _, resource = one.title.partition(" ")
        verbs = purposes.setdefault(one.purpose, {}).setdefault(resource, [])
        verbs += [verb] if verb not in verbs else []
    return "; ".join(
        ", ".join(f"{' '.join(verbs)} {resource}" for resource, verbs in found.items()) + (f" ({why})" if why else "")
        for why, found in purposes.items()
    )


def difference(differences: Sequence[Difference]) -> Verdict:
    """Can the release be applied: no object has a field that another manager owns."""
    count = {action: sum(d.action == action for d in differences) for action in ("create", "change", "same")}
    numbers = {action: float(number) for action, number in count.items()}
    if not differences:
        return Verdict("difference", Outcome.INCONCLUSIVE, "there is no object to apply", numbers)
    said = f"{count['create']} to create, {count['change']} to change, {count['same']} as they are"
    owned = [f"{d.object} {conflict}" for d in differences for conflict in d.conflicts]
    way = "leave or take each in kubernetes.fields, with a reason"
    if owned:
        return Verdict(
            "difference", Outcome.FAIL, f"{said}; owned by other managers: {', '.join(owned)}; {way}", numbers
        )
    return Verdict("difference", Outcome.PASS, said, numbers)


def no_users(weight: int | None) -> Verdict:
    """No user may be on the new side while it is deployed."""
    if weight is None:
        return Verdict("no user traffic", Outcome.INCONCLUSIVE, "the weight of the Kubernetes side could not be read")
    outcome = Outcome.PASS if weight == 0 else Outcome.FAIL
    sign = "=" if weight == 0 else ">"
    return Verdict("no user traffic", outcome, f"weight {weight} % {sign} 0 %", {"weight": float(weight)})
