"""Ctrl-C and SIGTERM end a batch after what is being done, so that its journal tells how each act ended."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

Stop = Callable[[], int | None]
"""The number of the signal that told it to end; None while it goes on."""


def never() -> int | None:
    """Nobody tells it to end."""
    return None


@contextlib.contextmanager
def heard() -> Iterator[Stop]:
    """Hands out what says whether a first signal came; a second one ends the process at once."""
    came: list[int] = []

    def hear(number: int, _: object) -> None:
        if came:  # an exception would wait for the threads of the members; the journal is on the disk line by line
            os._exit(128 + number)
        came.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came[0] if came else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
