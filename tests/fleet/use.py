"""Writes what the hosts used, hour by hour: a busy day and a quiet night, noise, and a restart now and then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from .truth import Span

BEGIN = datetime(2026, 11, 4, tzinfo=UTC)
MIB = 2**20
HEADER = "timestamp,host,cpu_cores,memory_bytes\n"


@dataclass(frozen=True)
class Measured:
    """What one host used: cores, and bytes as they stand in the table."""

    host: str
    cores: Any
    memory: Any


def drawn(hosts: Iterable[str], days: float, seed: tuple[int, int], heap: int = 0) -> list[Measured]:
    """Hourly points of each host over so many days, the last one included; a JVM fills most of its heap."""
    chance = np.random.default_rng(seed)
    hours = np.arange(int(days * 24) + 1)
    load, floor = chance.uniform(0.1, 1.2), chance.uniform(120, 900)
    found = []
    for host in hosts:
        day = 0.55 + 0.45 * np.sin(2 * np.pi * (hours - 7) / 24)
        cores = load * day * chance.uniform(0.9, 1.1) * chance.normal(1, 0.06, len(hours)).clip(0.8, 1.25)
        memory = (floor + heap * 0.6 * (0.8 + 0.2 * day)) * chance.normal(1, 0.02, len(hours)).clip(0.95, 1.06)
        if len(hours) > 200 and chance.random() < 0.3:
            at = int(chance.integers(100, len(hours) - 50))
            cores[at], memory[at] = min(4 * load, 1.9), 0.4 * memory[at]
        found.append(Measured(host, cores.clip(0.002).round(4), (memory * MIB).astype(np.int64)))
    return found


def write_usage(path: Path, tables: Iterable[list[Measured]]) -> None:
    """One host after the other."""
    stamps: list[str] = []
    with path.open("w", encoding="ascii") as file:
        file.write(HEADER)
        for one in (measured for table in tables for measured in table):
            while len(stamps) < len(one.cores):
                stamps.append((BEGIN + timedelta(hours=len(stamps))).strftime("%Y-%m-%dT%H:%M:%SZ"))
            points = zip(stamps, one.cores.tolist(), one.memory.tolist(), strict=False)
            file.write("".join(f"{at},{one.host},{cores},{memory}\n" for at, cores, memory in points))


def spans(table: list[Measured], heap: int = 0) -> tuple[Span | None, Span | None]:
    """What one Pod may ask for in cores and MiB by the rules that are written down; None: too little to tell."""
    if not table or min(len(one.cores) for one in table) < 14 * 24:
        return None, None
    busiest = max(float(np.percentile(one.cores, 95)) for one in table)
    peak = max(float(one.memory.max()) for one in table) / MIB * 1.15
    beside = 128 + 64 + 240 + 100  # metaspace, direct buffers, code, a hundred stacks
    floor = heap + beside if heap else 0
    return (0.95 * busiest - 0.01, 1.05 * busiest + 0.02), (0.98 * max(peak, heap), 1.02 * max(peak, floor) + 32)
