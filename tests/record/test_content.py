"""The content digest survives JupyterLab and finds everything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.record.content import content_digest, read_notebook

GOLDEN = Path(__file__).parents[1] / "golden" / "jupyterlab"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def executed() -> Any:
    """An executed notebook with one of everything, as nbformat writes it."""
    return json.loads((GOLDEN / "executed.json").read_bytes())


def test_it_survives_that_jupyterlab_opens_trusts_and_saves_a_notebook() -> None:
    saved = json.loads((GOLDEN / "saved.json").read_bytes())  # recorded: JupyterLab 4.6 in Chromium
    assert saved != executed()
    assert content_digest(saved) == content_digest(executed())


def test_nbformat_and_plain_json_say_the_same() -> None:
    read = nbformat.read(GOLDEN / "executed.json", as_version=4)
    assert content_digest(read) == content_digest(executed())


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside a JSON value that holds no others."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None or not value:
        yield here
        return
    for key, child in inner:
        yield from paths(child, (*here, key))


LEAVES = [way for way in paths(executed()) if way[-1] not in {"display_name", "language", "metadata", "outputs"}]


def _edited(way: tuple[Any, ...]) -> Any:
    edited = executed()
    place = edited
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = "edited"
    return edited


def test_it_finds_an_edit_anywhere() -> None:
    before = content_digest(executed())
    assert len(LEAVES) > 100
    assert [way for way in LEAVES if content_digest(_edited(way)) == before] == []


def _add_key(notebook: Any) -> None:
    notebook["cells"][0]["metadata"]["new"] = 1


def _drop_cell(notebook: Any) -> None:
    del notebook["cells"][-1]


def _drop_output(notebook: Any) -> None:
    del notebook["cells"][2]["outputs"][-1]


def _swap_cells(notebook: Any) -> None:
    notebook["cells"].reverse()


def _repeat_cell(notebook: Any) -> None:
    notebook["cells"].append(copy.deepcopy(notebook["cells"][-1]))


@pytest.mark.parametrize("edit", [_add_key, _drop_cell, _drop_output, _swap_cells, _repeat_cell])
def test_it_finds_what_is_added_taken_away_or_moved(edit: Callable[[Any], None]) -> None:
    edited = executed()
    edit(edited)
    assert content_digest(edited) != content_digest(executed())


@given(VALUES, VALUES)
def test_values_are_the_same_only_if_they_are_in_javascript(one: Any, other: Any) -> None:
    digests = [content_digest({"metadata": {"value": value}, "cells": []}) for value in (one, other)]
    assert (digests[0] == digests[1]) is (_in_javascript(one) == _in_javascript(other))


def _in_javascript(value: Any) -> str:
    """JSON text with each number as the double that JavaScript keeps, and the truth values as themselves."""

    def number(text: str) -> Any:
        return {"double": repr(float(text) + 0.0)}  # + 0.0: JSON.stringify writes -0 as 0

    return json.dumps(json.loads(json.dumps(value), parse_int=number, parse_float=number), sort_keys=True)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"cells": []}', '{"cells": [1], "metadata": {}}', "[" * 100_000])
def test_what_is_no_notebook_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(text)
    assert read_notebook(path) is None and read_notebook(tmp_path / "none.ipynb") is None
