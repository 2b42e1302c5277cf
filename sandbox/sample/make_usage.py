"""Writes hosts/usage.csv: fifteen days of what the order service used on each machine, the same on every run.

`python -m sandbox.sample.make_usage` prints it. A day has an evening peak and a small one at noon, a week a busier
end; after a restart the process is small, then its memory grows towards a plateau; a start costs half a core.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 11, 4, tzinfo=UTC)
DAYS = 15
STEP = timedelta(minutes=30)
SHOP_OFFSET = 8  # the shop's hours are ahead of UTC
MEBIBYTE = 2**20
# How long ago each machine's process was started when the table begins, in steps; and how busy it is.
MACHINES = {"vm-1": (100, 1.0), "vm-2": (150, 0.98), "vm-3": (60, 1.06)}
RESTARTS = {
    ("vm-1", datetime(2026, 11, 10, 3, 0, tzinfo=UTC)),
    ("vm-2", datetime(2026, 11, 10, 3, 30, tzinfo=UTC)),
    ("vm-3", datetime(2026, 11, 10, 4, 0, tzinfo=UTC)),
    ("vm-3", datetime(2026, 11, 15, 14, 30, tzinfo=UTC)),
}


def rows(seed: int = 20261119) -> Iterator[str]:
    """Lines of CSV: timestamp, host, cores used on average since the line before, bytes of memory held."""
    draw = random.Random(seed)
    ages = {host: age for host, (age, _) in MACHINES.items()}
    yield "timestamp,host,cpu_cores,memory_bytes"
    for step in range(int(timedelta(days=DAYS) / STEP)):
        at = BEGIN + step * STEP
        for host, (_, busy) in MACHINES.items():
            ages[host] = 0 if (host, at) in RESTARTS else ages[host] + 1
            cpu, memory = _use(at, ages[host], busy, draw)
            yield f"{at:%Y-%m-%dT%H:%M:%SZ},{host},{cpu:.4f},{int(memory)}"


def _use(at: datetime, age: int, busy: float, draw: random.Random) -> tuple[float, float]:
    if age == 0:
        return 0.41 + draw.uniform(0, 0.05), (49 + draw.uniform(0, 2)) * MEBIBYTE
    hour = (at.hour + at.minute / 60 + SHOP_OFFSET) % 24
    evening = (1 + math.cos((hour - 20.5) / 24 * math.tau)) / 2
    noon = math.exp(-(((hour - 12.5) / 1.5) ** 2))
    weekend = 1.12 if at.weekday() >= 5 else 1.0
    cpu = (0.012 + 0.070 * evening**1.6 + 0.0075 * noon) * weekend * busy * (1 + draw.gauss(0, 0.07))
    memory = 58 + 34 * (1 - math.exp(-age / 90)) + 6 * evening + draw.uniform(0, 5)
    return max(cpu, 0.004), memory * MEBIBYTE


def main() -> None:
    """Print the table."""
    for row in rows():
        print(row)


if __name__ == "__main__":
    main()
