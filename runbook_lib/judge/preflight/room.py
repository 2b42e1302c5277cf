"""Room for the Pods: what the nodes have left."""

from __future__ import annotations

from typing import Protocol

from runbook_lib.model import Outcome, Verdict


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
