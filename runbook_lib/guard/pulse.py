"""Was this process stopped? A source that is slow keeps the loop waiting, too, but never this thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY = 0.5  # seconds


class Pulse:
    """Looks at the clock again and again; the longest time that it could not is what the process did not live."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last, self._longest = clock, clock(), 0.0
        self._over = threading.Event()
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def stopped(self) -> float:
        """Seconds of the longest stop since this was asked last."""
        found, self._longest = max(self._longest, self._clock() - self._last), 0.0
        return found

    def end(self) -> None:
        """Look no longer."""
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(EVERY):
            now = self._clock()
            self._longest, self._last = max(self._longest, now - self._last), now
