"""What the users did, as the database has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.observe.business import read_figures
from runbook_lib.sections import Figure

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPAN = "created_at >= :since AND created_at < :until"
COUNT = Figure(name="orders", query=f"SELECT side, count(*) FROM orders WHERE {SPAN} GROUP BY side")
AMOUNT = Figure(name="amount", unit="EUR", query=f"SELECT side, sum(cents) / 100.0 FROM orders WHERE {SPAN} GROUP BY 1")


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path}/orders.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (side TEXT, cents INTEGER, created_at TEXT)"))
    return engine


def order(database: Engine, side: str, cents: int | None, second: float) -> None:
    at = (START + timedelta(seconds=second)).isoformat(timespec="milliseconds")
    with database.begin() as connection:
        connection.execute(text("INSERT INTO orders VALUES (:s, :c, :a)"), {"s": side, "c": cents, "a": at})


def read(database: Engine, *figures: Figure) -> dict[tuple[str, str | None], float | None]:
    found = read_figures(database, figures, START, START + timedelta(seconds=60))
    return {(m.name, m.side): m.value for m in found}


def test_each_figure_has_a_number_for_each_side(database: Engine) -> None:
    for side, cents in (("legacy", 1000), ("legacy", 250), ("kubernetes", 99)):
        order(database, side, cents, 1)
    assert read(database, COUNT, AMOUNT) == {
        ("orders", "legacy"): 2,
        ("orders", "kubernetes"): 1,
        ("amount", "legacy"): 12.5,
        ("amount", "kubernetes"): 0.99,
    }


def test_the_span_takes_its_begin_and_leaves_its_end(database: Engine) -> None:
    for second in (-0.001, 0, 59.999, 60):
        order(database, "legacy", 1, second)
    assert read(database, COUNT)["orders", "legacy"] == 2


def test_a_span_in_another_zone_is_the_same_span(database: Engine) -> None:
    from datetime import timezone

    order(database, "legacy", 1, 0)
    east = START.astimezone(timezone(timedelta(hours=9)))
    found = read_figures(database, [COUNT], east, east + timedelta(seconds=1))
    assert found[0].value == 1


def test_a_side_without_rows_did_nothing_and_a_null_is_not_known(database: Engine) -> None:
    order(database, "kubernetes", None, 1)
    assert read(database, AMOUNT) == {("amount", "legacy"): 0, ("amount", "kubernetes"): None}


def test_a_side_that_is_none_of_the_two_is_refused_by_name(database: Engine) -> None:
    order(database, "vm", 1, 1)
    with pytest.raises(BadParameters, match=r"figures\.orders: sides \['vm'\]; allowed are legacy, kubernetes"):
        read(database, COUNT)


def test_a_database_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    gone = create_engine(f"sqlite:///file:{tmp_path}/none.db?mode=ro&uri=true")
    with pytest.raises(Unreachable, match="the business database does not answer for orders: unable to open"):
        read(gone, COUNT)
    assert not (tmp_path / "none.db").exists()


def test_a_query_that_the_database_refuses_is_one_sentence(database: Engine) -> None:
    wrong = Figure(name="wrong", query="SELECT side FROM nowhere")
    with pytest.raises(BadParameters) as refused:
        read(database, wrong)
    assert "business.figures.wrong: the database refused it: no such table: nowhere" in str(refused.value)
    assert "\n" not in str(refused.value)
