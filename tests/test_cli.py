"""The command line: one sentence and an exit code of its own for everything that can be wrong."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from throwaway import make_project, write_record
from typer.core import TyperGroup
from typer.main import get_command

from runbook_lib.cli import app

FLEET = Path(__file__).parents[1] / "parameters" / "fleet.example.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("cli") / "project")


def _runbook(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runbook_lib.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _parameters(project: Path, name: str, **changes: str) -> str:
    text = (project / "parameters" / "demo.yaml").read_text()
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    (project / f"{name}.yaml").write_text(text)
    return f"{name}.yaml"


def _dead_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _with_nginx(project: Path) -> dict[str, tuple[str, str]]:
    """Changes that give the project an nginx configuration and commands that exist."""
    (project / "nginx.conf").touch()
    true = shutil.which("true") or "true"
    return {
        "config": (".range/default/nginx/nginx.conf", "nginx.conf"),
        "test": ("[.range/default/bin/nginx, -t]", f"[{true}]"),
        "reload": ("[.range/default/bin/nginx, -s, reload]", f"[{true}]"),
    }


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["run", "missing.yaml"], 78, "missing.yaml"),
        (["run", "unknown-key.yaml"], 78, "colour"),
        (["run", "wrong-type.yaml"], 78, "dry_run"),
        (["run", "parameters/demo.yaml", "--weight", "101"], 78, "weight 101 is not a planned stage"),
        (["run", "parameters/demo.yaml", "--phase", "launch"], 78, "there is no phase 'launch'"),
        (["run", "parameters/demo.yaml", "--until", "gray_stage"], 78, "needs --weight"),
        (["run", "parameters/demo.yaml", "--weight", "1"], 69, "nginx"),
        (["rollback", "parameters/demo.yaml"], 69, "nginx"),
        (["run", "no-kubeconfig.yaml"], 78, "kubeconfig"),
        (["run", "no-cluster.yaml"], 69, "the cluster at http://127.0.0.1"),
        (["run", "no-prometheus.yaml", "--phase", "comparison"], 69, "Prometheus at 127.0.0.1"),
        (["approve", "no-such-gate", "--reason", "y"], 78, "there is no gate no-such-gate"),
        (["rollback", "fleet.yaml"], 78, "this is a fleet, which is assessed"),
        (["guard", "fleet.yaml"], 78, "this is a fleet, which is assessed"),
        (["run", "fleet.yaml", "--phase", "comparison"], 78, "a fleet has no comparison"),
        (["no-such-command"], 2, "No such command"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_own_code_and_nothing_is_written(
    project: Path, arguments: list[str], code: int, sentence: str
) -> None:
    dead = f"http://127.0.0.1:{_dead_port()}"
    _parameters(project, "unknown-key", a=("dry_run: false", "dry_run: false\ncolour: blue"))
    _parameters(project, "wrong-type", a=("dry_run: false", "dry_run: maybe"))
    nginx = _with_nginx(project)
    _parameters(project, "no-kubeconfig", **nginx)
    _parameters(project, "no-cluster", **nginx, kube=(".range/default/kubeconfig", "kubeconfig"))
    _parameters(project, "no-prometheus", prometheus=("http://127.77.0.20:9090", dead))
    (project / "kubeconfig").write_text(_kubeconfig(dead))
    shutil.copy(FLEET, project / "fleet.yaml")
    done = _runbook(project, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert code == 2 or done.stderr.count("\n") == 1
    assert not (project / "records").exists()


def _kubeconfig(server: str) -> str:
    names = {"name": "here", "context": {"cluster": "here", "user": "here"}}
    cluster, user = {"name": "here", "cluster": {"server": server}}, {"name": "here", "user": {}}
    lists = {"clusters": [cluster], "users": [user], "contexts": [names]}
    return json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "here", **lists})


def test_status_resume_and_records_read_the_archive(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    attempt = project / "records" / "order-service" / "20261120t120000z-assessment" / "attempt-1"
    attempt.mkdir(parents=True)
    write_record(attempt, "passed", phase="assessment", weight=None, message="re-host, wave 1", exit_code=0)
    status = _runbook(project, "status", "parameters/demo.yaml")
    assert status.returncode == 0
    assert re.search(r"assessment +passed +2026-11-20 12:00:00 +re-host, wave 1", status.stdout)
    resume = _runbook(project, "resume", "parameters/demo.yaml")
    assert (resume.returncode, "the next step is containerization checks" in resume.stdout) == (0, True)
    (line,) = json.loads(_runbook(project, "records", "--json").stdout)
    assert (line["outcome"], line["phase"], line["exit_code"]) == ("passed", "assessment", 0)
    assert "index.html" in _runbook(project, "records").stdout.replace("\n", "")


def test_every_command_explains_itself() -> None:
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    expected = {"run", "resume", "status", "approve", "reject", "hold", "withdraw", "rollback", "records"}
    assert expected <= command.commands.keys()
    assert [name for name, one in command.commands.items() if not one.help] == []
