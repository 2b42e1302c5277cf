"""Reads what the machines used over time: a CSV as monitoring exports it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.text import read_text

MIB = 2**20
NAMES: dict[str, tuple[str, ...]] = {
    "at": ("timestamp", "at", "time", "date"),
    "instance": ("host", "instance", "vm", "hostname"),
    "cpu_cores": ("cpu_cores", "cpu", "cores"),
    "memory": ("memory_bytes", "memory_mib", "rss_bytes", "rss_mib"),
}
OPTIONAL: dict[str, tuple[str, ...]] = {"starting": ("starting", "startup"), "requests": ("requests_per_second", "rps")}


@dataclass(frozen=True)
class Usage:
    """One row a point: at (UTC), instance, cpu_cores, memory_mib, starting, requests; and what could not be used."""

    table: pd.DataFrame
    findings: tuple[Finding, ...] = ()


def read_usage(path: Path) -> Usage:
    """The use of all machines; a row that cannot be true becomes a finding and is left out.

    Raises BadParameters when the file is missing, lacks a column, or has no usable row at all.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, "usage"), newline=""))
    try:
        columns = _columns(path, reader.fieldnames or ())
        rows, findings = _rows(path, reader, columns)
    except csv.Error as error:
        raise BadParameters(f"usage {path}:{reader.line_num} is no CSV: {error}") from None
    if not rows:
        seen = findings[0].message if findings else "there is nothing below the first line"
        raise BadParameters(f"usage {path} has no usable row: {seen}")
    return Usage(pd.DataFrame(rows).sort_values(["instance", "at"], ignore_index=True), tuple(findings[:50]))


def _columns(path: Path, header: object) -> dict[str, str]:
    """Our name of each column -> the file's."""
    given = [str(name).strip() for name in header] if isinstance(header, list | tuple) else []
    found: dict[str, str] = {}
    for ours, names in {**NAMES, **OPTIONAL}.items():
        match = next((name for name in given if name.lower() in names), None)
        if match is not None:
            found[ours] = match
        elif ours in NAMES:
            raise BadParameters(
                f"usage {path}:1 has no column for {ours} (one of "
                f"{', '.join(names)}); it has {', '.join(given) or 'none'}"
            )
    return found


def _rows(
    path: Path, reader: csv.DictReader[str], columns: dict[str, str]
) -> tuple[list[dict[str, object]], list[Finding]]:
    rows: list[dict[str, object]] = []
    findings: list[Finding] = []
    seen: set[tuple[object, object]] = set()
    scale = 1.0 if columns["memory"].lower().endswith("mib") else 1.0 / MIB
    for row in reader:
        try:
            point = _point(row, columns, scale)
        except ValueError as error:
            findings.append(_left_out(path, reader.line_num, str(error)))
            continue
        key = (point["instance"], point["at"])
        if key in seen:
            findings.append(_left_out(path, reader.line_num, f"{key[0]} at {key[1]} is there twice"))
            continue
        seen.add(key)
        rows.append(point)
    return rows, findings


def _point(row: Mapping[str, str | None], columns: dict[str, str], scale: float) -> dict[str, object]:
    """One row as typed values; raises ValueError that says what is wrong with it."""
    text = {ours: (row.get(name) or "").strip() for ours, name in columns.items()}
    try:
        at = pd.Timestamp(text["at"])
    except (ValueError, OverflowError):
        raise ValueError(f"{text['at']!r} is no time") from None
    if pd.isna(at):
        raise ValueError("the time is missing")
    at = at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")
    return {
        "at": at,
        "instance": text["instance"] or "unnamed",
        "cpu_cores": _positive(text["cpu_cores"], "cpu_cores"),
        "memory_mib": _positive(text["memory"], "memory") * scale,
        "starting": text.get("starting", "").lower() in ("1", "true", "yes"),
        "requests": _positive(text["requests"], "requests") if text.get("requests") else None,
    }


def _positive(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not a number") from None
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} is {text}, which cannot be")
    return value


def _left_out(path: Path, line: int, message: str) -> Finding:
    return Finding(
        check="usage-row",
        title="Every row of the usage can be used",
        outcome=Outcome.INCONCLUSIVE,
        severity="info",
        object=path.name,
        message=f"{path}:{line} left out: {message}",
        reason="A size is only as good as what it is worked out from.",
        file=str(path),
        line=line,
    )
