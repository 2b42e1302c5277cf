"""An API server that has too much to do says so (429) and when to come again: it is obeyed, for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kubernetes.client.exceptions import ApiException

TIMES = 5  # how often one request is sent at most
LONGEST = 10.0  # seconds; a server that wants a longer pause is told of as one that cannot answer

Answer = TypeVar("Answer")


def obeyed(ask: Callable[[], Answer], sleep: Callable[[float], None] = time.sleep) -> Answer:
    """What ``ask`` returns; a 429 was not carried out: it is asked again after its Retry-After, be it read or write.

    Raises the last ApiException when the server still has too much to do.
    """
    for left in range(TIMES - 1, -1, -1):
        try:
            return ask()
        except ApiException as error:
            pause = seconds(error)
            if pause is None or pause > LONGEST or not left:
                raise
        sleep(pause)
    raise AssertionError("not reached")


def seconds(error: ApiException) -> float | None:
    """The pause that a 429 asks for, 1 s when it does not say; None for any other answer."""
    if error.status != 429:
        return None
    asked = str((error.headers or {}).get("Retry-After") or "1")
    return float(asked) if asked.isdigit() else 1.0
