"""What it costs to check 10, 100 and 1000 manifests, and the same job done by checkov, side by side in one run.

A manifest is a file as a team keeps it for one application: a workload and what stands beside it, four objects and more
on average, good and bad by chance (bench/manifests.py). Ours is timed in this process, reading and judging apart, and
as a process of its own, without and with the schemas of Kubernetes, in turn with checkov as one: from the start of
Python to the last finding. checkov holds nothing against a schema, so the ratio is without. Counted is processor time,
because it does not depend on who else uses the machine. ``python -m bench.checks [COUNT …]``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from bench import checkov
from bench.manifests import write
from runbook_lib.judge.workload.judge import CHECKS, check_manifests
from runbook_lib.judge.workload.world import World
from runbook_lib.observe.files.manifests import read_manifests
from runbook_lib.observe.files.schemas import read_schemas

COUNTS = (10, 100, 1000)
SEED = 20261121
ROUNDS = 3
"""Each is done so often and the least counts: what disturbs only ever adds."""
PROMISED = {"judged": 1.0, "schema": 3.0}
"""Seconds for 100 manifests: read and judged; the whole process that holds them against the schemas, too."""
MANY = 1000
"""From so many objects on the processes are run once: what a process costs besides is little then."""
COLUMNS = ("read", "judged", "process", "schema", "checkov")
LINEAR = 1.6
"""Ten times as many may cost so many times ten times as much: caches and the collector of garbage take their part."""
ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out" / "checks.json"


def main() -> None:
    """Measure, print a table, write the numbers; end with 1 where a promise is not kept."""
    counts = [int(argument) for argument in sys.argv[1:]] or list(COUNTS)
    program = checkov.installed()
    numbers: dict[str, float] = {"checks": len(CHECKS)}
    print(" ".join(f"{name:>9}" for name in ("manifests", "objects", *COLUMNS, "ratio")))
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bench-checks-") as name:
            folder = Path(name)
            objects = write(folder, count, SEED)
            numbers |= {f"{key}_{count}": value for key, value in _measured(folder, program).items()}
            numbers[f"objects_{count}"] = objects
        print(_line(numbers, count))
    kept = _kept(numbers, counts)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(numbers, indent=1) + "\n")
    sys.exit(0 if kept else 1)


def job(folder: Path, schema: bool) -> int:
    """The whole of it: everything read, everything judged, every patch tried; returns the number of findings."""
    read = read_manifests(folder)
    world = World(read.resources, schemas=read_schemas(read.resources) if schema else None)
    return len(check_manifests(world, read).findings)


def _measured(folder: Path, program: Path | None) -> dict[str, float]:
    read = read_manifests(folder)
    found = {
        "read": _least(lambda: read_manifests(folder)),
        "judged": _least(lambda: check_manifests(World(read.resources), read)),
    }
    ours = [sys.executable, "-m", "bench.checks", "--only", str(folder)]
    commands = {"process": ours, "schema": [*ours, "--schema"]}
    if program:
        commands["checkov"] = checkov.command(program, folder)
    costs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS if len(read.resources) < MANY else 1):
        for name, command in commands.items():
            costs[name].append(_processor(command, checkov.environment()))
    found |= {name: min(values) for name, values in costs.items()}
    return found | ({"ratio": found["checkov"] / found["process"]} if program else {})


def _least(do: Callable[[], object]) -> float:
    costs = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        do()
        costs.append(time.process_time() - begin)
    return min(costs)


def _processor(command: list[str], environment: dict[str, str]) -> float:
    """Processor seconds of a process until its end, with those of the processes that it started and waited for."""
    with tempfile.TemporaryFile() as complaint:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=complaint)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            complaint.seek(0)
            said = complaint.read().decode(errors="replace")[-500:]
            raise SystemExit(f"{command[0]} ended with {running.returncode}: {said}")
    return usage.ru_utime + usage.ru_stime


def _line(numbers: dict[str, float], count: int) -> str:
    cells = [f"{count:>9}", f"{numbers[f'objects_{count}']:>9.0f}"]
    for name, unit in [*((column, " s") for column in COLUMNS), ("ratio", "x")]:
        value = numbers.get(f"{name}_{count}")
        cells.append(f"{'-':>9}" if value is None else f"{value:.2f}{unit}".rjust(9))
    return " ".join(cells)


def _kept(numbers: dict[str, float], counts: list[int]) -> bool:
    """Says what was promised and what became of it."""
    kept = True
    if 100 in counts:
        seconds = numbers["read_100"] + numbers["judged_100"]
        promised = PROMISED["judged"]
        kept &= _said(f"100 manifests read and judged in {seconds:.2f} s, promised {promised:g} s", seconds <= promised)
        seconds, promised = numbers["schema_100"], PROMISED["schema"]
        sentence = (
            f"100 manifests held against the schemas, too, by a process of {seconds:.2f} s, promised {promised:g} s"
        )
        kept &= _said(sentence, seconds <= promised)
    for small, large in pairwise(counts):
        growth = (numbers[f"read_{large}"] + numbers[f"judged_{large}"]) / (
            numbers[f"read_{small}"] + numbers[f"judged_{small}"]
        )
        factor = numbers[f"objects_{large}"] / numbers[f"objects_{small}"]
        numbers[f"growth_{small}_{large}"] = growth / factor
        kept &= _said(f"{factor:.1f} times the objects cost {growth:.1f} times as much", growth <= LINEAR * factor)
    return kept


def _said(sentence: str, kept: bool) -> bool:
    print(f"{'kept    ' if kept else 'NOT KEPT'}  {sentence}")
    return kept


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        print(job(Path(sys.argv[2]), "--schema" in sys.argv))
    else:
        main()
