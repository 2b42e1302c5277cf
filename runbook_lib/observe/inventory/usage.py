"""Reads what the machines used over time: a CSV as monitoring exports it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.inventory.encoding import delimiter_of, encoding_of, head_of
from runbook_lib.observe.inventory.times import times

MIB = 2**20
NAMES: dict[str, tuple[str, ...]] = {
    "at": ("timestamp", "at", "time", "date"),
    "instance": ("host", "instance", "vm", "hostname"),
    "cpu_cores": ("cpu_cores", "cpu", "cores"),
    "memory": ("memory_bytes", "memory_mib", "rss_bytes", "rss_mib"),
}
OPTIONAL: dict[str, tuple[str, ...]] = {"starting": ("starting", "startup"), "requests": ("requests_per_second", "rps")}
ROWS = 50_000
"""So many are looked at together."""
SHOWN = 50
"""So many of the rows that are left out are named one by one."""
TRUE = {"1", "true", "yes"}
MORE = "more"
"""Tells whether a row has fields beyond the header's."""


Portion = dict[str, Any]
"""Arrays by column, some points' worth."""


@dataclass(frozen=True)
class Usage:
    """One row a point: at (UTC), instance, cpu_cores, memory_mib, starting; and what could not be used.

    ``requests`` a second are a column where somebody measured them. ``instance`` is a category, as millions of rows
    name a few thousand machines.
    """

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Layout:
    """How the file is written: ``columns`` are our names and which field of a row each is."""

    path: Path
    encoding: str
    delimiter: str
    first: int
    width: int
    columns: dict[str, int]
    scale: float


def read_usage(path: Path) -> Usage:
    """The use of all machines; a row that cannot be true becomes a finding and is left out.

    Raises BadParameters when the file is missing, lacks a column, or has no usable row at all.
    """
    layout = _layout(path)
    parts: list[Portion] = []
    wrong: list[tuple[int, str]] = []
    count = 0
    for text in _chunks(layout):
        points, bad = _points(text, layout)
        parts.append(points)
        count += int(bad.sum())
        wrong += [(line, _why(text.loc[line])) for line in text.index[bad][: SHOWN - len(wrong)]]
    table, twice = once(parts)
    count += len(twice)
    wrong += [
        (line, f"{instance} at {at} is there twice")
        for line, instance, at in twice[["line", "instance", "at"]].head(SHOWN).itertuples(index=False)
    ]
    findings = [_left_out(path, int(line), why) for line, why in sorted(wrong)[:SHOWN]]
    if table.empty:
        seen = findings[0].message if findings else "there is nothing below the first line"
        raise BadParameters(f"usage {path} has no usable row: {seen}")
    if count > len(findings):
        findings.append(_left_out(path, 0, f"{count:,} of {count + len(table):,} rows in all"))
    return Usage(table, tuple(findings))


def once(parts: list[Portion]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The points in the order of machine and time, each once; and those that are there again. ``parts`` are used up.

    One column after the other: a whole table beside its sorted copy would be twice as much memory.
    """
    names = list(parts[0]) if parts else ["at", "instance"]
    columns = {name: _joined([part.pop(name) for part in parts]) for name in names}
    if not len(columns["at"]):
        return pd.DataFrame(columns), pd.DataFrame({**columns, "line": []})
    keys = [columns["instance"].codes, columns["at"].view("int64")]
    if "process" in columns:
        keys.insert(1, columns["process"].codes)
    order = np.lexsort(keys[::-1])
    again = np.zeros(len(order), dtype=bool)
    again[1:] = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    columns["at"] = pd.DatetimeIndex(columns["at"]).tz_localize("UTC")
    twice = pd.DataFrame({name: column[order[again]] for name, column in columns.items()})
    columns.pop("line", None)
    return pd.DataFrame({name: columns.pop(name)[order[~again]] for name in list(columns)}, copy=False), twice


def _joined(arrays: list[Any]) -> Any:
    if arrays and isinstance(arrays[0], pd.Categorical):
        return union_categoricals(arrays, sort_categories=True)
    return np.concatenate(arrays) if arrays else np.array([])


def _layout(path: Path) -> _Layout:
    head = head_of(path, "usage")
    if head.startswith((b"PK", b"\x1f\x8b")):
        raise BadParameters(f"usage {path} is packed, or an Excel file: give it as CSV")
    encoding = encoding_of(head)
    lines = head.decode(encoding, errors="replace").splitlines()
    first = next((number for number, line in enumerate(lines, 1) if line.strip()), 1)
    header = lines[first - 1] if lines else ""
    delimiter = delimiter_of(header)
    fields = [field.strip() for field in next(csv.reader([header[:10_000]], delimiter=delimiter), [])]
    columns = _columns(path, fields, first)
    scale = 1.0 if fields[columns["memory"]].lower().endswith("mib") else 1.0 / MIB
    return _Layout(path, encoding, delimiter, first, len(fields), columns, scale)


def _columns(path: Path, given: list[str], line: int) -> dict[str, int]:
    """Our name of each column -> its place in the file."""
    found: dict[str, int] = {}
    for ours, names in {**NAMES, **OPTIONAL}.items():
        match = next((place for place, name in enumerate(given) if name.lower() in names), None)
        if match is not None:
            found[ours] = match
        elif ours in NAMES:
            raise BadParameters(
                f"usage {path}:{line} has no column for {ours} (one of "
                f"{', '.join(names)}); it has {', '.join(filter(None, given)) or 'none'}"
            )
    return found


def _chunks(layout: _Layout) -> Iterator[pd.DataFrame]:
    """The rows as text, some at a time, each under the number of its line; empty lines are none.

    Quotes are letters here: nothing in such a file holds a comma or a line's end, and one quote too many would
    take in the rest of it.
    """
    with layout.path.open(encoding=layout.encoding, errors="replace") as file:
        deque(islice(file, layout.first), maxlen=0)
        line = layout.first
        while lines := list(islice(file, ROWS)):
            yield _texts(lines, line + 1, layout)
            line += len(lines)


def _texts(lines: list[str], line: int, layout: _Layout) -> pd.DataFrame:
    index = pd.RangeIndex(line, line + len(lines))
    delimiter, width = layout.delimiter, layout.width
    lines[-1] = lines[-1].rstrip("\n") + "\n"
    even = set(map(methodcaller("count", delimiter), lines)) == {width - 1}
    if even:
        flat = "".join(lines).replace("\n", delimiter).split(delimiter)
        columns = [flat[place:-1:width] for place in range(width)]
        more = [False] * len(lines)
    else:
        rows = [text.rstrip("\n").split(delimiter) for text in lines]
        columns = [[row[place] if place < len(row) else "" for row in rows] for place in range(width)]
        more = [any(row[width:]) for row in rows]
    found = {ours: pd.Series(columns[place], index, dtype=object) for ours, place in layout.columns.items()}
    text = pd.DataFrame({**found, MORE: pd.Series(more, index)})
    return text if even else text[[not text.isspace() for text in lines]]


def _points(text: pd.DataFrame, layout: _Layout) -> tuple[Portion, np.ndarray[Any, Any]]:
    """The rows that can be true as numbers, and which cannot."""
    numbers = {ours: _numbers(text[ours]) for ours in ("cpu_cores", "memory", "requests") if ours in text}
    at = times(text["at"])
    bad = at.isna().to_numpy() | text[MORE].to_numpy()
    for ours, values in numbers.items():
        absent = (text[ours].str.strip() == "").to_numpy() if ours == "requests" else False
        bad |= ~((values >= 0) & (values < np.inf)) & ~np.asarray(absent)
    instance = _instances(text["instance"])
    bad |= instance.isna().to_numpy()
    starting = np.zeros(len(text), dtype=bool)
    if "starting" in text:
        starting = text["starting"].map(lambda word: _bare(word).lower() in TRUE).to_numpy(dtype=bool)
    points = {
        "at": at.dt.tz_localize(None).to_numpy(),
        "instance": pd.Categorical(instance),
        "cpu_cores": numbers["cpu_cores"],
        "memory_mib": numbers["memory"] * layout.scale,
        "starting": starting,
        **({"requests": numbers["requests"]} if "requests" in numbers else {}),
        "line": text.index.to_numpy(dtype=np.int32),
    }
    return {name: column[~bad] for name, column in points.items()}, bad


def _numbers(text: pd.Series) -> np.ndarray[Any, Any]:
    """Each as a number, NaN where it is none."""
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, copy=True)
    odd = np.isnan(values)
    if odd.any():
        values[odd] = pd.to_numeric(text[odd].map(_bare), errors="coerce")
    return values


def _instances(text: pd.Series) -> pd.Series:
    """The machines' names as a category; none where the letters cannot be read."""
    names = text.astype("category")
    clean = {name: _bare(name) or "unnamed" for name in names.cat.categories}
    return names.map({name: None if "\ufffd" in told else told for name, told in clean.items()}).astype("category")


def _bare(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _why(row: Mapping[str, str]) -> str:
    """What is wrong with a row, in words."""
    if row[MORE]:
        return "it has more fields than the first line"
    if "\ufffd" in row["instance"]:
        return f"the machine's name {row['instance']!r} is not UTF-8: convert the file, e.g. with iconv -f GBK -t UTF-8"
    at = _bare(row["at"])
    if times(pd.Series([at], dtype=object)).isna().all():
        return f"{at!r} is no time such as 2026-11-04T00:30:00Z" if at else "the time is missing"
    for ours in ("cpu_cores", "memory", "requests"):
        value = _bare(row.get(ours, ""))
        number = pd.to_numeric(value, errors="coerce")
        if not 0 <= number < np.inf and (value or ours != "requests"):
            cannot = pd.notna(number) or value.lower() == "nan"
            return f"{ours} is {value}, which cannot be" if cannot else f"{ours} is {value!r}, not a number"
    return "it cannot be used"


def _left_out(path: Path, line: int, message: str) -> Finding:
    return Finding(
        check="usage-row",
        title="Every row of the usage can be used",
        outcome=Outcome.INCONCLUSIVE,
        severity="info",
        object=path.name,
        message=f"{path}:{line} left out: {message}" if line else f"{path} left out: {message}",
        reason="A size is only as good as what it is worked out from.",
        file=str(path),
        line=line,
    )
