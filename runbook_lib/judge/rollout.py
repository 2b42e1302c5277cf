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
    @property
    def ignored(self) -> int: ...


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


def complete(progress: Progress) -> Verdict:
    """Every wanted Pod of the newest template available, none of an older one left; zero Pods prove nothing.

    Failed Pods that the parameters let be (kubernetes.rollout.failed_pods: ignore) are counted and named as left.
    """
    names = ("wanted", "updated", "available", "total", "ignored")
    numbers = {name: float(getattr(progress, name)) for name in names}
    message = f"{progress.available} available and {progress.updated} updated of {progress.wanted} wanted Pods"
    if progress.wanted == 0:
        return Verdict("rollout", Outcome.INCONCLUSIVE, "0 Pods are wanted: nothing runs, nothing is known", numbers)
    new = progress.updated == progress.total == progress.wanted
    if progress.ignored and new and progress.available + progress.ignored >= progress.wanted:
        return Verdict("rollout", Outcome.PASS, f"{message}; {progress.ignored} failed left for later", numbers)
    return Verdict("rollout", Outcome.PASS if progress.complete else Outcome.FAIL, message, numbers)


def healthy(pods: Sequence[Pod], endpoints: Mapping[str, bool], ignored: int = 0) -> Verdict:
    """Every Pod ready, never restarted, never out of memory, and reachable through the Service.

    So many of them that are not ready are left for later where the rollout ``ignored`` them; they are named.
    """
    found = [pod for pod in pods if not pod.terminating]
    left = [pod for pod in found if not pod.ready][:ignored]
    living = [pod for pod in found if pod not in left]
    faults = [f"{p.name} is not ready" for p in living if not p.ready]
    faults += [f"{p.name} restarted {p.restarts} times" for p in living if p.restarts]
    faults += [f"{p.name} was killed for memory" for p in living if p.oom]
    faults += [f"{p.name} is no endpoint of the Service" for p in living if not endpoints.get(p.address)]
    numbers = {"pods": float(len(living)), "faults": float(len(faults)), "left": float(len(left))}
    if not living:
        return Verdict("pods", Outcome.INCONCLUSIVE, "no Pod was found", numbers)
    if faults:
        return Verdict(
            "pods", Outcome.FAIL, f"{len(faults)} faults in {len(living)} Pods: {'; '.join(faults)}", numbers
        )
    said = f"{len(living)} of {len(found)} Pods ready, 0 restarts, all in the Service"
    said += f"; left for later: {', '.join(pod.name for pod in left)}" if left else ""
    return Verdict("pods", Outcome.PASS, said, numbers)


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
