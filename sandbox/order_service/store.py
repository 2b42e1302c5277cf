"""Orders in a SQLite database that several processes share."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

BUSY_SECONDS = 5.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    side TEXT NOT NULL,
    instance TEXT NOT NULL,
    customer TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_by_time ON orders (created_at);
"""


@dataclass(frozen=True)
class Order:
    """One order as it was taken; ``created_at`` is ISO 8601 in UTC with milliseconds and a Z."""

    id: str
    side: str
    instance: str
    customer: str
    amount_cents: int
    created_at: str


def timestamp(moment: datetime | None = None) -> str:
    """The form of ``created_at``: it sorts as text."""
    return (moment or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """One connection that reads, from the event loop, and one that writes, from any one thread at a time.

    In WAL mode a reader never waits. A writer waits up to five seconds for the other processes, each of
    which holds the lock for less than a millisecond; every write is one statement, so none can be refused half way.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writing = threading.Lock()
        self._writer = _connect(path)
        self._writer.executescript(SCHEMA)
        self._reader = _connect(path)

    def add(self, order: Order) -> Order:
        """Write the order, or return the one already taken under that id: a retried order is never doubled."""
        values = (order.id, order.side, order.instance, order.customer, order.amount_cents, order.created_at)
        with self._writing:
            cursor = self._writer.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING", values
            )
            if cursor.rowcount:
                return order
            row = self._writer.execute("SELECT * FROM orders WHERE id = ?", (order.id,)).fetchone()
        return Order(*row)

    def latest(self, limit: int = 10) -> list[Order]:
        """The newest orders of both sides, newest first."""
        rows = self._reader.execute("SELECT * FROM orders ORDER BY rowid DESC LIMIT ?", (limit,))
        return [Order(*row) for row in rows]

    def close(self) -> None:
        """End both connections."""
        with self._writing:
            self._writer.close()
        self._reader.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            # The switch to WAL needs the file for itself and does not wait when several processes start at once.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    # nothing here outlives the range: a disk that is busy (an installation before, say) must not hold up the users
    connection.execute("PRAGMA synchronous=OFF")
    return connection
