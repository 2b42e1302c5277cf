"""`runbook dockerfile`: the text on the output, what is wrong with it beside it, and never over somebody's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from runbook_lib.cli.dockerfile import app
from runbook_lib.errors import BadParameters

EXAMPLE = Path(__file__).parents[1] / "parameters" / "image-tree.example.yaml"


def invoked(*words: object) -> tuple[int, str, str, BaseException | None]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr, done.exception


@pytest.mark.parametrize("application", ["order-service", "stock-service", "cart"])
def test_the_example_is_written_and_nothing_in_it_fails(application: str) -> None:
    code, text, said, _ = invoked(EXAMPLE, application)
    assert (code, said) == (0, "")
    assert text.startswith("# syntax=docker/dockerfile:1\n")


def test_what_blocks_is_said_and_the_exit_code_tells(tmp_path: Path) -> None:
    tree = tmp_path / "tree.yaml"
    tree.write_text(EXAMPLE.read_text().replace("python:3.11.9-slim-20261101", "python:latest"))
    code, text, said, _ = invoked(tree, "order-service")
    assert (code, "FROM" in text) == (10, True)
    assert "blocking: base-fixed" in said


def test_a_file_that_says_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    assert invoked(EXAMPLE, "cart", "--output", path)[0] == 0
    written = path.read_text()
    assert invoked(EXAMPLE, "cart", "--output", path)[0] == 0
    path.write_text("FROM a:1\n")
    error = invoked(EXAMPLE, "cart", "--output", path)[3]
    assert isinstance(error, BadParameters)
    assert (path.read_text(), "is there already" in str(error)) == ("FROM a:1\n", True)
    assert written.startswith("# syntax")


@pytest.mark.parametrize("place", [".", "nowhere/Dockerfile"])
def test_a_place_that_holds_no_file_is_refused_in_one_sentence(tmp_path: Path, place: str) -> None:
    error = invoked(EXAMPLE, "cart", "--output", tmp_path / place)[3]
    assert isinstance(error, BadParameters) and "name a file" in str(error)
