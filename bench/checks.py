"""What it costs to check 10, 100 and 1000 manifests, and the same job done by checkov, side by side in one run.

A manifest is a file as a team keeps it for one application: a workload and what stands beside it, four objects and more
on average, good and bad by chance (bench/manifests.py). Ours is timed in this process, reading and judging apart; as a
process of its own that reads and judges, in turn with checkov as one: from the start of Python to the last finding,
without schemas, because checkov has none; and as ``runbook check``, the command itself with the schemas of Kubernetes
and all its lines. Python's collector is paused in all of ours, as the command does it. Counted is processor time,
because it does not depend on who else uses the machine. ``python -m bench.checks [COUNT …]``.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from bench import checkov
from bench.manifests import write
from runbook_lib.cli.check import uncollected
from runbook_lib.errors import CriterionFailed, Held
from runbook_lib.judge.workload.judge import CHECKS, check_manifests
from runbook_lib.judge.workload.world import World
from runbook_lib.observe.files.manifests import read_manifests

COUNTS = (10, 100, 1000)
SEED = 20261121
ROUNDS = 3
"""Each is done so often and the least counts: what disturbs only ever adds."""
PROMISED = {"judged": 1.0, "command": 3.0}
"""Seconds for 100 manifests: read and judged; the whole command, which holds them against the schemas, too."""
MANY = 1000
"""From so many objects on the processes are run once: what a process costs besides is little then."""
COLUMNS = ("read", "judged", "process", "command", "checkov")
ANSWERS = (0, CriterionFailed.exit_code, Held.exit_code)
"""How a process ends that has done its work: that bad manifests are said to be bad is an answer."""
LINEAR = 1.3
"""A manifest among ten times as many may cost so many times as much: the processor's caches take their part."""
ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out" / "checks.json"


def main() -> None:
    """Measure, print a table, write the numbers; end with 1 where a promise is not kept."""
    counts = [int(argument) for argument in sys.argv[1:]] or list(COUNTS)
    program = checkov.installed()
    numbers: dict[str, float] = {"checks": len(CHECKS)}
    print(" ".join(f"{name:>9}" for name in ("manifests", "objects", *COLUMNS, "ratio")))
    with tempfile.TemporaryDirectory(prefix="bench-checks-") as name:
        for count in counts:
            folder = Path(name, str(count))
            folder.mkdir()
            numbers[f"objects_{count}"] = write(folder, count, SEED)
            numbers |= {f"{key}_{count}": value for key, value in _measured(folder, program).items()}
            print(_line(numbers, count))
        for small, large in pairwise(counts):
            numbers[f"growth_{small}_{large}"] = _growth(Path(name), small, large)
    kept = _kept(numbers, counts)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(numbers, indent=1) + "\n")
    sys.exit(0 if kept else 1)


def job(folder: Path) -> int:
    """The whole of it: everything read, everything judged, every patch tried; returns the number of findings."""
    with uncollected():
        read = read_manifests(folder)
        return len(check_manifests(World(read.resources), read).findings)


def _measured(folder: Path, program: Path | None) -> dict[str, float]:
    read = read_manifests(folder)
    found = {
        "read": _least(lambda: read_manifests(folder)),
        "judged": _least(lambda: check_manifests(World(read.resources), read)),
    }
    python = [sys.executable, "-m"]
    commands = {
        "process": [*python, "bench.checks", "--only", str(folder)],
        "command": [*python, "runbook_lib.cli", "check", str(folder)],
    }
    if program:
        commands["checkov"] = checkov.command(program, folder)
    costs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS if len(read.resources) < MANY else 1):
        for name, command in commands.items():
            costs[name].append(_processor(command, checkov.environment()))
    found |= {name: min(values) for name, values in costs.items()}
    return found | ({"ratio": found["checkov"] / found["process"]} if program else {})


def _growth(root: Path, small: int, large: int) -> float:
    """What a manifest among many costs of one among few: as many of both, in turn, whatever else the machine does."""
    costs = dict.fromkeys((small, large), 0.0)
    for _ in range(ROUNDS):
        for count in (small,) * (large // small) + (large,):
            costs[count] += _spent(partial(job, root / str(count)))
    return costs[large] / costs[small]


def _least(do: Callable[[], object]) -> float:
    return min(_spent(do) for _ in range(ROUNDS))


def _spent(do: Callable[[], object]) -> float:
    gc.collect()
    with uncollected():
        begin = time.process_time()
        do()
        return time.process_time() - begin


def _processor(command: list[str], environment: dict[str, str]) -> float:
    """Processor seconds of a process until its end, with those of the processes that it started and waited for."""
    with tempfile.TemporaryFile() as complaint:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=complaint)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode not in ANSWERS:
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
        seconds, promised = numbers["command_100"], PROMISED["command"]
        sentence = (
            f"runbook check with the schemas says all of 100 manifests in {seconds:.2f} s, promised {promised:g} s"
        )
        kept &= _said(sentence, seconds <= promised)
    for small, large in pairwise(counts):
        growth = numbers[f"growth_{small}_{large}"]
        sentence = f"a manifest among {large} costs {growth:.2f} of one among {small}, promised {LINEAR:g}"
        kept &= _said(sentence, growth <= LINEAR)
    return kept


def _said(sentence: str, kept: bool) -> bool:
    print(f"{'kept    ' if kept else 'NOT KEPT'}  {sentence}")
    return kept


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        print(job(Path(sys.argv[2])))
    else:
        main()
