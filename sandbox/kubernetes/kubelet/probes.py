"""Probes: how often a container is asked, and after how many answers it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.kubelet.handlers import Failed

JsonObject = dict[str, Any]
Ask = Callable[[float], Awaitable[None]]  # the timeout in seconds; raises Failed
Tell = Callable[[bool], None]
Complain = Callable[[str], None]

# A container that is not ready yet is asked sooner than its period at first, as the kubelet does after each change.
FIRST_PAUSE = 0.1


@dataclass(frozen=True)
class Timing:
    """The numbers of a probe, in seconds and answers."""

    delay: float = 0.0
    timeout: float = 1.0
    period: float = 10.0
    successes: int = 1
    failures: int = 3

    @classmethod
    def of(cls, probe: JsonObject) -> Timing:
        return cls(
            probe.get("initialDelaySeconds", 0),
            probe.get("timeoutSeconds", 1),
            probe.get("periodSeconds", 10),
            probe.get("successThreshold", 1),
            probe.get("failureThreshold", 3),
        )


async def watch(timing: Timing, ask: Ask, tell: Tell, complain: Complain, *, eager: bool = False) -> None:
    """Asks until cancelled; tells each time enough answers in a row say the same, complains of each failure.

    `eager`: a readiness probe, asked sooner until it first succeeds.
    """
    await asyncio.sleep(timing.delay)
    row, last = 0, None
    pause = min(FIRST_PAUSE, timing.period) if eager else timing.period
    while True:
        answer = await _answer(timing, ask, complain)
        row = row + 1 if answer == last else 1
        last = answer
        if answer:
            eager = False
        if row >= (timing.successes if answer else timing.failures):
            tell(answer)
        await asyncio.sleep(pause if eager else timing.period)
        pause = min(pause * 2, timing.period)


async def until_success(timing: Timing, ask: Ask, complain: Complain) -> bool:
    """A startup probe: True once it succeeds, False after too many failures in a row."""
    await asyncio.sleep(timing.delay)
    failures = 0
    while True:
        if await _answer(timing, ask, complain):
            return True
        failures += 1
        if failures >= timing.failures:
            return False
        await asyncio.sleep(timing.period)


async def _answer(timing: Timing, ask: Ask, complain: Complain) -> bool:
    try:
        await ask(timing.timeout)
    except Failed as failure:
        complain(str(failure))
        return False
    return True
