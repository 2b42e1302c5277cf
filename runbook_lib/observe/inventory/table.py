"""Reads a table of applications or machines as a CMDB exports it: each application becomes a profile tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Node, node_of
from runbook_lib.errors import BadParameters
from runbook_lib.judge.inventory.merge import folded
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.inventory.cells import MACHINES, NAMED, NAMES, NoSense, value_of
from runbook_lib.observe.inventory.rows import Row, read_rows

NAME, ENVIRONMENT = "application", "environment"
ENVIRONMENTS = "operations.environments"
TITLES = 20
"""So many rows may stand above the header."""
SHOWN = 50
"""So many rows that are not understood are named one by one."""


@dataclass(frozen=True)
class Table:
    """A tree for each application, in the table's order; each value knows the line that says it."""

    trees: tuple[Node, ...]
    findings: tuple[Finding, ...] = ()


@dataclass
class _Gathered:
    """What the rows of one application say, by key; lists grow, of plain values the first counts."""

    line: int
    values: dict[str, Node] = field(default_factory=dict)
    environments: dict[str, list[Node]] = field(default_factory=dict)


class _Reader:
    """Goes down the rows and gathers what each says, and what is wrong with it."""

    def __init__(self, path: Path, places: Mapping[str, int]) -> None:
        self.file, self.places = str(path), places
        self.found: dict[str, _Gathered] = {}
        self.wrong: list[tuple[int, str]] = []

    def row(self, row: Row) -> None:
        said = {key: value for key, place in self.places.items() if (value := self._value(row, key, place)) is not None}
        if not said:
            return
        if NAME not in said:
            self.wrong.append((row.line, "left out: it names no application"))
            return
        gathered = self.found.setdefault(folded(said[NAME]), _Gathered(row.line))
        for key, value in said.items():
            self._add(gathered, key, value, row.line)
        where = said.get(ENVIRONMENT)
        if where and said.get(MACHINES):
            machines = gathered.environments.setdefault(where, [])
            machines += [node_of(name, self.file, row.line) for name in said[MACHINES]]

    def _value(self, row: Row, key: str, place: int) -> Any:
        try:
            return value_of(key, row.cells[place]) if place < len(row.cells) else None
        except NoSense as error:
            self.wrong.append((row.line, str(error)))
            return None

    def _add(self, gathered: _Gathered, key: str, value: Any, line: int) -> None:
        node = node_of(value, self.file, line, key)
        before = gathered.values.setdefault(key, node)
        if before is node or key in (NAME, ENVIRONMENT):
            return
        if isinstance(before.value, list) and isinstance(node.value, list) and (key in NAMES or key in NAMED):
            have = {_name(item) for item in before.value}
            before.value.extend(item for item in node.value if _name(item) not in have)
        elif before.plain() != node.plain():
            name = gathered.values[NAME].text()
            self.wrong.append((line, f"{key} of {name} is {node.text()}, but line {before.line} says {before.text()}"))


def read_table(path: Path, columns: Mapping[str, str], sheet: str | None = None) -> Table:
    """The applications of a CSV or .xlsx; ``columns`` are key of the profile -> header, ``application`` is a must.

    Raises BadParameters when the file or the column of the application is missing, or no row names one.
    """
    _refuse_nested(columns)
    rows = read_rows(path, sheet)
    header, places = _header(path, rows.rows, columns)
    reader = _Reader(path, places)
    reader.wrong += rows.wrong
    for row in rows.rows[header + 1 :]:
        reader.row(row)
    if not reader.found:
        seen = f": line {reader.wrong[0][0]} is {reader.wrong[0][1]}" if reader.wrong else ""
        raise BadParameters(f"table {path} names no application in its column {columns[NAME]}{seen}")
    findings = [_without(path, rows.rows[header], key, columns[key]) for key in columns if key not in places]
    return Table(tuple(_tree(one, str(path)) for one in reader.found.values()), (*findings, *_wrong(path, reader)))


def _refuse_nested(columns: Mapping[str, str]) -> None:
    for key in columns:
        inside = next((other for other in columns if other.startswith(f"{key}.")), None)
        if inside or key == ENVIRONMENTS:
            raise BadParameters(f"assessment.cmdb.columns: {key} cannot be a column beside {inside or MACHINES}")


def _header(path: Path, rows: Sequence[Row], columns: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    """Which row holds the headers, and where each key's column is; titles may stand above."""
    wanted = {key: _title(header) for key, header in columns.items()}
    for number, row in enumerate(rows[:TITLES]):
        titles = [_title(cell) for cell in row.cells]
        if wanted[NAME] in titles:
            return number, {key: titles.index(title) for key, title in wanted.items() if title in titles}
    has = ", ".join(str(cell) for cell in rows[0].cells if cell is not None)[:300] if rows else "nothing"
    line = rows[0].line if rows else 1
    raise BadParameters(f"table {path}:{line} has no column {columns[NAME]} for the application; it has {has}")


def _title(cell: Any) -> str:
    return "" if cell is None else folded(str(cell)).replace(" ", "").strip("*﻿")


def _name(item: Node) -> str:
    return folded(item.get("name").text() or item.text())


def _tree(gathered: _Gathered, file: str) -> Node:
    root = Node({}, file, gathered.line)
    for key, node in gathered.values.items():
        _put(root, key, node)
    environments = gathered.environments
    if environments:
        lists = {name: Node(machines, file, machines[0].line) for name, machines in environments.items()}
        _put(root, ENVIRONMENTS, Node(lists, file, gathered.line))
    if len(environments) > 1:
        del root.value[ENVIRONMENT]
    return root


def _put(root: Node, key: str, node: Node) -> None:
    *steps, last = key.split(".")
    for step in steps:
        root = root.value.setdefault(step, Node({}, node.file, node.line, step))
    root.value[last] = node


def _without(path: Path, header: Row, key: str, title: str) -> Finding:
    has = ", ".join(str(cell) for cell in header.cells if cell is not None)[:300]
    return _finding(path, header.line, f"there is no column {title} for {key}; it has {has}", "warning")


def _wrong(path: Path, reader: _Reader) -> list[Finding]:
    rows = sorted(reader.wrong)
    findings = [_finding(path, line, message, "info") for line, message in rows[:SHOWN]]
    if len(rows) > SHOWN:
        findings.append(_finding(path, 0, f"{len(rows):,} things in all are not as they should be", "warning"))
    return findings


def _finding(path: Path, line: int, message: str, severity: Any) -> Finding:
    return Finding(
        check="table-row",
        title="Every row of the table can be used",
        outcome=Outcome.INCONCLUSIVE,
        severity=severity,
        object=path.name,
        message=f"{path}:{line}: {message}" if line else f"{path}: {message}",
        reason="What the table does not tell is not known.",
        file=str(path),
        line=line,
    )
