"""One machine goes, by a command, a playbook or a webhook, and only a silent one counts as gone."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.act.retire import retire
from runbook_lib.act.retire.ansible import recap, run, words
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.model import Change
from runbook_lib.parameters import load
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import AnsibleRetire, CommandRetire, Retire

REPOSITORY = Path(__file__).parents[2]
SOON, LONG = timedelta(seconds=2), timedelta(minutes=2)
MARK = "import pathlib, sys; pathlib.Path('ended').write_text(sys.argv[1])"
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
SERVE = """
import http.server as h
s = h.HTTPServer(('127.0.0.1', 0), h.BaseHTTPRequestHandler)
print(s.server_port, flush=True)
s.serve_forever()
"""


def end(instance: LegacyInstance, way: Retire, folder: Path) -> Change:
    return retire(instance, way, folder, connect(load(REPOSITORY / "parameters" / "demo.yaml")), "key")


def by_command(command: Sequence[str], timeout: timedelta = SOON) -> CommandRetire:
    return CommandRetire(kind="command", command=list(command), timeout=timeout)


@pytest.fixture
def listening() -> Iterator[LegacyInstance]:
    """An instance that accepts connections for as long as the test lasts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield LegacyInstance(name="vm-1", url=f"http://127.0.0.1:{server.getsockname()[1]}")


@pytest.fixture
def silent() -> LegacyInstance:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return LegacyInstance(name="vm-1", url=f"http://127.0.0.1:{port}")


@contextmanager
def machine(name: str) -> Iterator[tuple[LegacyInstance, int]]:
    """A process that serves HTTP, with its number."""
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            yield LegacyInstance(name=name, url=f"http://127.0.0.1:{port}"), process.pid
        finally:
            process.kill()


def test_an_instance_that_is_gone_already_runs_no_command(silent: LegacyInstance, tmp_path: Path) -> None:
    change = end(silent, by_command([sys.executable, "-c", MARK, "{instance}"]), tmp_path)
    assert not change.done
    assert not (tmp_path / "ended").exists()


def test_the_command_ends_the_instance_and_its_silence_is_seen(tmp_path: Path) -> None:
    with machine("vm-2") as (instance, pid):
        command = ["/bin/sh", "-c", f"kill {pid}; echo ended $0 at $1", "{instance}", "{address}"]
        change = end(instance, by_command(command, LONG), tmp_path)
    assert (change.done, change.before.answering, change.after.answering) == (True, True, False)
    assert change.note.startswith("ended vm-2 at 127.0.0.1:")


def test_an_instance_that_goes_on_answering_is_a_failed_change(listening: LegacyInstance, tmp_path: Path) -> None:
    with pytest.raises(ChangeFailed, match=r"vm-1 still answers .*nothing else was retired"):
        end(listening, by_command(["/bin/sh", "-c", "echo $0 > ended", "{instance}"]), tmp_path)
    assert (tmp_path / "ended").read_text() == "vm-1\n"


@pytest.mark.parametrize(
    ("command", "error", "says"),
    [
        (["./absent", "{instance}"], BadParameters, "cannot be run"),
        (["/bin/sh", "-c", "echo no such host >&2; exit 3", "{instance}"], ChangeFailed, "with 3: no such host"),
        (["/bin/sh", "-c", "exec sleep 60", "{instance}"], ChangeFailed, "did not end"),
    ],
)
def test_a_command_that_fails_says_what_it_said(
    listening: LegacyInstance, tmp_path: Path, command: list[str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        end(listening, by_command(command), tmp_path)


@pytest.mark.parametrize("way", [{"command": ["true"]}, {"kind": "ansible", "playbook": "p.yml", "limit": "all"}])
def test_what_would_not_know_which_machine_to_end_is_refused(way: dict[str, object]) -> None:
    kind = AnsibleRetire if "playbook" in way else CommandRetire
    with pytest.raises(ValueError, match=r"\{instance\}"):
        kind.model_validate({"kind": "command", **way})


# --- a real playbook, on this machine in the place of two


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """A folder with a playbook that ends what listens at a pid, and an inventory of two machines that are this one."""
    hosts = "\n".join(f"{name} ansible_connection=local" for name in ("vm-1", "vm-2"))
    (tmp_path / "hosts.ini").write_text(f"[old]\n{hosts}\n\n[old:vars]\nansible_python_interpreter={sys.executable}\n")
    (tmp_path / "retire.yml").write_text(
        "- hosts: old\n  gather_facts: false\n  tasks:\n"
        "    - ansible.builtin.copy: {content: '{{ inventory_hostname }} ', dest: '{{ playbook_dir }}/gone'}\n"
        "    - ansible.builtin.command: kill {{ pid }}\n"
    )
    return tmp_path


def by_playbook(folder: Path, pid: int, limit: str = "{instance}") -> AnsibleRetire:
    return AnsibleRetire(
        kind="ansible",
        playbook=str(folder / "retire.yml"),
        inventory=str(folder / "hosts.ini"),
        limit=limit,
        variables={"pid": str(pid), "machine": "{instance}"},
        program=[str(PLAYBOOK)],
        timeout=LONG,
    )


def test_a_playbook_changes_nothing_when_it_is_checked_and_ends_one_machine_when_it_is_played(inventory: Path) -> None:
    with machine("vm-2") as (instance, pid):
        checked = run(instance, by_playbook(inventory, pid), inventory, check=True)
        assert not (inventory / "gone").exists()
        change = end(instance, by_playbook(inventory, pid), inventory)
    assert checked.recap["vm-2"]["changed"] == 1  # the command is skipped: it cannot be checked
    assert checked.told.startswith("--check vm-2: ok=")
    assert (inventory / "gone").read_text() == "vm-2 "
    assert change.done
    assert re.match(r"vm-2: ok=2 changed=2 unreachable=0 failed=0", change.note)


def test_a_playbook_that_would_play_on_other_machines_is_stopped_by_its_check(inventory: Path) -> None:
    instance = LegacyInstance(name="vm-1", url="http://127.0.0.1:9")
    with pytest.raises(ChangeFailed, match="played on vm-1, vm-2: it must be limited to one machine"):
        run(instance, by_playbook(inventory, 0, limit="old"), inventory, check=True)


@pytest.mark.parametrize(
    ("name", "task", "says"),
    [
        ("vm-9", "debug: {msg: hello}", "played on no host"),
        ("vm-1", "fail: {msg: the snapshot is locked}", "failed=1.*the snapshot is locked"),
        ("vm-1", "no_such_module: {}", "no_such_module"),
    ],
)
def test_a_playbook_that_did_not_end_the_machine_says_why(inventory: Path, name: str, task: str, says: str) -> None:
    (inventory / "retire.yml").write_text(f"- hosts: old\n  gather_facts: false\n  tasks:\n    - {task}\n")
    with pytest.raises(ChangeFailed, match=says):
        run(LegacyInstance(name=name, url="http://127.0.0.1:9"), by_playbook(inventory, 0), inventory)


def test_the_recap_is_read_and_a_line_of_a_task_that_looks_like_one_is_not() -> None:
    output = (
        "vm-9 : ok=1 changed=1\nPLAY RECAP ****\n"
        "vm-1                       : ok=3    changed=1    unreachable=0    failed=0    skipped=0\n"
    )
    assert recap(output) == {"vm-1": {"ok": 3, "changed": 1, "unreachable": 0, "failed": 0, "skipped": 0}}
    assert recap("vm-1 : ok=3 changed=1") == {}


def test_a_playbook_on_localhost_takes_the_machine_as_a_variable() -> None:
    way = AnsibleRetire(kind="ansible", playbook="p.yml", limit=None, variables={"machine": "{instance}"})
    found = words(LegacyInstance(name="vm-1", url="http://10.0.0.1"), way, check=True)
    assert found[-4:] == ["p.yml", "--extra-vars", '{"machine": "vm-1"}', "--check"]
