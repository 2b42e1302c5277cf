from __future__ import annotations

from pathlib import Path

import pytest
from throwaway import write_record

from runbook_lib.show.control_room import applications_table, runs_table

LONG = "error rate <b>30 %</b>: " + "a sentence that goes on for longer than a table of pandas would show " * 3


@pytest.fixture
def records(tmp_path: Path) -> Path:
    for minute, outcome in enumerate(("rolled_back", "gate_pending")):
        attempt = tmp_path / "shop" / f"run-{minute}" / "attempt-1"
        attempt.mkdir(parents=True)
        write_record(attempt, outcome, minute, message=LONG.strip())
    return tmp_path


@pytest.mark.parametrize("table", [applications_table, runs_table])
def test_sentences_are_whole_and_are_text(records: Path, table: object) -> None:
    html = table(records).to_html()  # type: ignore[operator]
    assert LONG.strip().replace("<", "&lt;").replace(">", "&gt;") in html
    assert "text-align: left" in html


def test_the_youngest_attempt_is_first_in_words_that_people_use(records: Path) -> None:
    first, second = runs_table(records).data.to_dict("records")
    assert (first["outcome"], second["outcome"]) == ("gate pending", "rolled back")
    assert (first["started (UTC)"], first["step"]) == ("2026-11-20 12:01:00", "gray stage 5 %")


def test_an_application_is_one_line_with_its_last_step(records: Path) -> None:
    (line,) = applications_table(records).data.to_dict("records")
    assert (line["application"], line["outcome"], line["gates"]) == ("shop", "gate pending", 0)


def test_an_empty_archive_is_an_empty_table(tmp_path: Path) -> None:
    assert "started" in runs_table(tmp_path).to_html()
