"""Names, clocks, monitoring, people: what the release does not hold and the operator needs at night."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.judge.preflight.seen import Clocks, Name, Rules, Series, Unknown
from runbook_lib.model import Outcome, Verdict

FARTHEST = 10.0  # seconds: farther apart, intervals of measurement and the times of the record belong to other minutes


def names(seen: Sequence[Name]) -> Verdict:
    """Names resolved from here; users may have other resolvers, so that one that does not is INCONCLUSIVE.

    The name that the next steps themselves call must resolve: without it they could ask nothing.
    """
    lost = [one for one in seen if one.needed and not one.addresses]
    told = [f"{one.name} ({one.used_as})" for one in seen if not one.needed and not one.addresses]
    wanted = [one for one in seen if one.needed]
    numbers = {"names": float(len(wanted)), "resolved": float(len(wanted) - len(lost))}
    said = f"{len(wanted) - len(lost)} of {len(wanted)} names resolve here"
    also = f"; not in DNS here yet: {', '.join(told)}" if told else ""
    if not lost:
        return Verdict("names", Outcome.PASS, said + also, numbers)
    ours = any(one.used_as == GATEWAY for one in lost)
    which = ", ".join(f"{one.name} ({one.used_as}: {one.said})" for one in lost)
    todo = "correct it, or have it put into DNS" if ours else "ask the users' resolver"
    return Verdict(
        "names", Outcome.FAIL if ours else Outcome.INCONCLUSIVE, f"{said}: not {which}; {todo}{also}", numbers
    )


GATEWAY = "kubernetes.gateway"


def clocks(seen: Clocks) -> Verdict:
    """Our clock and those of the nodes against the API server's."""
    if seen.ours is None:
        return Verdict("clocks", Outcome.INCONCLUSIVE, "the API server does not say what time it is")
    numbers = {"ours_seconds": seen.ours, "limit_seconds": FARTHEST}
    mine = f"our clock is {abs(seen.ours):.0f} s {'ahead of' if seen.ours > 0 else 'behind'} the API server's"
    if abs(seen.ours) > FARTHEST:
        return Verdict(
            "clocks", Outcome.FAIL, f"{mine} > {FARTHEST:.0f} s; set it by NTP before anything is timed", numbers
        )
    mine += f" <= {FARTHEST:.0f} s"
    if isinstance(seen.nodes, Unknown):
        return Verdict(
            "clocks", Outcome.INCONCLUSIVE, f"{mine}; those of the nodes are not known: {seen.nodes.why}", numbers
        )
    ahead = {node: -age for node, age in seen.nodes.items() if -age > FARTHEST}
    late = {node: age for node, age in seen.nodes.items() if age > seen.renewed_every}
    numbers |= {"nodes": float(len(seen.nodes)), "ahead": float(len(ahead)), "late": float(len(late))}
    if ahead:
        which = ", ".join(f"{node} is {seconds:.0f} s ahead" for node, seconds in sorted(ahead.items()))
        return Verdict("clocks", Outcome.FAIL, f"{mine}; {which} > {FARTHEST:.0f} s; have NTP looked at there", numbers)
    if late:
        which = ", ".join(f"{node} {seconds:.0f} s" for node, seconds in sorted(late.items()))
        said = f"{mine}; last heard of > {seen.renewed_every:.0f} s ago: {which}: behind, or not alive"
        return Verdict("clocks", Outcome.INCONCLUSIVE, said, numbers)
    oldest = max(seen.nodes.values(), default=0.0)
    said = f"{mine}; heartbeats of {len(seen.nodes)} nodes are at most {max(oldest, 0):.0f} s <= "
    return Verdict("clocks", Outcome.PASS, f"{said}{seen.renewed_every:.0f} s old", numbers)


def old_side_measured(seen: Sequence[Series] | Unknown) -> Verdict:
    """The old side's expressions give series: what the new side will be held against."""
    return _measured("metrics of the old side", seen, None)


def new_side_measured(seen: Sequence[Series] | Unknown, pods: int) -> Verdict:
    """The new side's expressions give series, and every Pod is among them."""
    return _measured("metrics of the new side", seen, pods)


def _measured(name: str, seen: Sequence[Series] | Unknown, pods: int | None) -> Verdict:
    if isinstance(seen, Unknown):
        return Verdict(name, Outcome.INCONCLUSIVE, f"not known: {seen.why}")
    empty = [one for one in seen if not one.count]
    numbers = {"expressions": float(len(seen)), "empty": float(len(empty))}
    said = f"{len(seen) - len(empty)} of {len(seen)} expressions give series"
    if empty:
        which = "; ".join(f"{one.what}: {one.query}" for one in empty)
        todo = "correct metrics in the parameters, or have it scraped"
        return Verdict(name, Outcome.FAIL, f"{said}; nothing for {which}; {todo}", numbers)
    if pods is None:
        return Verdict(name, Outcome.PASS, said, numbers)
    known = max((one.instances for one in seen), default=0)
    numbers |= {"pods": float(pods), "instances": float(known)}
    if known < pods:
        return Verdict(
            name, Outcome.INCONCLUSIVE, f"{said}, of {known} < {pods} Pods; look at the targets of Prometheus", numbers
        )
    return Verdict(name, Outcome.PASS, f"{said}, of {known} >= {pods} Pods", numbers)


def alerts(seen: Rules | Unknown) -> Verdict:
    """Is there a rule that would fire for this application; without one "no alert fires" says nothing."""
    if isinstance(seen, Unknown):
        return Verdict("alert rules", Outcome.INCONCLUSIVE, f"not known: {seen.why}")
    numbers = {"rules": float(seen.all), "ours": float(len(seen.ours))}
    if not seen.ours:
        said = f"0 of {seen.all} alerting rules name {', '.join(seen.words)}: none would fire for this application"
        return Verdict("alert rules", Outcome.INCONCLUSIVE, f"{said}; add one before the first users", numbers)
    names = ", ".join(seen.ours[:5])
    return Verdict("alert rules", Outcome.PASS, f"{len(seen.ours)} of {seen.all} are about it: {names}", numbers)


def on_call(contacts: Sequence[str], owner: str) -> Verdict:
    """Somebody must be there to be called: at night nobody looks for a number."""
    if not contacts:
        said = f"0 contacts < 1: nobody would be called; name somebody of {owner} in application.contacts"
        return Verdict("on call", Outcome.FAIL, said, {"contacts": 0.0})
    number = {"contacts": float(len(contacts))}
    return Verdict("on call", Outcome.PASS, f"{len(contacts)} >= 1: {', '.join(contacts)} for {owner}", number)
