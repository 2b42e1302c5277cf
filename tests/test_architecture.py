"""Imports run one way, and modules stay small: the rules of ARCHITECTURE.md, enforced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "runbook_lib"
MODULES = sorted(LIBRARY.rglob("*.py"))
COMPOSING = ("run", "cli", "batch", "guard", "gate", "watch", "load", "verification", "rollback", "rollout")
COMPOSING += ("passage", "engine", "assess")


def imports(path: Path) -> Iterator[str]:
    """Full names of what a module imports, wherever in it the import stands."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def offences(folder: str, *forbidden: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """``module imports name`` for each import below ``forbidden`` that is not below ``allowed``."""

    def below(name: str, prefixes: tuple[str, ...]) -> bool:
        return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)

    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in MODULES
        if path.is_relative_to(LIBRARY / folder)
        for name in imports(path)
        if below(name, forbidden) and not below(name, allowed)
    ]


def library(*names: str) -> tuple[str, ...]:
    return tuple(f"runbook_lib.{name}" for name in names)


def test_judges_know_the_model_and_each_other_and_nothing_that_reads_or_writes() -> None:
    # artefacts: the frozen data that were read from files, like model
    assert offences("judge", "runbook_lib", allowed=library("model", "errors", "artefacts", "judge")) == []


def test_judges_do_no_input_or_output() -> None:
    doors = (
        "os",
        "pathlib",
        "subprocess",
        "socket",
        "requests",
        "urllib",
        "kubernetes",
        "sqlalchemy",
        "time",
        "random",
    )
    assert offences("judge", *doors, "prometheus_api_client") == []


def test_the_data_that_flow_between_the_steps_depend_on_nothing_of_ours() -> None:
    for module in ("model.py", "errors.py", "fields.py"):
        assert offences(module, "runbook_lib") == []
    assert offences("artefacts", "runbook_lib", allowed=library("model", "errors", "artefacts")) == []


def test_who_reads_never_writes() -> None:
    assert offences("observe", "runbook_lib.act") == []


@pytest.mark.parametrize("folder", ["observe", "act"])
def test_readers_and_writers_are_composed_by_others(folder: str) -> None:
    assert offences(folder, *library(*COMPOSING)) == []


def test_the_library_does_not_know_the_practice_range() -> None:
    assert offences(".", "sandbox", "tests") == []


def test_only_the_clients_read_the_environment() -> None:
    def reads_environment(path: Path) -> bool:
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        return any(isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} for node in nodes)

    readers = {str(path.relative_to(LIBRARY)) for path in MODULES if reads_environment(path)}
    assert readers <= {"clients.py", "engine.py", "record/identity.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_no_module_is_too_long_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_every_module_says_what_it_is(path: Path) -> None:
    assert path.stat().st_size == 0 or ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_nobody_catches_everything(path: Path) -> None:
    handlers = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ExceptHandler)]
    bare = [h.lineno for h in handlers if h.type is None or (isinstance(h.type, ast.Name) and h.type.id == "Exception")]
    assert bare == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from runbook_lib.act import traffic", ["runbook_lib.act.traffic"]),
        ("def f():\n    import sandbox.plan", ["sandbox.plan"]),
        ("from ..act.traffic import knob", ["runbook_lib.act.traffic.knob"]),
        ("from . import pods", ["runbook_lib.judge.pods"]),
    ],
)
def test_the_reading_of_imports_misses_none(monkeypatch: pytest.MonkeyPatch, code: str, found: list[str]) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: code)
    assert list(imports(LIBRARY / "judge" / "rates.py")) == found
