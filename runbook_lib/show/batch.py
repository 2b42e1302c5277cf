"""Batches that are not over, member by member: where each stands and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pandas.io.formats.style import Styler

from runbook_lib.batch import book
from runbook_lib.batch.table import rows
from runbook_lib.record.archive import attempts

COLUMNS = ["batch", "goes", "member", "state", "next step"]


def batches_table(records: Path) -> Styler:
    """One row a member of each batch whose last rollback is not over; empty when all are."""
    names = sorted({attempt.application for attempt in attempts(records) if attempt.step == book.STEP})
    told = pd.DataFrame([row for name in names for row in _open(records / name)], columns=COLUMNS)
    styled = told.style.hide(axis="index").format(escape="html")
    left = [{"selector": "th, td", "props": [("text-align", "left"), ("vertical-align", "top")]}]
    return styled.set_table_styles(left)  # type: ignore[arg-type]


def _open(home: Path) -> Iterator[dict[str, object]]:
    known = book.transaction(book.tries(home))
    if known is None or known.over:
        return
    for row in rows(known.depends_on, known.stands, {}, known.file, known.level):
        values = home.name, row.turn, row.member, row.state, row.following or "–"
        yield dict(zip(COLUMNS, values, strict=True))
