"""What it costs to assess a fleet of 100, 1000 and 3000 applications, and a source tree of 5000 Java files.

Each fleet is made up by tests/fleet as an operations team has it (fact caches, a GBK table, profiles, 14 days of hourly
use) and assessed by a process of its own: inventory, drift, size, waves; no source. Making it is not counted. Memory is
the most that this process and its children held together. Beside it, at the smallest size, what one would write in an
afternoon: one process that loads everything and keeps it. ``python -m bench.assess [COUNT …]``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

from bench import assess_source
from tests.fleet.make import make_fleet
from tests.fleet.truth import Truth

COUNTS = (100, 1000, 3000)
SEED = 20261121
SECONDS = 60.0
MEBIBYTES = 1024.0
FILES = 5000
SECONDS_OF_SOURCE = 5.0
"""So many files of source are read in so many seconds."""
NAIVE = 2
"""At so many of the smallest sizes the naive way is taken, too."""
STEPS = ("read", "judge", "plan")
"""What the process under test tells of itself: reading and putting together; drift and size; waves."""
ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out" / "assess.json"


@dataclass(frozen=True)
class Cost:
    """Of one process with its children: seconds until its end, of processors too, MiB at the most, what it said."""

    seconds: float
    processors: float
    mebibytes: float
    said: dict[str, float]


def main() -> None:
    """Measure, print a table, write the numbers; end with 1 where a promise is not kept."""
    counts = [int(argument) for argument in sys.argv[1:]] or list(COUNTS)
    numbers: dict[str, float] = {}
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bench-assess-") as name:
            truth = make_fleet(Path(name), count, SEED, source=False)
            numbers |= _numbers("", count, _run("bench.assess_fleet", truth))
            if count in counts[:NAIVE]:
                numbers |= _numbers("naive_", count, _run("bench.assess_naive", truth))
            _print_line(numbers, truth, count, first=count == counts[0])
    numbers |= _growth(numbers, counts)
    _print_end(numbers, counts)
    numbers |= assess_source.measure(assess_source.COUNTS)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 4) for key, value in numbers.items()}, indent=1) + "\n")
    sys.exit(_broken(numbers, counts[-1]))


def _run(module: str, truth: Truth) -> Cost:
    """Run a module over the fleet's folder and watch what it takes until it ends."""
    began, most = time.perf_counter(), 0
    worked: dict[int, float] = {}
    command = [sys.executable, "-m", module, str(truth.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, _held(watched, worked))
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(seconds, sum(worked.values()), most / 2**20, json.loads(said))


def _held(process: psutil.Process, worked: dict[int, float]) -> int:
    """Bytes that the process and its children hold, pages that they share counted once; ``worked`` is by process."""
    held = 0
    try:
        for one in (process, *process.children(recursive=True)):
            times = one.cpu_times()
            worked[one.pid] = times.user + times.system
            held += one.memory_full_info().pss
    except psutil.Error:
        pass  # it has just ended
    return held


def _numbers(prefix: str, count: int, cost: Cost) -> dict[str, float]:
    """Flat: what was measured from outside, and what the process said."""
    return {
        f"{prefix}seconds_{count}": cost.seconds,
        f"{prefix}cpu_seconds_{count}": cost.processors,
        f"{prefix}peak_mib_{count}": cost.mebibytes,
        **{f"{prefix}{name}_{count}": value for name, value in cost.said.items()},
    }


def _growth(numbers: dict[str, float], counts: list[int]) -> dict[str, float]:
    """What a further application costs between the largest two sizes, to that between the smallest two; 1 is linear."""
    grown = {}
    for what in ("seconds", "cpu_seconds", "peak_mib"):
        steps = [
            (numbers[f"{what}_{more}"] - numbers[f"{what}_{less}"]) / (more - less) for less, more in pairwise(counts)
        ]
        if len(steps) > 1:
            grown[f"{what}_growth"] = steps[-1] / steps[0]
    return grown


def _print_line(numbers: dict[str, float], truth: Truth, count: int, first: bool) -> None:
    headings = ("applications", "hosts", "rows", "seconds", *STEPS, "cpu", "MiB", "ms each", "MiB each")
    if first:
        print("".join(f"{heading:>13}" for heading in headings))
    seconds, most = numbers[f"seconds_{count}"], numbers[f"peak_mib_{count}"]
    hosts = sum(len(one.machines) for one in truth.applications.values())
    whole = (count, hosts, int(numbers[f"rows_{count}"]))
    steps = (numbers[f"{step}_seconds_{count}"] for step in STEPS)
    parts = (seconds, *steps, numbers[f"cpu_seconds_{count}"], most, 1e3 * seconds / count, most / count)
    print("".join(f"{cell:>13}" for cell in whole) + "".join(f"{cell:>13.2f}" for cell in parts), flush=True)
    if f"naive_seconds_{count}" in numbers:
        seconds, most = numbers[f"naive_seconds_{count}"], numbers[f"naive_peak_mib_{count}"]
        blank = " " * 13 * (len(STEPS) + 1)
        print(f"{'naive':>13}{'':>26}{seconds:>13.2f}{blank}{most:>13.2f}", flush=True)


def _print_end(numbers: dict[str, float], counts: list[int]) -> None:
    grown = [f"{key.removesuffix('_growth')} {value:.2f}" for key, value in numbers.items() if key.endswith("_growth")]
    if grown:
        print(f"a further application among the most to one among the fewest: {', '.join(grown)} (1 is linear growth)")
    first = counts[0]
    differences = numbers[f"drifts_{first}"], numbers[f"naive_drifts_{first}"]
    print(f"at {first} the naive way tells {differences[1]:.0f} differences of hosts; {differences[0]:.0f} matter")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[1]:.1f}; seconds are from a process's start to its end")


def _broken(numbers: dict[str, float], last: int) -> str | None:
    """What was promised and does not hold; None when all of it does."""
    promised = {
        f"seconds_{last}": SECONDS,
        f"peak_mib_{last}": MEBIBYTES,
        f"source_seconds_{FILES}": SECONDS_OF_SOURCE,
    }
    broken = [f"{key} is {numbers[key]:.1f}, not {most:.0f}" for key, most in promised.items() if numbers[key] > most]
    return f"promised and not kept, at load {os.getloadavg()[1]:.1f}: {', '.join(broken)}" if broken else None


if __name__ == "__main__":
    main()
