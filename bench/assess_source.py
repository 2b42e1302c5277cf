"""What it costs to find in 500, 1600 and 5000 Java files what binds them to their machine.

Beside it, in the same run: the same by one process, and plain ``grep -rE`` of the same words, which takes comments and
strings for code. ``python -m bench.assess_source [COUNT ...]``; fails when 5000 files take more than five seconds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.java_tree import write_tree
from runbook_lib.artefacts import Rule
from runbook_lib.observe.source.rules import read_rules
from runbook_lib.observe.source.scan import scan_source

COUNTS = (500, 1600, 5000)
PROMISED = 5.0
"""Seconds for 5000 files on two processors."""
TIMES = 3
"""Each is measured so often, and the best counts: what else the machine does is no cost of ours."""
ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out" / "assess_source.json"
COLUMNS = {
    "files": "files",
    "MB": "megabytes",
    "seconds": "source_seconds",
    "of cpu": "cpu_seconds",
    "one process": "one_process_seconds",
    "grep -rE": "grep_seconds",
    "files/s": "files_per_second",
    "planted": "planted",
    "found": "found",
    "grep's lines": "grep_lines",
}


def measure(counts: Sequence[int] = COUNTS) -> dict[str, float]:
    """Prints a table; figures by name and count: ``source_seconds_5000``, ``one_process_seconds_5000`` ..."""
    rules = read_rules()
    numbers: dict[str, float] = {}
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bench-assess-source-") as name:
            numbers |= {f"{key}_{count}": value for key, value in _measured(Path(name), count, rules).items()}
    first, last = min(counts), max(counts)
    if first < last:
        share = (numbers[f"source_seconds_{last}"] / last) / (numbers[f"source_seconds_{first}"] / first)
        numbers["source_growth"] = share
    print(_table(numbers, counts))
    print(f"{len(os.sched_getaffinity(0))} processors; the best of {TIMES} runs each; rules of all languages are read")
    return numbers


def _table(numbers: dict[str, float], counts: Sequence[int]) -> str:
    """A line for each count."""
    lines = ["".join(f"{heading:>14}" for heading in COLUMNS)]
    for count in counts:
        cells = [numbers[f"{key}_{count}"] for key in COLUMNS.values()]
        lines.append("".join(f"{cell:>14.2f}" if cell != int(cell) else f"{cell:>14.0f}" for cell in cells))
    return "\n".join(lines)


def _measured(root: Path, count: int, rules: tuple[Rule, ...]) -> dict[str, float]:
    planted = write_tree(root, count)
    several, cpu = _best(lambda: scan_source(root, rules))
    alone, _ = _best(lambda: scan_source(root, rules, processes=1))
    expression = _words(rules)
    grepped, _ = _best(lambda: _grep(root, expression))
    return {
        "files": float(count),
        "megabytes": sum(path.stat().st_size for path in root.rglob("*.java")) / 1e6,
        "source_seconds": several,
        "cpu_seconds": cpu,
        "one_process_seconds": alone,
        "grep_seconds": grepped,
        "files_per_second": count / several,
        "planted": float(planted),
        "found": float(len(scan_source(root, rules).evidence)),
        "grep_lines": float(_grep(root, expression)),
    }


def _words(rules: tuple[Rule, ...]) -> str:
    """All words of the rules for Java as one expression; a word that is half an address is sharpened a little."""
    words = sorted({word for rule in rules if rule.language == "java" for word in rule.words if len(word) > 4})
    return "|".join([*(re.sub(r"([.()\[\]{}+*?^$|\\])", r"\\\1", word) for word in words), r"[^0-9.]10\.[0-9]+\.[0-9]"])


def _grep(root: Path, expression: str) -> int:
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(["grep", "-rE", expression, str(root)], capture_output=True, check=True, env=environment)
    return done.stdout.count(b"\n")


def _best(act: Callable[[], object]) -> tuple[float, float]:
    """The least seconds by the clock, and the least of the processors, children included."""
    times, processors = [], []
    for _ in range(TIMES):
        began, before = time.perf_counter(), sum(os.times()[:4])
        act()
        times.append(time.perf_counter() - began)
        processors.append(sum(os.times()[:4]) - before)
    return min(times), min(processors)


def main() -> None:
    """Measure, print a table, write the numbers; exit 1 when the promise is not kept."""
    counts = [int(argument) for argument in sys.argv[1:]] or list(COUNTS)
    if shutil.which("grep") is None:
        sys.exit("grep is not installed: the comparison needs it")
    numbers = measure(counts)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({key: round(value, 4) for key, value in numbers.items()}, indent=1) + "\n")
    if numbers.get("source_seconds_5000", 0) > PROMISED:
        sys.exit(f"5000 files took {numbers['source_seconds_5000']:.1f} s, promised are {PROMISED:.0f} s")


if __name__ == "__main__":
    main()
