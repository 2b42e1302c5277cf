"""What cells printed is kept as a terminal would leave it, in one piece, in time that grows with its length."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from runbook_lib.runner.cells import as_shown


def printed(*pieces: tuple[str, str]) -> list[tuple[str, str]]:
    outputs = [
        new_output("stream", name=name, text=text)
        if name != "shown"
        else new_output("display_data", {"text/plain": text})
        for name, text in pieces
    ]
    notebook = new_notebook(cells=[new_code_cell("", outputs=outputs)])
    shown = as_shown(notebook).cells[0].outputs
    assert [o.get("text") for o in outputs] == [o.get("text") for o in notebook.cells[0].outputs]  # a copy
    return [(o.get("name", "shown"), o.get("text") or o.data["text/plain"]) for o in shown]


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        ([], []),
        ([("stdout", "a"), ("stdout", "b\n"), ("stdout", "c")], [("stdout", "ab\nc")]),
        (
            [("stdout", "a"), ("stderr", "x"), ("stdout", "b")],
            [("stdout", "a"), ("stderr", "x"), ("stdout", "b")],
        ),
        (
            [("stdout", "a"), ("shown", "figure"), ("stdout", "b"), ("stdout", "c")],
            [("stdout", "a"), ("shown", "figure"), ("stdout", "bc")],
        ),
        ([("shown", "1"), ("shown", "2")], [("shown", "1"), ("shown", "2")]),
        ([("stdout", "10 %\r"), ("stdout", "20 %\rdone\n")], [("stdout", "done\n")]),
        ([("stdout", "abc\rX")], [("stdout", "Xbc")]),
        ([("stdout", "ab\b\bX\ny")], [("stdout", "Xb\ny")]),
    ],
)
def test_pieces_are_one_text_as_a_terminal_shows_it(pieces: list[tuple[str, str]], kept: list[tuple[str, str]]) -> None:
    assert printed(*pieces) == kept


def test_a_line_of_two_million_characters_in_a_thousand_pieces_does_not_stop_the_runner() -> None:
    ((_, text),) = printed(*[("stdout", "x" * 2000)] * 1000)
    assert len(text) == 2_000_000
