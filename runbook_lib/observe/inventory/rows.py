"""Reads the rows of a CSV or an Excel file, each with its line; what a row's neighbours do to it is undone."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from runbook_lib.errors import BadParameters
from runbook_lib.observe.inventory.encoding import delimiter_of, encoding_of, head_of

LARGEST = 100 * 2**20
"""So many bytes of a table are read at most, unpacked."""
LONGEST = 30
"""A row of a CSV that goes over more lines than this has a quote that is never closed."""
BLANK = 500
"""After so many empty rows a sheet is over, however far down somebody coloured it."""
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, EOFError),
    *(SyntaxError, RuntimeError, OverflowError),
)
"""What openpyxl raises for a file that is no workbook, or half of one; an XML error is a SyntaxError."""
OLE = b"\xd0\xcf\x11\xe0"
MERGED = re.compile(rb'<mergeCell ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')


@dataclass(frozen=True)
class Row:
    """The cells of one row: text, numbers, truth values or None; ``line`` is the first line it stands on."""

    line: int
    cells: tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """All rows that hold something, and line and words for each that could not be read."""

    rows: list[Row]
    wrong: list[tuple[int, str]]


def read_rows(path: Path, sheet: str | None = None) -> Rows:
    """The rows of a table; raises BadParameters when it is missing, empty, or of no kind that is known."""
    head = head_of(path, "table")
    if head.startswith(b"PK"):
        return Rows(list(_of_workbook(path, sheet)), [])
    if head.startswith(OLE):
        raise BadParameters(f"table {path} is an .xls, or has a password: save it as .xlsx or CSV without one")
    if head.lstrip()[:200].lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise BadParameters(f"table {path} is a web page with the name of a table: save it as .xlsx or CSV")
    if not head.strip():
        raise BadParameters(f"table {path} is empty: export it again")
    if path.stat().st_size > LARGEST:
        raise BadParameters(f"table {path} is larger than {LARGEST >> 20} MiB: export the columns that are needed")
    return _of_text(path.read_bytes().decode(encoding_of(head), errors="replace"))


def _of_text(text: str) -> Rows:
    lines = list(io.StringIO(text.lstrip("\ufeff").replace("\0", ""), newline=""))
    delimiter = delimiter_of("".join(lines[:20]))
    rows: list[Row] = []
    wrong: list[tuple[int, str]] = []
    start = 0
    while start < len(lines):
        reader = csv.reader(lines[start:], delimiter=delimiter, strict=True)
        before = 0
        try:
            for cells in reader:
                if reader.line_num - before > LONGEST:
                    raise csv.Error("a quote is never closed")
                if any(cell.strip() for cell in cells):
                    rows.append(Row(start + before + 1, tuple(cells)))
                before = reader.line_num
            break
        except csv.Error as error:
            wrong.append((start + before + 1, f"it cannot be taken apart ({error}); look for a quote too many"))
            start += before + 1
    return Rows(rows, wrong)


def _of_workbook(path: Path, sheet: str | None) -> Iterator[Row]:
    import openpyxl

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > LARGEST:
                raise BadParameters(f"table {path} is larger than {LARGEST >> 20} MiB: export only this sheet")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            chosen = _sheet(path, book, sheet)
            merged = _merged(path, str(getattr(chosen, "_worksheet_path", "")))
            chosen.reset_dimensions()
            yield from _cells(chosen, merged)
        finally:
            book.close()
    except BROKEN as error:
        cause = " ".join(str(error).split())[:120] or type(error).__name__
        raise BadParameters(f"table {path} is no workbook that can be read ({cause}): export it again") from None


def _sheet(path: Path, book: Any, name: str | None) -> Any:
    shown = [one for one in book.worksheets if one.sheet_state == "visible"] or book.worksheets
    if name is None and shown:
        return shown[0]
    found = next((one for one in book.worksheets if one.title.strip() == (name or "").strip()), None)
    if found is None:
        has = ", ".join(one.title for one in book.worksheets) or "none"
        raise BadParameters(f"table {path} has no sheet {name}; it has {has}")
    return found


def _merged(path: Path, sheet: str) -> dict[tuple[int, int], tuple[int, int]]:
    """Row and column of each cell that is one with another above or before it -> those of the other."""
    from openpyxl.utils import column_index_from_string as number

    found: dict[tuple[int, int], tuple[int, int]] = {}
    with zipfile.ZipFile(path) as packed:
        text = packed.read(sheet) if sheet in packed.namelist() else b""
    for left, top, right, bottom in MERGED.findall(text):
        first = (int(top), number(left.decode()) - 1)
        for row in range(int(top), min(int(bottom), int(top) + 5000) + 1):
            for column in range(first[1], min(number(right.decode()), first[1] + 50)):
                found[(row, column)] = first
    return found


def _cells(sheet: Any, merged: dict[tuple[int, int], tuple[int, int]]) -> Iterator[Row]:
    firsts: dict[tuple[int, int], Any] = dict.fromkeys(merged.values())
    blank = 0
    for line, values in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [_plain(value) for value in values]
        for column, value in enumerate(cells):
            at = (line, column)
            if at in firsts:
                firsts[at] = value
            elif value is None and at in merged:
                cells[column] = firsts[merged[at]]
        blank = 0 if any(cell is not None for cell in cells) else blank + 1
        if blank > BLANK:
            return
        if not blank:
            yield Row(line, tuple(cells))


def _plain(value: Any) -> Any:
    """A cell as text, number or truth value; 8080.0 is 8080."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return value if value is None or isinstance(value, str | int | float) else str(value)
