"""The files of a load: a line a second, a running total, and every order that was asked for."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import IO, Any

from sandbox.load.counts import Tally, now
from sandbox.plan import Plan


def orders_file(plan: Plan) -> Path:
    """The orders of the last load: a line about it, then a line for each that is asked for, and one for its answer."""
    return plan.folder / "load-orders.jsonl"


class Files:
    """Writes what the users saw; begins all three files anew."""

    def __init__(self, plan: Plan, rate: float, customers: str) -> None:
        self.second, self._total = Tally(), Tally()
        self._rate, self._started, self._number = rate, now(), 0
        self._total_path = plan.load_total
        self._lines = plan.load_lines.open("w", encoding="utf-8")
        self._orders = orders_file(plan).open("w", encoding="utf-8")
        _line(self._orders, {"customers": customers, "started": self._started})
        self._write_total(running=True)

    def asked(self, order_id: str, amount_cents: int) -> None:
        """One order is about to be asked for: on the disk before it can be in the database."""
        _line(self._orders, {"id": order_id, "amount_cents": amount_cents})

    def answered(self, order_id: str, acknowledged: bool) -> None:
        """What its user was told in the end."""
        _line(self._orders, {"id": order_id, "acknowledged": acknowledged})

    async def every_second(self) -> None:
        """Close a second whenever one is over, for ever."""
        begin = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, begin + self._number + 1 - time.monotonic()))
            self.close_second()

    def close_second(self, running: bool = True) -> None:
        """Write the line of the second that is over and begin the next."""
        self._number += 1
        second, self.second = self.second, Tally()
        self._total.merge(second)
        _line(self._lines, {"at": now(), "second": self._number, **second.as_json()})
        self._write_total(running)

    def close(self) -> None:
        """The last, unfinished second, and the end."""
        self.close_second(running=False)
        self._lines.close()
        self._orders.close()

    def _write_total(self, running: bool) -> None:
        state = {"started": self._started, "at": now(), "seconds": self._number, "rate": self._rate, "running": running}
        temporary = self._total_path.with_suffix(".tmp")
        temporary.write_text(json.dumps(state | self._total.as_json()) + "\n", encoding="utf-8")
        temporary.replace(self._total_path)


def _line(file: IO[str], content: dict[str, Any]) -> None:
    file.write(json.dumps(content) + "\n")
    file.flush()
