"""Acknowledged orders against the database: was one lost, doubled, or written with another amount?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.errors import Unreachable
from sandbox.load.counts import read_lines


@dataclass(frozen=True)
class OrderCheck:
    """What became of the orders of one load; ids where something is wrong.

    ``lost``: acknowledged, not in the database. ``doubled``: in the database under the name of one of the load's
    customers, though nobody ordered it. ``wrong_amounts``: id -> cents asked, cents written.
    ``unanswered`` orders were written though their user saw a failure: the user was told nothing false, but not all.
    """

    acknowledged: int
    written: int
    lost: list[str]
    doubled: list[str]
    wrong_amounts: dict[str, tuple[int, int]]
    unanswered: list[str]

    @property
    def right(self) -> bool:
        """Every acknowledged order is there once, with its amount, and no other."""
        return not (self.lost or self.doubled or self.wrong_amounts)

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} orders acknowledged, {self.written} written: {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled, {len(self.wrong_amounts)} with a wrong amount "
            f"({len(self.unanswered)} written for users who saw a failure)"
        )


def check_orders(orders_file: Path, database: Path) -> OrderCheck:
    """Compare the load's list of orders with the database; raises Unreachable when one of them is missing.

    True also while the load is running: an order is on the list before it is asked for, and in the database before
    it is acknowledged, so the list is read before and after the database.
    """
    customers, before = _listed(orders_file)
    rows = _rows(database, customers)
    _, after = _listed(orders_file)
    asked = {line["id"]: int(line["amount_cents"]) for line in after if "amount_cents" in line}
    answered = {line["id"]: bool(line["acknowledged"]) for line in before if "acknowledged" in line}
    acknowledged = {one for one, told in answered.items() if told}
    written = dict(rows)
    return OrderCheck(
        acknowledged=len(acknowledged),
        written=len(rows),
        lost=sorted(acknowledged - written.keys()),
        doubled=sorted(written.keys() - asked.keys()),
        wrong_amounts=_wrong(asked, written),
        unanswered=sorted((answered.keys() - acknowledged) & written.keys()),
    )


def _listed(orders_file: Path) -> tuple[str, list[dict[str, Any]]]:
    """How the names of the load's customers begin, and the lines about their orders so far."""
    if not orders_file.exists():
        raise Unreachable(f"{orders_file} is missing: no load has run in this range.")
    first, *lines = read_lines(orders_file) or [{}]
    if "customers" not in first:
        raise Unreachable(f"{orders_file} has no first line: the load has not begun.")
    return first["customers"], lines


def _wrong(asked: dict[str, int], written: dict[str, int]) -> dict[str, tuple[int, int]]:
    both = sorted(asked.keys() & written.keys())
    return {one: (asked[one], written[one]) for one in both if asked[one] != written[one]}


def _rows(database: Path, customers: str) -> list[tuple[str, int]]:
    """Id and amount of every order of customers whose names begin so."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            rows: Iterable[tuple[str, int]] = connection.execute(
                "SELECT id, amount_cents FROM orders WHERE substr(customer, 1, ?) = ?", (len(customers), customers)
            )
            return list(rows)
    except sqlite3.Error as error:
        raise Unreachable(f"The orders cannot be read from {database}: {error}.") from error
