"""Samples of use as sorted arrays: what cannot be true left out and counted, starts told from running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]
FELL_TO = 0.6
STARTS_A_DAY = 2.0
DAY = 86_400


@dataclass(frozen=True)
class Points:
    """One point a place, by instance and then by time; seconds since 1970, cores, MiB, requests a second.

    ``restless`` are instances whose memory falls so often that no restart can be told from it, ``silent`` those whose
    CPU or memory is 0 all the time, which is no use but a metric that says nothing.
    """

    names: tuple[str, ...]
    instance: NDArray[np.int64]
    at: NDArray[np.int64]
    cpu: Numbers
    memory: Numbers
    starting: NDArray[np.bool_]
    requests: Numbers | None
    given: int
    untrue: int
    twice: int
    below_agents: int
    restless: tuple[str, ...]
    silent: tuple[str, ...]

    def of(self, number: int) -> slice:
        """Where the points of one instance lie."""
        low, high = np.searchsorted(self.instance, (number, number + 1))
        return slice(int(low), int(high))


def points_of(usage: pd.DataFrame, agents: tuple[float, float] = (0.0, 0.0)) -> Points:
    """The usable points of a table: at, instance, cpu_cores, memory_mib; perhaps starting, requests, process.

    ``agents`` (cores, MiB) are taken off a machine's use, not off that of a process. Of two points of the same time the
    greater counts.
    """
    codes, names = usage["instance"].factorize(sort=True)
    at = usage["at"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    cpu, memory = (usage[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("cpu_cores", "memory_mib"))
    with np.errstate(invalid="ignore"):
        true = (cpu >= 0) & (cpu < np.inf) & (memory >= 0) & (memory < np.inf)
    true &= (codes >= 0) & usage["at"].notna().to_numpy()
    order = np.lexsort((memory, cpu, at, codes))
    order = order[true[order]]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (codes[order][1:] != codes[order][:-1]) | (at[order][1:] != at[order][:-1])
    kept = order[last]
    whole = _of_machines(usage)[kept]
    net = (cpu[kept] - agents[0] * whole, memory[kept] - agents[1] * whole)
    started, restless = _starts(codes[kept], at[kept], memory[kept])
    if "starting" in usage:
        started |= usage["starting"].to_numpy(dtype=bool, na_value=False)[kept]
    requests = usage["requests"].to_numpy(dtype=np.float64, na_value=np.nan)[kept] if "requests" in usage else None
    return Points(
        names=tuple(map(str, names)),
        instance=codes[kept].astype(np.int64),
        at=at[kept],
        cpu=np.maximum(net[0], 0.0),
        memory=np.maximum(net[1], 0.0),
        starting=started,
        requests=requests,
        given=len(usage),
        untrue=int(len(true) - true.sum()),
        twice=len(order) - len(kept),
        below_agents=int(((net[0] < 0) | (net[1] < 0)).sum()),
        restless=tuple(str(names[number]) for number in restless),
        silent=tuple(str(names[number]) for number in _silent(codes[kept], cpu[kept], memory[kept])),
    )


def _silent(instance: NDArray[np.int64], *measured: Numbers) -> list[int]:
    spoke = [np.unique(instance[values > 0]) for values in measured]
    return sorted({int(number) for one in spoke for number in np.setdiff1d(instance, one)})


def _of_machines(usage: pd.DataFrame) -> NDArray[np.bool_]:
    if "process" not in usage:
        return np.ones(len(usage), dtype=bool)
    found: NDArray[np.bool_] = (usage["process"].isna() | (usage["process"] == "")).to_numpy()
    return found


def _starts(
    instance: NDArray[np.int64], at: NDArray[np.int64], memory: Numbers
) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    """The points right after a restart: memory fell by more than 40 % since the point before.

    The CPU of a start belongs to the start-up budget; in the request it would be paid for day and night. Memory that
    falls more than twice a day is how the application works, and its CPU counts.
    """
    fell = np.zeros(len(memory), dtype=bool)
    fell[1:] = (instance[1:] == instance[:-1]) & (memory[1:] < FELL_TO * memory[:-1])
    restless = []
    for number in np.unique(instance[fell]):
        low, high = np.searchsorted(instance, (number, number + 1))
        days = max(1.0, (at[high - 1] - at[low]) / DAY)
        if fell[low:high].sum() > STARTS_A_DAY * days:
            fell[low:high] = False
            restless.append(int(number))
    return fell, tuple(restless)
