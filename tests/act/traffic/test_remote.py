"""nginx on another machine: the same changes through one shell, and a lost connection says what is known.

The stand-in for ssh starts the remote words in a shell here, as sshd does; one test goes through a real sshd.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from runbook_lib.act.traffic.nginx import remote, split, upstream
from runbook_lib.act.traffic.nginx.file import alone
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, Busy, ChangeFailed, Unreachable
from runbook_lib.parameters import load
from runbook_lib.sections.traffic import NginxSplit, NginxUpstream, Remote
from tests.act.traffic.real_sshd import sshd

NOBODY = connect(load(Path(__file__).parents[3] / "parameters" / "demo.yaml"))
"""Clients that nginx does not need."""

CONFIG = "# café\r\nsplit_clients $a $side { 5% kubernetes; * legacy; }\n" + "# more\n" * 8_000
"""Longer than what a pipe holds."""

# ssh, as far as it matters: the words behind the host go through a shell; what arrives can be cut after n bytes
SSH = """\
import os, subprocess, sys
host, words, cut = sys.argv[2], sys.argv[3], int(sys.argv[1])
assert host == "front-1", host
if cut < 0:
    sys.exit(subprocess.call(["sh", "-c", words]))
shell = subprocess.Popen(["sh", "-c", words], stdin=subprocess.PIPE)
try:
    while cut and (data := os.read(0, min(cut, 65536))):
        with open(__file__ + ".sent", "a") as sent:
            sent.write("." * len(data))
        shell.stdin.write(data)
        shell.stdin.flush()
        cut -= len(data)
    shell.stdin.close()
except BrokenPipeError:
    pass
shell.wait()
sys.exit("Connection to front-1 closed by remote host.")
"""


@dataclass(frozen=True)
class Front:
    """A machine behind a stand-in for ssh."""

    path: Path
    split: NginxSplit

    def with_(self, **changes: object) -> NginxSplit:
        return self.split.model_copy(update=changes)

    def cut(self, bytes_sent: int) -> NginxSplit:
        """The connection is lost when so much was sent."""
        ssh = [sys.executable, str(self.path.with_name("ssh.py")), str(bytes_sent)]
        return self.with_(machine=Remote(host="front-1", ssh=ssh))

    @property
    def calls(self) -> list[str]:
        log = self.path.with_name("calls")
        return log.read_text().split() if log.exists() else []


@pytest.fixture
def front(tmp_path: Path) -> Front:
    path = tmp_path / "it's nginx.conf"
    path.write_bytes(CONFIG.encode())
    (tmp_path / "ssh.py").write_text(SSH)
    split = NginxSplit(
        kind="nginx-split",
        config=str(path),
        variable="$side",
        test=["sh", "-c", 'echo test >> "$0"', str(tmp_path / "calls")],
        reload=["sh", "-c", 'echo reload >> "$0"', str(tmp_path / "calls")],
    )
    return Front(path, Front(path, split).cut(-1))


def test_the_file_is_changed_there_and_all_else_stays(front: Front) -> None:
    front.path.chmod(0o640)
    split.preflight(front.split, NOBODY)
    stood = split.read(front.split, NOBODY)
    assert stood.weight == 5
    change = split.shift(front.split, NOBODY, 30, expected=5)
    assert (change.before, change.after, change.done) == (5, 30, True)
    assert front.path.read_bytes().decode() == CONFIG.replace("5%", "30%")
    assert front.path.stat().st_mode & 0o777 == 0o640
    assert front.calls == ["test", "reload"]
    split.restore(front.split, NOBODY, stood.held)
    assert front.path.read_bytes().decode() == CONFIG
    assert [path.name for path in front.path.parent.iterdir() if path.name.endswith(".runbook")] == []


def test_an_upstream_there_is_the_same_to_it(front: Front) -> None:
    front.path.write_text("upstream o { server a:1; server b:1; }")
    on = front.split.machine
    knob = NginxUpstream(
        kind="nginx-upstream",
        config=str(front.path),
        upstream="o",
        legacy=["a:1"],
        kubernetes=["b:1"],
        test=["true"],
        reload=["true"],
        machine=on,
    )
    assert upstream.shift(knob, NOBODY, 5).after == 5
    assert front.path.read_text() == "upstream o { server a:1 weight=19; server b:1; }"


def test_a_link_there_stays_a_link(front: Front) -> None:
    target = front.path.with_name("available.conf")
    front.path.rename(target)
    front.path.symlink_to(target)
    split.shift(front.split, NOBODY, 30)
    assert front.path.is_symlink()
    assert "30%" in target.read_text()


def test_what_nginx_refuses_there_is_put_back(front: Front) -> None:
    refusing = front.with_(test=["sh", "-c", "echo 'unexpected }' >&2; exit 1"])
    with pytest.raises(
        ChangeFailed, match=r"nginx test on front-1 failed: unexpected \}; .* on front-1 is as it was, 5 %"
    ):
        split.shift(refusing, NOBODY, 30)
    assert front.path.read_bytes().decode() == CONFIG


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["no-such-nginx", "-t"], "front-1 has no nginx command no-such-nginx"),
        (["false"], "failed: no word"),
    ],
)
def test_a_command_that_does_not_work_there_is_one_sentence(front: Front, argv: list[str], says: str) -> None:
    with pytest.raises(ChangeFailed, match=says):
        split.shift(front.with_(test=argv), NOBODY, 30)
    assert front.path.read_bytes().decode() == CONFIG


def test_a_command_that_does_not_end_there_is_not_waited_for(front: Front) -> None:
    slow = front.with_(test=["sleep", "20"], timeout=timedelta(seconds=0.5))
    with pytest.raises(
        ChangeFailed, match=r"no answer within 0.5 s.* on front-1 says now: 30 %; whether nginx runs that"
    ):
        split.shift(slow, NOBODY, 30)


def test_somebody_who_writes_there_in_the_same_moment_is_not_overwritten(front: Front) -> None:
    with remote.opened(front.split, 1) as there, pytest.raises(ChangeFailed, match="nothing was written by us"):
        there.replace(b"what stood a moment ago", b"ours")
    assert front.path.read_bytes().decode() == CONFIG


def test_one_writer_at_a_time_whoever_it_is_and_the_lock_goes_with_the_connection(front: Front) -> None:
    with alone(front.path), pytest.raises(Busy, match="another process is changing"), remote.opened(front.split, 0.2):
        pytest.fail("two writers at once")
    with remote.opened(front.split, 1), pytest.raises(Busy), remote.opened(front.split, 0.2):
        pytest.fail("two writers at once")
    with remote.opened(front.split, 1):
        pass


SMALL = "split_clients $a $side { 5% kubernetes; * legacy; }\n"


def lost_after(front: Front, sent: int) -> str:
    """The share that stands when the connection is lost after so many bytes; the sentence must have said so."""
    front.path.write_text(SMALL)
    with pytest.raises((ChangeFailed, Unreachable)) as lost:
        split.shift(front.cut(sent), NOBODY, 30)
    stands = {SMALL: "5 %", SMALL.replace("5%", "30%"): "30 %"}[front.path.read_text()]  # never half a file
    said = str(lost.value)
    assert "closed by remote host" in said
    assert "\n" not in said
    if isinstance(lost.value, Unreachable):
        assert stands == "5 %"
    else:
        assert f"says now: {stands}; whether nginx" in said or "whether 5 % or 30 % stands: look with `" in said
    return stands


def sent_by_a_change(front: Front) -> int:
    """How many bytes a whole change sends."""
    front.path.write_text(SMALL)
    split.shift(front.cut(10**9), NOBODY, 30)
    return len(front.path.with_name("ssh.py.sent").read_text())


FINE = pytest.param(60, id="fine", marks=[pytest.mark.heavy, pytest.mark.timeout(600)])


@pytest.mark.parametrize("places", [pytest.param(7, id="coarse"), FINE])
def test_wherever_the_connection_is_lost_the_file_is_whole_and_the_sentence_is_true(front: Front, places: int) -> None:
    whole = sent_by_a_change(front)
    seen = [lost_after(front, whole * place // places) for place in range(places)]
    assert seen == sorted(seen, key=["5 %", "30 %"].index)
    assert set(seen) == {"5 %", "30 %"}


def test_a_connection_lost_in_the_middle_is_told_by_asking_again(front: Front, tmp_path: Path) -> None:
    # the first connection ends when nginx is tested; the next one is whole
    parent = ["sh", "-c", 'kill -9 "$PPID"', "sh"]
    dying = front.with_(test=parent)
    with pytest.raises(
        ChangeFailed, match=r"on front-1 says now: 30 %; whether nginx runs that is not known: run it again"
    ):
        split.shift(dying, NOBODY, 30)
    assert split.shift(front.split, NOBODY, 30).note == "was already so; reloaded to be sure"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"config": "/nowhere/nginx.conf"}, "nowhere"),
        ({"machine": Remote(host="front-1", ssh=["no-such-ssh"])}, "no-such-ssh cannot be run"),
        ({"machine": Remote(host="front-1", ssh=["sh", "-c", "echo 'No route' >&2; exit 255"])}, "No route"),
        ({"machine": Remote(host="front-1", ssh=["sh", "-c", "exit 255"])}, "it ended without a word"),
    ],
)
def test_a_machine_or_a_file_that_is_not_there_is_one_sentence(
    front: Front, changes: dict[str, object], says: str
) -> None:
    knob = front.with_(**changes)
    for ask in (split.read, split.preflight, lambda k, c: split.shift(k, c, 0)):
        with pytest.raises(Unreachable, match=says):
            ask(knob, NOBODY)


def test_a_machine_without_a_command_is_known_before_anything_begins(front: Front) -> None:
    with pytest.raises(Unreachable, match="front-1 has no command no-such-nginx"):
        split.preflight(front.with_(reload=["no-such-nginx"]), NOBODY)


def test_what_a_login_says_first_is_not_taken_for_an_answer(front: Front) -> None:
    greeting = [
        *front.split.machine.ssh[:1],
        "-c",
        f"import sys; print('Welcome!', flush=True); sys.argv[1:1] = ['-1']\n{SSH}",
    ]
    knob = front.with_(machine=Remote(host="front-1", ssh=greeting))
    assert split.read(knob, NOBODY).weight == 5


@pytest.mark.parametrize("host", ["-oProxyCommand=rm", "", "a b"])
def test_a_host_is_no_option_of_ssh(host: str) -> None:
    with pytest.raises(ValidationError):
        Remote(host=host)


def test_through_a_real_sshd(front: Front, tmp_path: Path) -> None:
    with sshd(tmp_path) as ssh:
        knob = front.with_(machine=Remote(host="127.0.0.1", ssh=ssh))
        split.preflight(knob, NOBODY)
        assert split.shift(knob, NOBODY, 30).after == 30
        assert front.path.read_bytes().decode() == CONFIG.replace("5%", "30%")
        assert split.read(knob, NOBODY).weight == 30
        with alone(front.path), pytest.raises(Busy), remote.opened(knob, 0.2):
            pytest.fail("two writers at once")
        dying = knob.model_copy(update={"test": ["sh", "-c", 'kill -9 "$PPID"', "sh"]})
        with pytest.raises(ChangeFailed, match=r"says now: 0 %; whether nginx runs that is not known: .*`.*ssh "):
            split.shift(dying, NOBODY, 0)
        said = subprocess.run([*ssh, "127.0.0.1", "true"], check=False)
        assert said.returncode == 0
    with pytest.raises(Unreachable, match="Connection refused"):
        split.read(knob, NOBODY)
    with pytest.raises(BadParameters):
        split.read(front.with_(variable="$other"), NOBODY)
