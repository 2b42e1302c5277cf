"""What is installed is named once for each kind of user, and the notebooks are committed clean."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from runbook_lib.parameters import Parameters

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PHASES = ("00_control_room", "01_assessment", "02_containerization_checks", "03_pilot_deploy", "04_gray_stage")
OTHERS = ("05_comparison", "06_rollback", "07_decommission")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def parameters_cells(path: Path) -> list[Any]:
    return [cell for cell in code_cells(path) if "parameters" in cell.metadata.get("tags", [])]


def test_conda_and_pip_users_get_the_same() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (by_pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    extras = [name for group in PROJECT["optional-dependencies"].values() for name in group]
    assert sorted(by_pip) == sorted(["--editable .", *PROJECT["dependencies"], *extras])
    assert f"python {PROJECT['requires-python']}" in environment["dependencies"]


def test_the_lock_file_holds_everything_that_is_named() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower().replace("_", "-")
    locked = {line.split("==")[0].strip() for line in lock.splitlines() if "==" in line and not line.startswith(" ")}
    extras = [name for group in PROJECT["optional-dependencies"].values() for name in group]
    named = {name.split("=")[0].split(">")[0].split("<")[0].lower() for name in [*PROJECT["dependencies"], *extras]}
    assert named - locked == set()


def test_all_notebooks_of_the_passage_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == [*PHASES, *OTHERS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_committed_without_outputs(path: Path) -> None:
    nbformat.validate(read(path))
    assert [cell.id for cell in code_cells(path) if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_declares_every_key_of_the_parameters(path: Path) -> None:
    (cell,) = parameters_cells(path)
    declared = {
        node.target.id: node
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.AnnAssign)
        if isinstance(node.target, ast.Name)
    }
    assert set(Parameters.model_fields) - set(declared) == set()
    for name in Parameters.model_fields:
        value = declared[name].value
        assert isinstance(value, ast.Constant)
        assert value.value is None
    lines = [line for line in cell.source.splitlines() if not line.startswith("#")]
    assert [line for line in lines if "#" not in line] == []  # each is explained


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_short_cells_and_no_functions(path: Path) -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for cell in code_cells(path):
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, kinds)], cell.id
        if cell not in parameters_cells(path):
            assert len(cell.source.splitlines()) <= 15, cell.id


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_why_before_it_does(path: Path) -> None:
    cells = read(path).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert "**Purpose" in cells[0].source
    ids = [cell.id for cell in cells]
    assert len(set(ids)) == len(ids)


def test_the_wheel_holds_the_library_and_the_practice_range() -> None:
    for package in ("runbook_lib", "sandbox"):
        folders = {path.parent for path in (ROOT / package).rglob("*.py") if "sample" not in path.parts}
        assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
