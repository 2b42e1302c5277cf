"""Wait until the observed split is the one that was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable

from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError
from runbook_lib.judge.stage import split_of
from runbook_lib.model import Outcome, Verdict
from runbook_lib.observe.counters import Reading, delta, read


def wait_for_split(
    clients: Clients,
    weight: int,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Verdict:
    """The first PASS of the observed split, or the last verdict when ``traffic.split_patience`` is over.

    Requests from before the shift may still be scraped after it: an interval with a wrong split is dropped, not summed.
    """
    p = clients.parameters
    deadline = clock() + p.traffic.split_patience.total_seconds()
    verdict = Verdict("traffic split", Outcome.INCONCLUSIVE, "nothing was measured")
    base: Reading | None = None
    while clock() < deadline:
        try:
            reading = read(clients.prometheus, p.metrics, 0.0)
            if base is not None:
                verdict = split_of(weight, [delta(base, reading, p.metrics).errors])
                if verdict.outcome is Outcome.PASS:
                    return verdict
            base = reading if base is None or verdict.outcome is Outcome.FAIL else base
        except RunbookError as error:
            verdict = Verdict("traffic split", Outcome.INCONCLUSIVE, str(error))
        sleep(min(p.metrics.scrape.total_seconds(), max(0.0, deadline - clock())))
    return verdict
