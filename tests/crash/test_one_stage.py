"""The sweep in small: one stage whose nginx is a file, killed around its act; each resume says what had been done."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from throwaway import PASSES, make_project, write_notebook

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.errors import RolledBack
from runbook_lib.parameters import Parameters, load
from runbook_lib.record import journal
from tests.crash.sweep import KILLED, assert_explained, assert_found_rightly, sweeping

ACT = """from runbook_lib.act.traffic.knob import read_weight, shift
clients = run.connect()
standing = read_weight(clients)
run.change(f"users: {standing} % -> 1 %", lambda: shift(clients, 1), before=standing, after=1)"""


BACK = """from runbook_lib.errors import RolledBack
from runbook_lib.rollback import bring_back
bring_back(run, run.connect(), 'failed requests 9 %')
if run.phase == 'gray_stage':
    raise RolledBack('failed requests 9 %')"""
KINDS = ["detected", "intent", "result", "verified", "finished"]


class Silent(BaseHTTPRequestHandler):
    """Answers every question with a no: whatever is asked for is reached."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def somebody() -> Iterator[str]:
    """The address of something that answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def stage(tmp_path: Path, somebody: str, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """A project whose gray stage does nothing but its act."""
    project = make_project(tmp_path / "project", gray_stage=(PASSES[0], ACT, "run.finish()"))
    write_notebook(project, "gray_stage", (PASSES[0], ACT, "run.finish()"))
    monkeypatch.chdir(project)
    Path("nginx.conf").write_text("split_clients $request_id $order_service_side { * legacy; }\n")
    user = {"name": "me", "user": {}}
    cluster = {"name": "here", "cluster": {"server": somebody}}
    context = {"name": "here", "context": {"cluster": "here", "user": "me"}}
    known = {"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "here"}
    Path("kubeconfig").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **known}))
    values = yaml.safe_load(Path("parameters/demo.yaml").read_text())
    values["kubernetes"]["kubeconfig"] = "kubeconfig"
    values["prometheus"]["url"] = somebody
    values["traffic"]["knob"] |= {"config": "nginx.conf", "test": ["true"], "reload": ["true"]}
    values["traffic"]["split_patience"] = "1s"
    Path("mine.yaml").write_text(yaml.safe_dump(values))
    return load(Path("mine.yaml"))


@pytest.mark.heavy
@pytest.mark.timeout(900)  # many runners, one after the other
@pytest.mark.parametrize(("what", "only"), [("all", ["intent", "result"]), ("writer", None)])
def test_a_stage_that_is_killed_around_its_act_arrives_at_its_end(
    stage: Parameters, tmp_path: Path, what: str, only: list[str] | None
) -> None:
    with sweeping(stage, tmp_path / "kills", Path.cwd(), what=what, only=only) as sweep:
        while sweep.command("run", "mine.yaml", "--phase", "gray_stage", "--weight", "1") != 0:
            assert sweep.kills and len(sweep.codes) < 30, sweep.said
            assert_explained(sweep)
        assert assert_found_rightly(sweep) >= 2
    assert sweep.codes.count(KILLED) >= 2 and len(sweep.kills) == len(sweep.codes) - 1
    assert read_weight(connect(stage)) == 1
    assert "it was not done" in sweep.said and "it was done, the run goes on" in sweep.said
    assert [attempt.outcome for attempt in sweep.attempts][-1] == "passed"


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("what", ["all", "writer"])
def test_whoever_is_killed_after_a_trigger_brings_the_users_back_before_anything_else(
    stage: Parameters, tmp_path: Path, what: str
) -> None:
    write_notebook(Path.cwd(), "gray_stage", (PASSES[0], ACT, BACK))
    write_notebook(Path.cwd(), "rollback", (PASSES[0], BACK, "run.finish('back')"))
    weights, kinds = [], [""]
    with sweeping(stage, tmp_path / "kills", Path.cwd(), what=what, only=KINDS) as sweep:
        while kinds[-1] != "gray_stage" or sweep.codes[-1] != RolledBack.exit_code:
            sweep.command("run", "mine.yaml", "--phase", "gray_stage", "--weight", "1")
            assert len(sweep.codes) < 40, sweep.said
            assert_explained(sweep)
            kinds = [attempt.step[0] for attempt in sweep.attempts]
            weights += [read_weight(connect(stage))] if sweep.codes[-1] == RolledBack.exit_code else []
    assert len(weights) > 2 and set(weights) == {0}
    known = sweep.attempts
    for attempt, following in itertools.pairwise(known):
        fired = any(event.kind == "detected" for event in journal.read(attempt.folder))
        owed = fired and attempt.outcome not in {"rolled_back", "passed"}
        assert not owed or following.step[0] == "rollback", attempt.folder
