"""The weight in nginx: one word changes, every other byte stays, and what nginx refuses is put back."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from runbook_lib.act.traffic.nginx import apply, file, workers
from runbook_lib.act.traffic.nginx import split as nginx_split
from runbook_lib.act.traffic.nginx.file import alone
from runbook_lib.act.traffic.nginx.split_testers import with_testers, without
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, Busy, ChangeFailed, RunbookError, Unreachable
from runbook_lib.model import Change
from runbook_lib.parameters import load as load_parameters
from runbook_lib.sections.traffic import NginxSplit
from runbook_lib.sections.traffic import Testers as KnownBy
from sandbox.tools import PROGRAMS, Tool, find
from tests.act.traffic.real_load import load
from tests.act.traffic.real_nginx import nginx as real_nginx

REPOSITORY = Path(__file__).parents[3]
VARIABLE = "$order_service_side"
CONFIG = """\
# split_clients "$request_id" $order_service_side { * kubernetes; } as it was tried in spring
events {}
http {
    upstream legacy { server 127.0.0.1:1; }  # the café's € line
    upstream kubernetes { server 127.0.0.1:2; }
    split_clients "$request_id" $order_service_side {
        5%   kubernetes;   # a share } of the users
        *    legacy;
    }
    server { location / { proxy_pass http://$order_service_side; } }
}
"""


NOBODY = connect(load_parameters(REPOSITORY / "parameters" / "demo.yaml"))
"""Clients that nginx does not need."""


def read_weight(split: NginxSplit) -> int:
    return nginx_split.read(split, NOBODY).weight


def shift(split: NginxSplit, weight: int) -> Change:
    return nginx_split.shift(split, NOBODY, weight)


@dataclass(frozen=True)
class Entrance:
    """A configuration in a project of its own; commands only note that they were called."""

    path: Path
    split: NginxSplit

    @property
    def calls(self) -> list[str]:
        log = self.path.parent / "calls"
        return log.read_text().split() if log.exists() else []

    def holds(self, text: str | bytes) -> Entrance:
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def with_(self, **changes: object) -> Entrance:
        return Entrance(self.path, self.split.model_copy(update=changes))


def command(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def note(word: str, then: str = "") -> list[str]:
    return command(f"open('calls', 'a').write('{word} '); {then}")


@pytest.fixture
def entrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entrance:
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(apply, "workers", dict)  # commands that only note have none to wait for
    split = NginxSplit(
        kind="nginx-split", config="nginx.conf", variable=VARIABLE, test=note("test"), reload=note("reload")
    )
    return Entrance(tmp_path / "nginx.conf", split).holds(CONFIG)


def block(entries: str, newline: str = "\n") -> str:
    return f'split_clients "$request_id" {VARIABLE} {{ {entries} }}{newline}'


@pytest.mark.parametrize(
    ("entries", "weight"),
    [
        ("* legacy;", 0),
        ("* kubernetes;", 100),
        ("1% kubernetes; * legacy;", 1),
        ("99% kubernetes; * legacy;", 99),
        ("95% legacy; * kubernetes;", None),
        ("0.5% kubernetes; * legacy;", None),
        ("5% kubernetes; 5% kubernetes; * legacy;", None),
        ("5% kubernetes; 5% legacy; * legacy;", None),
        ("5% kubernetes; * elsewhere;", None),
        ("* legacy; 5% kubernetes;", None),
        ("5% kubernetes;", None),
        ("5%; * legacy;", None),
        ("include shares.conf;", None),
        ("", None),
    ],
)
def test_the_weight_is_read_or_refused_but_never_guessed(entrance: Entrance, entries: str, weight: int | None) -> None:
    entrance.holds(block(entries))
    if weight is not None:
        assert read_weight(entrance.split) == weight
        return
    with pytest.raises(BadParameters):
        read_weight(entrance.split)
    with pytest.raises(BadParameters):
        shift(entrance.split, 10)
    assert entrance.path.read_text() == block(entries)
    assert entrance.calls == []


def test_from_share_to_share_one_word_changes(entrance: Entrance) -> None:
    change = shift(entrance.split, 30)
    assert (change.before, change.after, change.done) == (5, 30, True)
    assert entrance.path.read_text() == CONFIG.replace("5%   kubernetes", "30%   kubernetes")
    assert entrance.calls == ["test", "reload"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("weight", [0, 100])
def test_0_and_100_have_one_entry_and_all_else_stays(entrance: Entrance, weight: int, newline: str) -> None:
    before = CONFIG.replace("\n", newline)
    entrance.holds(before)
    shift(entrance.split, weight)
    after = entrance.path.read_bytes().decode()
    head, tail = before.index("5% "), before.index("    }\n".replace("\n", newline))
    assert after.startswith(before[:head].rstrip())
    assert after.endswith(before[tail:])
    assert "# a share } of the users" in after
    assert after.count("\n") == after.count(newline)
    side = "kubernetes" if weight else "legacy"
    lines = after[head : len(after) - len(before) + tail].split(newline)
    assert [line.strip() for line in lines if line.strip() and "#" not in line] == [f"* {side};"]
    assert read_weight(entrance.split) == weight


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (block("* legacy;"), ["5% kubernetes;", "* legacy;"]),
        ("http { " + block("* legacy;") + "}", ["5% kubernetes;", "* legacy;"]),
        ("split_clients $a $other { 7% kubernetes; * legacy; }\n" + block("* legacy;"), ["7%", "5% kubernetes;"]),
        (block("* legacy;") + "split_clients $a $other { 7% kubernetes; * legacy; }", ["5% kubernetes;", "7%"]),
        (f'split_clients "${{remote_addr}}AAA" {VARIABLE} {{ * legacy; }}', ["${remote_addr}AAA", "5% kubernetes;"]),
        (f"split_clients ${{remote_addr}}AAA {VARIABLE} {{ * legacy; }}", ["${remote_addr}AAA", "5% kubernetes;"]),
        (f"split_clients 'a \\' {{ b' {VARIABLE}\n{{\n* legacy;\n}}", ["a \\' { b", "5% kubernetes;"]),
        (f'split_clients $a {VARIABLE} {{ # }} not here\n"*" "legacy"; }}', ["# } not here", "5% kubernetes;"]),
        (f"split_clients # {{ here\n $a # $other {{\n {VARIABLE} {{ * legacy; }}", ["# $other {", "5% kubernetes;"]),
        ('log_format x \'{"a": "split_clients $a ' + VARIABLE + " {\"}';\n" + block("* legacy;"), ["5% kubernetes;"]),
    ],
)
def test_the_block_is_found_wherever_and_however_it_is_written(
    entrance: Entrance, before: str, after: list[str]
) -> None:
    entrance.holds(before)
    assert shift(entrance.split, 5).done
    assert read_weight(entrance.split) == 5
    text = entrance.path.read_text()
    places = [text.find(part) for part in after]
    assert -1 not in places
    assert places == sorted(places)
    shift(entrance.split, 0)
    assert read_weight(entrance.split) == 0


SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = st.lists(
    st.sampled_from(["# a }{ comment\n", "log_format a '}{';\n", 'set $x "}{";\n', "\n", "\t", "map $a $b { c d; }\n"]),
    max_size=5,
).map("".join)


@SETTINGS
@given(head=PIECES, tail=PIECES, weights=st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_whatever_stands_around_the_block_is_kept_byte_for_byte(
    entrance: Entrance, head: str, tail: str, weights: list[int]
) -> None:
    quick = Entrance(entrance.path, entrance.split.model_copy(update={"test": ["true"], "reload": ["true"]}))
    quick.holds(head + block("* legacy;") + tail)
    for weight in weights:
        shift(quick.split, weight)
        assert read_weight(quick.split) == weight
    text = quick.path.read_bytes().decode()
    assert text.startswith(head + block("")[: block("").index("{") + 1])
    assert text.endswith("}\n" + tail)


def test_nothing_is_written_when_the_weight_is_already_right(entrance: Entrance) -> None:
    stamp = entrance.path.stat().st_mtime_ns
    change = shift(entrance.split, 5)
    assert not change.done
    assert entrance.path.stat().st_mtime_ns == stamp
    assert entrance.calls == ["reload"]  # an earlier run may have died before it


KNOWN = "5 % of the users are on the new side"


@pytest.mark.parametrize(
    ("test", "reload", "says", "stands"),
    [
        (command("import sys; sys.exit('nginx: [emerg] unexpected end')"), None, "unexpected end", KNOWN),
        (None, command("import sys; sys.exit('no pid')"), "no pid", "nginx may run 5 % or 50 %"),
        (["no-such-nginx", "-t"], None, "no nginx command no-such-nginx", KNOWN),
        (["./nginx.conf", "-t"], None, "cannot be run", KNOWN),
        (command("import time; time.sleep(60)"), None, "did not end within", KNOWN),
    ],
)
def test_what_nginx_refuses_is_put_back_as_it_was(
    entrance: Entrance, test: list[str] | None, reload: list[str] | None, says: str, stands: str
) -> None:
    patience = timedelta(seconds=0.5 if says.startswith("did not") else 10)
    refusing = entrance.with_(
        test=test or entrance.split.test, reload=reload or entrance.split.reload, timeout=patience
    )
    with pytest.raises(ChangeFailed) as refused:
        shift(refusing.split, 50)
    assert says in str(refused.value)
    assert stands in str(refused.value)
    assert "\n" not in str(refused.value)
    assert entrance.path.read_text() == CONFIG


def test_somebody_else_writing_in_between_is_seen(entrance: Entrance) -> None:
    other = note("reload", "p='nginx.conf'; t=open(p).read().replace('30%', '31%'); open(p, 'w').write(t)")
    with pytest.raises(ChangeFailed, match="says 31 % after writing 30 %"):
        shift(entrance.with_(reload=other).split, 30)


def test_a_configuration_that_is_not_there_is_one_sentence(entrance: Entrance) -> None:
    gone = entrance.with_(config="nowhere/nginx.conf").split
    for ask in (lambda: read_weight(gone), lambda: shift(gone, 1)):
        with pytest.raises(Unreachable, match=r"traffic\.knob\.config"):
            ask()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("events {}\n", "0 split_clients blocks"),
        (block("* legacy;") * 2, "2 split_clients blocks"),
        ("http {\n", "not a valid nginx configuration"),
        (block("* legacy;").replace("side", "team"), "0 split_clients blocks"),
        ("split_clients;", "not a valid nginx configuration"),
        ("", "0 split_clients blocks"),
    ],
)
def test_without_exactly_one_block_nothing_is_written(entrance: Entrance, text: str, says: str) -> None:
    entrance.holds(text)
    with pytest.raises(BadParameters, match=says):
        shift(entrance.split, 10)
    assert entrance.path.read_text() == text


def test_a_link_stays_a_link_and_the_mode_stays(entrance: Entrance, tmp_path: Path) -> None:
    target = tmp_path / "available.conf"
    entrance.path.rename(target)
    target.chmod(0o640)
    entrance.path.symlink_to(target)
    shift(entrance.split, 30)
    assert entrance.path.is_symlink()
    assert "30%" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.endswith(".runbook")) == []


def test_of_two_writers_at_once_both_end_and_the_file_is_whole(entrance: Entrance) -> None:
    slow = entrance.with_(test=note("test", "import time; time.sleep(0.05)")).split
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda weight: shift(slow, weight), [10, 20, 30, 40]))
    steps = {(change.before, change.after) for change in done}
    last = read_weight(slow)
    assert {after for _, after in steps} == {10, 20, 30, 40}
    assert {before for before, _ in steps} == {5, 10, 20, 30, 40} - {last}  # one after the other, none lost
    assert entrance.path.read_text() == CONFIG.replace("5%   ", f"{last}%   ")


def test_a_writer_that_does_not_end_is_waited_for_and_then_named(entrance: Entrance) -> None:
    with (
        alone(entrance.path),
        pytest.raises(Busy, match="another process is changing"),
        alone(entrance.path, patience=0.05),
    ):
        pytest.fail("two writers at once")


# -- the real nginx --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nginx() -> Tool:
    tool = find(next(program for program in PROGRAMS if program.name == "nginx"), REPOSITORY)
    if tool is None:
        pytest.skip("no nginx here: python -m sandbox tools")
    return tool


REAL = """\
daemon off; master_process on; worker_processes 1; pid nginx.pid; error_log stderr notice;
events { worker_connections 64; }
http {
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    access_log off;
    split_clients "${request_id}x" $order_service_side {
        * legacy;  # everybody }
    }
    server { listen 127.0.0.1:PORT; return 200 $order_service_side; }
}
"""


@dataclass(frozen=True)
class Real:
    """A running nginx that answers each request with the side it would go to."""

    split: NginxSplit
    url: str
    config: Path

    def sides(self, number: int) -> dict[str, int]:
        found = {"legacy": 0, "kubernetes": 0}
        for _ in range(number):
            found[requests.get(self.url, timeout=60).text] += 1
        return found


@pytest.fixture
def real(
    nginx: Tool, entrance: Entrance, until: Callable[[Callable[[], bool]], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Real]:
    monkeypatch.setattr(apply, "workers", workers.workers)
    root = entrance.path.parent
    argv = [str(nginx.binary), "-p", str(root), "-e", "stderr", "-c", "nginx.conf"]
    runner = root / "nginx"
    exports = "".join(f"export {key}='{value}'\n" for key, value in nginx.environment.items())
    runner.write_text(f'#!/bin/sh\n{exports}exec {" ".join(argv)} "$@"\n')
    runner.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    entrance.holds(REAL.replace("PORT", str(port)))
    process = subprocess.Popen([str(runner)], cwd=root, stderr=(root / "log").open("w"))
    try:
        until(lambda: (root / "nginx.pid").exists() or process.poll() is not None)
        assert process.poll() is None, (root / "log").read_text()
        split = entrance.split.model_copy(update={"test": ["./nginx", "-t"], "reload": ["./nginx", "-s", "reload"]})
        yield Real(split, f"http://127.0.0.1:{port}/", entrance.path)
    finally:
        process.terminate()
        process.wait(60)


def test_a_real_nginx_takes_every_weight_of_the_passage_and_the_way_back(
    real: Real, until: Callable[[Callable[[], bool]], None]
) -> None:
    assert real.sides(20) == {"legacy": 20, "kubernetes": 0}
    for weight in (1, 5, 50, 100, 30, 0):
        assert shift(real.split, weight).done
        assert read_weight(real.split) == weight
        if weight in (0, 100):
            side = "kubernetes" if weight else "legacy"
            until(lambda side=side: real.sides(20)[side] == 20)  # type: ignore[misc]
        if weight == 50:
            until(lambda: min(real.sides(60).values()) > 5)


def test_a_real_nginx_that_refuses_keeps_serving_as_before(real: Real) -> None:
    broken = real.split.model_copy(update={"kubernetes": "kuber{netes"})
    before = real.config.read_text()
    with pytest.raises(RunbookError):
        shift(broken, 50)
    assert real.config.read_text() == before
    assert real.sides(20) == {"legacy": 20, "kubernetes": 0}


def test_a_reload_that_fails_once_leaves_nginx_on_the_file_that_stands(entrance: Entrance, tmp_path: Path) -> None:
    once = command(
        f"import pathlib, sys; p = pathlib.Path({str(tmp_path / 'once')!r}); "
        "sys.exit(None if p.exists() else p.touch() or 'busy')"
    )
    with pytest.raises(ChangeFailed, match=r"busy; .* is as it was, 5 % of the users are on the new side"):
        shift(entrance.with_(reload=once).split, 50)
    assert entrance.path.read_text() == CONFIG


# -- going back, what stood, testers ---------------------------------------------------------------------------------

WAITS = "says 0 % and stays so, but nginx may still run 5 %: mend it, then type `"


def test_going_to_0_what_nginx_does_not_take_up_stays_in_the_file(entrance: Entrance) -> None:
    refusing = entrance.with_(reload=command("import sys; sys.exit('no pid')"))
    with pytest.raises(ChangeFailed, match=f"no pid; .*{WAITS}"):
        shift(refusing.split, 0)
    assert read_weight(entrance.split) == 0
    with pytest.raises(ChangeFailed, match="says 0 % already, but whether nginx runs that is not known"):
        shift(refusing.split, 0)
    shift(entrance.split, 0)
    assert entrance.calls[-1] == "reload"


def test_going_to_0_a_fault_elsewhere_in_the_configuration_does_not_keep_the_old_share(entrance: Entrance) -> None:
    broken = entrance.with_(test=command("import sys; sys.exit('conf.d/other.conf: unknown directive')"))
    with pytest.raises(ChangeFailed, match=f"unknown directive; .*{WAITS}"):
        shift(broken.split, 0)
    assert read_weight(entrance.split) == 0


def test_going_to_0_what_is_wrong_itself_is_put_back(entrance: Entrance) -> None:
    only_0 = command("import sys; sys.exit('5%' not in open('nginx.conf').read() and 'bad value')")
    with pytest.raises(ChangeFailed, match=f"bad value; .* is as it was, {KNOWN}"):
        shift(entrance.with_(test=only_0).split, 0)
    assert entrance.path.read_text() == CONFIG


def test_what_cannot_be_put_back_is_said(entrance: Entrance) -> None:
    meddling = command("open('nginx.conf', 'a').write('# me, too'); import sys; sys.exit('refused')")
    with pytest.raises(ChangeFailed, match=r"refused; what stood could not be put back \(somebody else changed"):
        shift(entrance.with_(test=meddling).split, 50)
    assert entrance.path.read_text().endswith("# me, too")


@pytest.mark.parametrize(
    "entries", ["0.5% kubernetes; * legacy;", "95% legacy; * kubernetes;", "* legacy; 5% kubernetes;"]
)
def test_a_share_that_is_unclear_does_not_stop_the_way_back(entrance: Entrance, entries: str) -> None:
    entrance.holds(block(entries))
    change = shift(entrance.split, 0)
    assert (change.before, change.after) == (entries.rstrip(";"), 0)
    assert read_weight(entrance.split) == 0


def test_a_weight_that_was_not_expected_is_left_alone_except_on_the_way_back(entrance: Entrance) -> None:
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 10 % to 5 % since it was read"):
        nginx_split.shift(entrance.split, NOBODY, 30, expected=10)
    assert entrance.path.read_text() == CONFIG
    assert entrance.calls == []
    assert nginx_split.shift(entrance.split, NOBODY, 30, expected=5).done
    assert nginx_split.shift(entrance.split, NOBODY, 0, expected=5).done


def test_who_writes_between_compare_and_write_is_not_overwritten(entrance: Entrance) -> None:
    here = file.Here(entrance.split, entrance.path)
    entrance.holds(CONFIG + "# somebody else\n")
    with pytest.raises(ChangeFailed, match=r"somebody else changed .* in the same moment; nothing was written by us"):
        here.replace(CONFIG.encode(), b"ours")
    assert entrance.path.read_text() == CONFIG + "# somebody else\n"


TESTERS = KnownBy(header="X-Tester")
SETTLED = [*range(0, 101, 25), 1, 99]


@settings(SETTINGS, max_examples=25)
@given(head=PIECES, tail=PIECES, steps=st.lists(st.sampled_from([*SETTLED, "in", "out", "cookie"]), max_size=5))
def test_what_stood_comes_back_byte_for_byte_whatever_was_done(
    entrance: Entrance, head: str, tail: str, steps: list[int | str]
) -> None:
    quick = Entrance(entrance.path, entrance.split.model_copy(update={"test": ["true"], "reload": ["true"]}))
    before = f"{head}{block('7%  kubernetes; # café }' + chr(10) + '* legacy;')}{tail}".encode("latin-1")
    quick.holds(before)
    held, weight, admitted = nginx_split.read(quick.split, NOBODY).held, 7, False
    text = before
    for step in steps:
        if isinstance(step, int):
            text, weight = nginx_split.rewritten(quick.split, step, text), step
        else:
            who = {"in": TESTERS, "cookie": KnownBy(cookie="tester", value="yes")}.get(step)
            text = with_testers(quick.split, text, "x", who) if who else without(quick.split, text, "x")
            admitted = who is not None
        quick.holds(text)
        stands = nginx_split.read(quick.split, NOBODY)
        assert (stands.weight, stands.testers) == (weight, admitted)
    assert json.loads(json.dumps(held)) == held
    nginx_split.restore(quick.split, NOBODY, held)
    assert quick.path.read_bytes() == before


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_testers_come_and_go_and_leave_no_byte_behind(entrance: Entrance, newline: str) -> None:
    before = CONFIG.replace("\n", newline).encode()
    entrance.holds(before)
    change = nginx_split.admit(entrance.split, NOBODY, TESTERS)
    assert (change.before, change.after, change.done) == (None, "$http_x_tester always", True)
    text = entrance.path.read_text()
    assert f'split_clients "$request_id" {VARIABLE}_of_users {{' in text
    assert (
        f'map $http_x_tester {VARIABLE} {{\n        default {VARIABLE}_of_users;\n        "always" kubernetes;' in text
    )
    assert not nginx_split.admit(entrance.split, NOBODY, TESTERS).done
    assert nginx_split.admit(entrance.split, NOBODY, KnownBy(cookie="tester")).after == "$cookie_tester always"
    assert nginx_split.admit(entrance.split, NOBODY, None).done
    assert entrance.path.read_bytes() == before


def test_testers_stay_while_the_users_move(entrance: Entrance) -> None:
    nginx_split.admit(entrance.split, NOBODY, TESTERS)
    for weight in (30, 100, 0):
        shift(entrance.split, weight)
        stands = nginx_split.read(entrance.split, NOBODY)
        assert (stands.weight, stands.testers) == (weight, True)


def unchecked(header: str | None = None, cookie: str | None = None, value: str = "always") -> KnownBy:
    """Testers whom the parameters would refuse already, perhaps."""
    return KnownBy.model_construct(header=header, cookie=cookie, value=value)


@pytest.mark.parametrize(
    "testers",
    [
        unchecked(header="X_Tester"),
        unchecked(header="x { }"),
        unchecked(cookie="a-b"),
        unchecked(header="X-Tester", value="~.*"),
        unchecked(header="X-Tester", value='a"; }'),
        unchecked(header="X-Tester", value="default"),
        unchecked(header="X-Tester", value="$request_id"),
    ],
)
def test_testers_that_nginx_would_take_otherwise_are_refused(entrance: Entrance, testers: KnownBy) -> None:
    with pytest.raises(BadParameters, match=r"traffic\.testers\."):
        nginx_split.admit(entrance.split, NOBODY, testers)
    assert entrance.path.read_text() == CONFIG


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (block("* legacy;") + block("* legacy;").replace("side", "side_of_users"), "splits both"),
        (block("* legacy;").replace("side", "side_of_users"), "0 split_clients blocks"),
        (
            block("* legacy;").replace("side", "side_of_users") + f"root /x;\nmap $a {VARIABLE} {{ b c; }}",
            "something stands between",
        ),
    ],
)
def test_what_stands_in_the_way_of_testers_is_said(entrance: Entrance, text: str, says: str) -> None:
    entrance.holds(text)
    for ask in (lambda: read_weight(entrance.split), lambda: nginx_split.admit(entrance.split, NOBODY, None)):
        with pytest.raises(BadParameters, match=says):
            ask()
    assert entrance.path.read_text() == text


@pytest.mark.parametrize(
    "held", [{"text": "events {}", "encoding": "utf-8"}, {"text": block("x y;"), "encoding": "utf-8"}]
)
def test_what_is_no_split_is_not_put_back(entrance: Entrance, held: dict[str, str]) -> None:
    with pytest.raises(BadParameters):
        nginx_split.restore(entrance.split, NOBODY, held)
    assert entrance.path.read_text() == CONFIG


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({}, [{}], ""),
        ({11: 1, 12: 1}, [{11: 1, 12: 1, 13: 1}, {13: 1}], ""),
        ({11: 1, 21: 2}, [{11: 1, 13: 1, 21: 2}, {13: 1, 21: 2}], ""),
        ({11: 1, 12: 1}, [{11: 1, 13: 1}], "1 old worker still serves what began before the reload"),
        ({11: 1, 12: 1}, [{11: 1, 12: 1, 13: 1}], "2 old workers still serve"),
        ({11: 1, 21: 2}, [{11: 1, 21: 2}], ""),  # whose they are is not known
        ({11: 1}, [{11: 1}], "no new workers of nginx were seen"),
    ],
)
def test_old_workers_are_waited_for_a_moment_and_then_counted(
    before: dict[int, int], after: list[dict[int, int]], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list(after)
    monkeypatch.setattr(workers, "workers", lambda: seen.pop(0) if len(seen) > 1 else seen[0])
    monkeypatch.setattr(workers, "UNSEEN", 0.05)
    note = workers.drained(before, 0.1)
    assert note.startswith(says) if says else note == ""


SPLIT = """\
    upstream legacy { server OLD; keepalive 16; }
    upstream kubernetes { server NEW; keepalive 16; }
    split_clients "$request_id" $order_service_side {
        * legacy;  # everybody
    }
"""


@pytest.mark.parametrize(("keepalive", "weights"), [(True, [5, 50, 100, 0]), (False, [30, 0])])
def test_under_load_the_share_is_as_asked_and_testers_go_first(
    entrance: Entrance, keepalive: bool, weights: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "workers", workers.workers)
    with real_nginx(entrance.path.parent, SPLIT, "$order_service_side", workers=2) as running:
        commands = {"test": [running.command, "-t"], "reload": [running.command, "-s", "reload"]}
        split = entrance.split.model_copy(update={"config": str(running.config), **commands})
        stood, before = nginx_split.read(split, NOBODY), running.config.read_bytes()
        with load(running.url, users=3, keepalive=keepalive) as users:
            nginx_split.admit(split, NOBODY, TESTERS)
            with load(running.url, users=1, keepalive=keepalive, headers={"X-Tester": "always"}) as testers:
                assert set(testers.sides(50)) == {"kubernetes"}
            assert set(users.sides(50)) == {"legacy"}
            for weight in weights:
                assert shift(split, weight).note == ""
                seen = users.sides(300)
                if 0 < weight < 100:
                    assert binomtest(seen["kubernetes"], seen.total(), weight / 100).pvalue > 1e-4
                else:
                    assert set(seen) == {"kubernetes" if weight else "legacy"}
            nginx_split.restore(split, NOBODY, stood.held)
            users.sides(20)
        assert running.config.read_bytes() == before
    # a kept connection may be closed by a reload just as its next request comes: at most one each, each time
    assert len(users.failed) <= 3 * 6 * keepalive


def test_an_old_worker_that_still_answers_is_told(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "workers", workers.workers)
    slow = f"    server {{ listen SECOND; location / {{ limit_rate 1k; return 200 {'x' * 4000}; }} }}\n"
    with real_nginx(entrance.path.parent, SPLIT + slow.replace("SECOND", "SLOW"), "$order_service_side") as running:
        commands = {"test": [running.command, "-t"], "reload": [running.command, "-s", "reload"]}
        split = entrance.split.model_copy(update={"config": str(running.config), **commands})
        with requests.get(f"http://{running.slow}/", stream=True, timeout=60) as answer:
            note = shift(split, 5).note
            assert len(answer.content) == 4000  # the old worker ends what it began
    assert note == "1 old worker still serves what began before the reload, with the old weight"
