"""The faults that somebody switched on for this side, read from faults.json while running."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

LOOK_EVERY = 0.1


@dataclass(frozen=True)
class Faults:
    """What goes wrong on purpose; shares are 0..1, times seconds, ``leak`` MiB a second.

    ``wrong_amount`` is the share by which every amount is written too low.
    """

    errors: float = 0.0
    latency: float = 0.0
    crash: bool = False
    leak: float = 0.0
    oom: bool = False
    slow_start: float = 0.0
    session_loss: float = 0.0
    wrong_amount: float = 0.0


NONE = Faults()


def of_side(content: Mapping[str, Any], side: str) -> Faults:
    """The faults of one side; keys that others act on (throttle) are passed over."""
    given = content.get(side) or {}
    kinds = {field.name: type(getattr(NONE, field.name)) for field in fields(Faults)}
    return Faults(**{key: kinds[key](value) for key, value in given.items() if key in kinds})


class FaultsFile:
    """Looks at the file's time at most every 100 ms, because it is asked at every request."""

    def __init__(self, path: Path | None, side: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._side, self._clock = path, side, clock
        self._faults = NONE
        self._looked = float("-inf")
        self._version: tuple[int, int] | None = None

    def current(self) -> Faults:
        """The faults that are on now; those last read when the file is being replaced or is no JSON."""
        moment = self._clock()
        if self._path is not None and moment - self._looked >= LOOK_EVERY:
            self._looked = moment
            self._look(self._path)
        return self._faults

    def _look(self, path: Path) -> None:
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_ino)
            if version != self._version:
                self._faults = of_side(json.loads(path.read_text(encoding="utf-8")), self._side)
                self._version = version
        except FileNotFoundError:
            self._faults, self._version = NONE, None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            print(f"faults stay as they were, {path} cannot be read: {error}", flush=True)
