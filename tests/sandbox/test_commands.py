"""The command line as a person uses it: one sentence, an exit code, nothing changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.faults import CATALOGUE
from sandbox.plan import Plan, project_root, save


def sandbox(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "sandbox", *words]
    if words[0] not in ("tools", "--help"):
        argv += ["--root", str(root)]
    return subprocess.run(argv, cwd=project_root(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["status"], 69, "The range 'default' is not up: start it with `python -m sandbox up`."),
        (["fault", "errors=0.3", "side=legacy"], 69, "No range was started here"),
        (["stop", "vm-1"], 69, "The range 'default' is not up"),
        (["down", "--name", "../up"], 2, "'../up' is no name for a range"),
        (["up", "--kubeconfig", "/nowhere", "--image", "x"], 2, "/nowhere is no file"),
        (["up", "--image", "x"], 2, "--kubeconfig and --image belong together"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, words: list[str], code: int, sentence: str) -> None:
    done = sandbox(tmp_path, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob(".range/*/*"))


def test_down_of_what_is_not_up_is_no_error(tmp_path: Path) -> None:
    done = sandbox(tmp_path, "down")
    assert (done.returncode, done.stdout) == (0, "The range 'default' was not up.\n")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    plan = Plan("default", tmp_path / ".range" / "default")
    save(plan)
    return plan


def test_a_fault_is_switched_on_shown_and_off(tmp_path: Path, plan: Plan) -> None:
    assert "fault side=kubernetes: errors=0.3" in sandbox(tmp_path, "fault", "errors=0.3", "side=kubernetes").stdout
    assert "errors=0.3" in sandbox(tmp_path, "fault").stdout
    assert sandbox(tmp_path, "fault", "off").stdout == "no fault is on\n"


def test_a_refused_fault_is_a_usage_error_and_changes_nothing(tmp_path: Path, plan: Plan) -> None:
    done = sandbox(tmp_path, "fault", "errors=7", "side=kubernetes")
    assert done.returncode == 2
    assert done.stderr == "errors=7 is not allowed: errors takes a number from 0 to 1.\n"
    assert not plan.faults.exists()


def test_the_help_of_fault_names_every_fault() -> None:
    text = subprocess.run(
        [sys.executable, "-m", "sandbox", "fault", "--help"],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [name for name in CATALOGUE if f"{name}:" not in text] == []
