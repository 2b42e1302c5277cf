"""What one would write in an afternoon for the same question: load everything, keep it, look at it in one process."""

from __future__ import annotations

import csv
import graphlib
import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any


def main() -> None:
    """Drift over all facts, P95 and peak, an order of applications; the same questions, coarsely answered."""
    folder = Path(sys.argv[1])
    hosts = [json.loads(path.read_text()) for path in sorted((folder / "facts").iterdir())]
    by_name = {facts["ansible_hostname"]: facts for facts in hosts}
    with (folder / "cmdb.csv").open(encoding="gbk", newline="") as file:
        table = list(csv.DictReader(file))
    usage: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (folder / "usage.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            usage[row["host"]].append(row)
    members: dict[str, list[str]] = defaultdict(list)
    for row in table:
        members[row["应用名称"]].append(row["主机名"])
    drifts = sum(_differing([by_name[host] for host in names if host in by_name]) for names in members.values())
    sizes = [_size([row for host in names for row in usage[host]]) for names in members.values()]
    order = _order(table)
    rows = sum(map(len, usage.values()))
    print(json.dumps({"rows": rows, "drifts": drifts, "sizes": sum(map(bool, sizes)), "ordered": len(order)}))


def _differing(hosts: list[dict[str, Any]]) -> int:
    """How many facts of whatever kind differ; most of them mean nothing."""
    flat = [dict(_flat("", facts)) for facts in hosts]
    return sum(len({facts.get(key) for facts in flat}) > 1 for key in {key for facts in flat for key in facts})


def _flat(path: str, value: Any) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(f"{path}/{key}", item)
    else:
        yield path, json.dumps(value)


def _size(rows: list[dict[str, str]]) -> tuple[float, float] | None:
    cores = sorted(float(row["cpu_cores"]) for row in rows)
    if not cores:
        return None
    return cores[math.ceil(0.95 * len(cores)) - 1], max(float(row["memory_bytes"]) for row in rows) * 1.15


def _order(table: list[dict[str, str]]) -> list[str]:
    """As far as there is one: the first circle ends it."""
    graph = {row["应用名称"]: set(filter(None, row["依赖应用"].split("、"))) for row in table}
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError:
        return []


if __name__ == "__main__":
    main()
