"""Reads every notebook and JSON file below a folder as fast as it can, and tells at its end what was torn."""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path

SUFFIXES = {".json", ".ipynb"}


def read(folder: Path, seen: dict[str, dict[str, int]]) -> None:
    for path in folder.rglob("*"):
        if path.suffix not in SUFFIXES or path.name.startswith("."):
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        known = seen.setdefault(path.name, {"reads": 0, "torn": 0})
        known["reads"] += 1
        try:
            json.loads(content)
        except ValueError:
            known["torn"] += 1


def main() -> None:
    seen: dict[str, dict[str, int]] = {}
    print("reading", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        read(Path(sys.argv[1]), seen)
    print(json.dumps(seen))


main()
