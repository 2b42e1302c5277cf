"""Did the release arrive whole, does every Pod do its work, and was going back really possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from runbook_lib.model import Outcome, Verdict


class Progress(Protocol):
    """The counts of a rollout."""

    @property
    def wanted(self) -> int: ...
    @property
    def updated(self) -> int: ...
    @property
    def available(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def complete(self) -> bool: ...


class Pod(Protocol):
    """One Pod's state."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def restarts(self) -> int: ...
    @property
    def oom(self) -> bool: ...
    @property
    def terminating(self) -> bool: ...


class Answer(Protocol):
    """What a target said to a smoke case."""

    @property
    def target(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def expected(self) -> int: ...
    @property
    def status(self) -> int | None: ...
    @property
    def body_as_expected(self) -> bool: ...
    @property
    def seconds(self) -> float: ...
    @property
    def within(self) -> float: ...
    @property
    def error(self) -> str: ...


class Crossing(Protocol):
    """A session carried from one side to the other."""

    @property
    def made_on(self) -> str: ...
    @property
    def used_on(self) -> str: ...
    @property
    def login(self) -> int | None: ...
    @property
    def status(self) -> int | None: ...
    @property
    def forged(self) -> int | None: ...


def complete(progress: Progress) -> Verdict:
    """Every wanted Pod of the newest template available, none of an older one left; zero Pods prove nothing."""
    numbers = {name: float(getattr(progress, name)) for name in ("wanted", "updated", "available", "total")}
    message = f"{progress.available} available and {progress.updated} updated of {progress.wanted} wanted Pods"
    if progress.wanted == 0:
        return Verdict("rollout", Outcome.INCONCLUSIVE, "0 Pods are wanted: nothing runs, nothing is known", numbers)
    return Verdict("rollout", Outcome.PASS if progress.complete else Outcome.FAIL, message, numbers)


def healthy(pods: Sequence[Pod], endpoints: Mapping[str, bool]) -> Verdict:
    """Every Pod ready, never restarted, never out of memory, and reachable through the Service."""
    living = [pod for pod in pods if not pod.terminating]
    faults = [f"{p.name} is not ready" for p in living if not p.ready]
    faults += [f"{p.name} restarted {p.restarts} times" for p in living if p.restarts]
    faults += [f"{p.name} was killed for memory" for p in living if p.oom]
    faults += [f"{p.name} is no endpoint of the Service" for p in living if not endpoints.get(p.address)]
    numbers = {"pods": float(len(living)), "faults": float(len(faults))}
    if not living:
        return Verdict("pods", Outcome.INCONCLUSIVE, "no Pod was found", numbers)
    if faults:
        return Verdict(
            "pods", Outcome.FAIL, f"{len(faults)} faults in {len(living)} Pods: {'; '.join(faults)}", numbers
        )
    return Verdict(
        "pods", Outcome.PASS, f"{len(living)} of {len(living)} Pods ready, 0 restarts, all in the Service", numbers
    )


def smoke(answers: Sequence[Answer]) -> Verdict:
    """Every smoke case on every target: status, body and time as the parameters expect them."""
    faults = [fault for answer in answers if (fault := _fault(answer))]
    targets = len({answer.target for answer in answers})
    numbers = {"answers": float(len(answers)), "faults": float(len(faults)), "targets": float(targets)}
    said = f"{len(answers) - len(faults)} of {len(answers)} answers as expected on {targets} targets"
    if not answers:
        return Verdict("smoke", Outcome.INCONCLUSIVE, "no smoke case was run; name some in kubernetes.smoke", numbers)
    if faults:
        return Verdict("smoke", Outcome.FAIL, f"{said}; {'; '.join(faults[:5])}", numbers)
    return Verdict("smoke", Outcome.PASS, said, numbers)


def _fault(answer: Answer) -> str:
    where = f"{answer.target}, {answer.case}"
    if answer.status is None:
        return f"{where}: no answer ({answer.error})"
    if answer.status != answer.expected:
        return f"{where}: status {answer.status} instead of {answer.expected}"
    if not answer.body_as_expected:
        return f"{where}: the body lacks what it should contain"
    if answer.seconds > answer.within:
        return f"{where}: {answer.seconds:.2f} s > {answer.within:g} s"
    return ""


def sessions(crossings: Sequence[Crossing]) -> Verdict:
    """A session made on one side lives on the other; a check that passes without a session proves nothing."""
    numbers = {"crossings": float(len(crossings))}
    if not crossings:
        message = "not checked; name kubernetes.session_login and session_check"
        return Verdict("sessions", Outcome.INCONCLUSIVE, message, numbers)
    for one in crossings:
        way = f"made on {one.made_on}, used on {one.used_on}"
        if one.login is None or one.login >= 300:
            return Verdict("sessions", Outcome.FAIL, f"{way}: the log-in answered {one.login}", numbers)
        if one.status is None or one.status >= 300:
            # a redirect leads to the log-in page
            return Verdict("sessions", Outcome.FAIL, f"{way}: status {one.status}, the session is lost", numbers)
        if one.forged is None or one.forged < 300:
            message = f"{way}: a forged session is answered {one.forged}, too: the check proves nothing"
            return Verdict("sessions", Outcome.INCONCLUSIVE, message, numbers)
    return Verdict("sessions", Outcome.PASS, f"{len(crossings)} of {len(crossings)} sessions lived on", numbers)


def drill(before: str, changed: str, after: str, seconds: float, limit: float) -> Verdict:
    """The rollback drill: the template really changed, is back to the digest it had, in time."""
    numbers = {"seconds": seconds, "limit": limit}
    if before == changed:
        return Verdict(
            "rollback drill", Outcome.INCONCLUSIVE, "the template did not change: nothing was drilled", numbers
        )
    if after != before:
        message = f"the template is {after[:12]} after the undo, not {before[:12]}"
        return Verdict("rollback drill", Outcome.FAIL, message, numbers)
    in_time = seconds <= limit
    message = f"back to template {before[:12]} in {seconds:.1f} s {'<=' if in_time else '>'} {limit:g} s"
    return Verdict("rollback drill", Outcome.PASS if in_time else Outcome.FAIL, message, numbers)
