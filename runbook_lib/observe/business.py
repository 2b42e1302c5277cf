"""Business figures of both sides from the database: what the users did, not what the metrics say they did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.model import SIDES, Measurement
from runbook_lib.sections import Figure

if TYPE_CHECKING:
    from sqlalchemy import Engine


def read_figures(database: Engine, figures: Sequence[Figure], since: datetime, until: datetime) -> list[Measurement]:
    """Every figure for each side over [since, until); a side without a row is zero, a NULL is None.

    Raises BadParameters for a query that the database refuses, Unreachable when it does not answer.
    """
    from sqlalchemy.exc import DBAPIError, OperationalError

    span = {"since": _text(since), "until": _text(until)}
    found: list[Measurement] = []
    for figure in figures:
        try:
            found += _read(database, figure, span, until)
        except DBAPIError as error:
            # SQLite says "operational" of a wrong query, too
            wrong = getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR"
            if isinstance(error, OperationalError) and not wrong:
                raise Unreachable(f"the business database does not answer for {figure.name}: {_cause(error)}") from None
            raise BadParameters(f"business.figures.{figure.name}: the database refused it: {_cause(error)}") from None
    return found


def _read(database: Engine, figure: Figure, span: dict[str, str], until: datetime) -> list[Measurement]:
    from sqlalchemy import text

    with database.connect() as connection:
        rows = {str(row[0]): row[-1] for row in connection.execute(text(figure.query), span)}
    if unknown := set(rows) - set(SIDES):
        raise BadParameters(f"business.figures.{figure.name}: sides {sorted(unknown)}; allowed are {', '.join(SIDES)}")
    return [
        Measurement(figure.name, _number(rows.get(side, 0)), figure.unit, side, until, figure.query) for side in SIDES
    ]


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _text(moment: datetime) -> str:
    """The same ISO 8601 form in which the rows are stamped, so that texts compare as times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _cause(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", error)).split())
