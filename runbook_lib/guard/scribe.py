"""Puts on record what the guard did, beside the loop: the users are back already, and it goes on looking after them.

Where the archive cannot be written, it is tried again until it can be; when the guard ends, it is tried once more.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_lib.act.send_back import Returned
from runbook_lib.clients import Clients
from runbook_lib.durable import write_whole
from runbook_lib.errors import RunbookError
from runbook_lib.judge.observation import Observation, to_line
from runbook_lib.judge.stage import StageLimits
from runbook_lib.model import Verdict
from runbook_lib.record import Run
from runbook_lib.record.filing import Filed
from runbook_lib.rollback import conclude, open_late, see_them_back
from runbook_lib.watch import Look, wait_for_split
from runbook_lib.watch.history import Sources
from runbook_lib.watch.log import EARLIER
from runbook_lib.watch.log import NAME as OBSERVATIONS
from runbook_lib.watch.replay import EVIDENCE as LIMITS

AGAIN = 10.0  # seconds between two tries to write
LAST_WAIT = 20.0  # seconds; when the guard is told to end


@dataclass(frozen=True)
class Deed:
    """What is to be recorded: the act, and the look that was its reason."""

    clients: Clients
    returned: Returned
    look: Look
    limits: StageLimits
    earlier: Sequence[Observation] = ()


class Scribe:
    """One thread that files one deed after the other."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self.say, self.pending = say, ""
        self._deeds: queue.SimpleQueue[Deed | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._file_all, name="scribe", daemon=True)
        self._thread.start()

    def take(self, deed: Deed) -> None:
        """Have it put on record."""
        self.pending = f"{deed.returned.what}: {deed.returned.cause}"
        self._deeds.put(deed)

    def end(self) -> None:
        """Finish what is begun, without waiting for the requests to confirm it."""
        self._ending.set()
        self._deeds.put(None)
        self._thread.join(LAST_WAIT)

    def _file_all(self) -> None:
        while (deed := self._deeds.get()) is not None:
            told = False
            while not self._filed(deed, quiet=told):
                told = True
                if self._ending.wait(AGAIN):
                    self._filed(deed, quiet=True)
                    break
            if self._deeds.empty():
                self.pending = ""

    def _filed(self, deed: Deed, quiet: bool) -> bool:
        try:
            self._file(deed)
        except (OSError, RunbookError) as error:
            if not quiet:
                self.say(f"{deed.returned.what} is not on record yet: {error}; it is tried again every {AGAIN:g} s")
            return False
        return True

    def _file(self, deed: Deed) -> None:
        returned = deed.returned
        run = open_late(deed.clients.parameters, returned, "guard")
        try:
            message, filed = self._told(run, deed)
        except (OSError, RunbookError) as error:  # begun, so not tried again: another attempt would tell it twice
            self.say(f"{run.attempt} could not be finished: {error}; `runbook resume` files what is there")
            return
        finally:
            run.close()
        self.say(f"{message}; record: {run.attempt / 'record.json'}")
        if filed.unsigned:
            self.say(f"its record is not signed: {filed.unsigned}")

    def _told(self, run: Run, deed: Deed) -> tuple[str, Filed]:
        seen = None
        if deed.returned.change is not None:
            seen = see_them_back(run, run.connect(), deed.returned.weight, self._wait)
        for name, observations in ((OBSERVATIONS, deed.look.observations), (EARLIER, deed.earlier)):
            if not observations:
                continue
            lines = (to_line(one, run.redacted) for one in observations)
            write_whole(run.attempt / name, "".join(f"{line}\n" for line in lines))
        run.evidence(LIMITS, {"limits": deed.limits, "sources": Sources()})
        return conclude(run, deed.returned, seen, deed.look.verdicts)

    def _wait(self, clients: Clients, weight: int) -> Verdict:
        """As long as it takes to see the users back, but no longer than the guard may go on."""
        return wait_for_split(
            clients,
            weight,
            sleep=lambda seconds: (self._ending.wait(seconds), None)[1],
            clock=lambda: math.inf if self._ending.is_set() else time.monotonic(),
        )
