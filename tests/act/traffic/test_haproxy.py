"""Weights over HAProxy's runtime API: exact, at once, nobody lost; what stands is said whatever goes wrong."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runbook_lib.act.traffic import shares
from runbook_lib.act.traffic.haproxy import api, runtime
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, ChangeFailed, Unreachable
from runbook_lib.parameters import load as parameters
from runbook_lib.sections.traffic import HAProxy
from tests.act.traffic.real_load import load
from tests.act.traffic.real_proxy import free_ports, program, running

NOBODY = connect(parameters(Path(__file__).parents[3] / "parameters" / "demo.yaml"))
"""Clients that HAProxy does not need."""

# -- the arithmetic --------------------------------------------------------------------------------------------------

SIDE = st.lists(st.integers(1, 256), min_size=1, max_size=12)


@given(wanted=st.integers(1, 99), legacy=SIDE, kubernetes=SIDE)
def test_the_share_is_exact_whatever_the_servers(wanted: int, legacy: list[int], kubernetes: list[int]) -> None:
    free = shares.weights(wanted, legacy, kubernetes)
    bounded = shares.weights(wanted, legacy, kubernetes, 256)
    assert shares.percent(*free) == shares.percent(*bounded) == wanted
    assert max(*bounded[0], *bounded[1]) <= 256
    for side, found in ((legacy, free[0]), (kubernetes, free[1])):
        assert {Fraction(weight, proportion) for weight, proportion in zip(found, side, strict=True)} == {
            Fraction(sum(found), sum(side))
        }  # unbounded, servers of a side stay in proportion


@pytest.mark.parametrize(
    ("wanted", "legacy", "kubernetes", "found"),
    [
        (50, [1], [1], ([1], [1])),
        (5, [1], [1], ([19], [1])),
        (5, [100, 100, 100], [1], ([19, 19, 19], [3])),
        (10, [1, 1], [1, 1, 1], ([27, 27], [2, 2, 2])),
        (30, [2, 1], [1], ([14, 7], [9])),
        (1, [1], [1, 1, 1], ([198], [1, 1, 0])),  # 297 would be above 256: exact, but one server is left out
        (99, [1, 1, 1], [1], ([1, 1, 0], [198])),
    ],
)
def test_the_smallest_weights_that_make_the_share(
    wanted: int, legacy: list[int], kubernetes: list[int], found: tuple[list[int], list[int]]
) -> None:
    assert shares.weights(wanted, legacy, kubernetes, 256) == found


def test_many_servers_are_weighed_at_once() -> None:
    found = shares.weights(1, [1] * 8, [1] * 300, 256)
    assert shares.percent(*found) == 1
    assert sum(found[1]) == 20


@pytest.mark.parametrize("sides", [{"legacy": ["a"], "kubernetes": ["a"]}, {"legacy": ["a", "a"], "kubernetes": ["b"]}])
def test_a_server_belongs_to_one_side_once(sides: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError, match="named twice"):
        HAProxy(kind="haproxy", socket="s", backend="order", **sides)


# -- a HAProxy that is told what to answer ---------------------------------------------------------------------------


@contextmanager
def answering(folder: Path, answer: Callable[[str], str | None]) -> Iterator[str]:
    """A socket that answers each question; None closes the connection without a word."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "fake"))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                said = answer(connection.recv(65536).decode().strip())
                connection.sendall((said or "").encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield str(folder / "fake")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


class Fake:
    """A backend in memory: what it refuses, and who else sets weights, is for the test to say."""

    def __init__(self, weights: dict[str, int]) -> None:
        self.weights = dict(weights)
        self.refuses = ""
        self.dies_at = ""
        self.silent = False
        self.commands: list[str] = []

    def answer(self, question: str) -> str | None:
        if self.silent:
            return None
        said = ""
        for command in question.split(";"):
            words = command.split()
            if command.startswith("set weight"):
                self.commands.append(command)
                name = words[2].split("/")[1]
                if name == self.dies_at:
                    self.silent = True
                    return None
                if name == self.refuses:
                    said += "No such server.\n\n"
                    continue
                self.weights[name] = int(words[3])
                said += "\n"
            elif command.startswith("show servers"):
                columns = "srv_name srv_op_state srv_admin_state srv_uweight srv_iweight"
                rows = [f"{name} 2 0 {weight} 100" for name, weight in self.weights.items()]
                said += "\n".join(["1", f"# {columns}", *rows]) + "\n\n"
            elif command.startswith("show stat"):
                rows = [f"order,{name},," for name in self.weights] + ["order,BACKEND,,roundrobin"]
                said += "\n".join(["# pxname,svname,bck,algo", *rows]) + "\n\n"
        return said


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[Fake, HAProxy]]:
    backend = Fake({"vm1": 45, "vm2": 45, "k1": 5, "k2": 5})
    with answering(tmp_path, backend.answer) as path:
        yield (
            backend,
            HAProxy(kind="haproxy", socket=path, backend="order", legacy=["vm1", "vm2"], kubernetes=["k1", "k2"]),
        )


def test_who_gets_more_is_raised_before_others_are_lowered(fake: tuple[Fake, HAProxy]) -> None:
    backend, knob = fake
    runtime.shift(knob, NOBODY, 100)
    names = [command.split()[2] for command in backend.commands]
    assert [name.split("/")[1] for name in names] == ["k1", "k2", "vm1", "vm2"]
    backend.commands.clear()
    runtime.shift(knob, NOBODY, 0)
    names = [command.split()[2] for command in backend.commands]
    assert [name.split("/")[1] for name in names] == ["vm1", "vm2", "k1", "k2"]


def test_what_is_refused_half_way_is_put_back(fake: tuple[Fake, HAProxy]) -> None:
    backend, knob = fake
    backend.refuses = "k2"
    with pytest.raises(ChangeFailed, match=r"refused a weight \(No such server.\); 10 % of the users") as refused:
        runtime.shift(knob, NOBODY, 50)
    assert backend.weights == {"vm1": 45, "vm2": 45, "k1": 5, "k2": 5}
    assert "\n" not in str(refused.value)


def test_going_to_0_what_could_be_set_stays(fake: tuple[Fake, HAProxy]) -> None:
    backend, knob = fake
    backend.refuses = "k2"
    with pytest.raises(ChangeFailed, match=r"2.44 % of the users are on the new side"):
        runtime.shift(knob, NOBODY, 0)
    assert backend.weights == {"vm1": 100, "vm2": 100, "k1": 0, "k2": 5}


def test_a_process_that_dies_in_the_middle_leaves_it_unknown_and_says_how_to_look(fake: tuple[Fake, HAProxy]) -> None:
    backend, knob = fake
    backend.dies_at = "k1"
    with pytest.raises(ChangeFailed, match="not known whether the new weights were set: look with `echo show servers"):
        runtime.shift(knob, NOBODY, 50)


def test_somebody_else_who_set_weights_in_between_is_seen(fake: tuple[Fake, HAProxy]) -> None:
    backend, knob = fake
    plain = backend.answer

    def meddled(question: str) -> str | None:
        said = plain(question)
        if question.startswith("set weight"):
            backend.weights["k1"] = 200
        return said

    folder = Path(knob.socket).parent / "other"
    folder.mkdir()
    with (
        answering(folder, meddled) as path,
        pytest.raises(ChangeFailed, match=r"says [0-9.]+ % after setting 50 %: somebody else"),
    ):
        runtime.shift(knob.model_copy(update={"socket": path}), NOBODY, 50)


def test_a_weight_that_was_not_expected_is_left_alone_except_on_the_way_back(fake: tuple[Fake, HAProxy]) -> None:
    backend, knob = fake
    with pytest.raises(ChangeFailed, match="somebody else moved the users from 5 % to 10 % since it was read"):
        runtime.shift(knob, NOBODY, 30, expected=5)
    assert backend.commands == []
    assert runtime.shift(knob, NOBODY, 30, expected=10).after == 30
    assert runtime.shift(knob, NOBODY, 0, expected=99).after == 0


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (None, Unreachable, "closed the connection without a word"),
        ("Can't find backend.\n\n", BadParameters, "(Can't find backend.)"),
        ("Permission denied\n\n", BadParameters, "Permission denied"),
        ("1\n# srv_name\n\n# pxname,svname\n\n", BadParameters, "no server vm1"),
    ],
)
def test_an_answer_that_says_nothing_is_one_sentence(
    tmp_path: Path, answer: str | None, error: type[Exception], says: str
) -> None:
    with answering(tmp_path, lambda _: answer) as path:
        knob = HAProxy(kind="haproxy", socket=path, backend="order", legacy=["vm1"], kubernetes=["k1"])
        with pytest.raises(error) as refused:
            runtime.read(knob, NOBODY)
    assert says in str(refused.value)


@pytest.mark.parametrize("where", ["/nowhere/haproxy.sock", "127.0.0.1:1"])
def test_a_haproxy_that_is_not_there_is_unreachable(where: str) -> None:
    knob = HAProxy(kind="haproxy", socket=where, backend="order", legacy=["vm1"], kubernetes=["k1"])
    for ask in (runtime.read, runtime.preflight, lambda k, c: runtime.shift(k, c, 0)):
        with pytest.raises(Unreachable, match=r"traffic\.knob\.socket"):
            ask(knob, NOBODY)


# -- the real HAProxy ------------------------------------------------------------------------------------------------

REAL = """\
global
    stats socket {root}/admin mode 600 level admin
    stats socket ipv4@127.0.0.1:{admin} level admin
    stats socket {root}/weak mode 600 level operator
    nbthread 1
    hard-stop-after 1s
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend old
    bind 127.0.0.1:{old}
    http-request return status 200 content-type text/plain string legacy
frontend new
    bind 127.0.0.1:{new}
    http-request return status 200 content-type text/plain string kubernetes
frontend users
    bind 127.0.0.1:{users}
    default_backend order
backend order
    balance roundrobin
    server vm1 127.0.0.1:{old} weight 100
    server vm2 127.0.0.1:{old} weight 100
    server k1 127.0.0.1:{new} weight 0
    server k2 127.0.0.1:{new} weight 0
    server k3 127.0.0.1:{new} weight 0
backend connections
    balance leastconn
    server vm1 127.0.0.1:{old} weight 100
    server k1 127.0.0.1:{new} weight 0
backend static
    balance static-rr
    server vm1 127.0.0.1:{old} weight 100
    server k1 127.0.0.1:{new} weight 100
backend spare
    balance roundrobin
    server vm1 127.0.0.1:{old} weight 100
    server k1 127.0.0.1:{new} weight 100 backup
"""


class Real:
    """A running HAProxy whose servers say on which side they are."""

    def __init__(self, knob: HAProxy, url: str, admin: str, process: subprocess.Popen[bytes]) -> None:
        self.knob, self.url, self.admin, self.process = knob, url, admin, process

    def of(self, **changes: object) -> HAProxy:
        return self.knob.model_copy(update=changes)

    def say(self, command: str) -> str:
        return api.ask(self.knob, NOBODY, command)

    def weights(self) -> dict[str, int]:
        return {name: server.weight for name, server in api.backend(self.knob, NOBODY).servers.items()}


@pytest.fixture
def real(tmp_path: Path, until: Callable[[Callable[[], bool]], None]) -> Iterator[Real]:
    tool = program("haproxy")
    admin, old, new, users = free_ports(4)
    (tmp_path / "haproxy.cfg").write_text(REAL.format(root=tmp_path, admin=admin, old=old, new=new, users=users))
    knob = HAProxy(
        kind="haproxy",
        socket=str(tmp_path / "admin"),
        backend="order",
        legacy=["vm1", "vm2"],
        kubernetes=["k1", "k2", "k3"],
    )
    with running([str(tool.binary), "-f", "haproxy.cfg"], tmp_path, users, tool.environment) as process:
        until((tmp_path / "admin").exists)
        yield Real(knob, f"http://127.0.0.1:{users}/", f"127.0.0.1:{admin}", process)


def test_under_load_every_share_is_as_asked_and_no_request_is_lost(real: Real) -> None:
    runtime.preflight(real.knob, NOBODY)
    with load(real.url) as users:
        assert set(users.sides(50)) == {"legacy"}
        for weight in (1, 5, 30, 100, 50, 0):
            change = runtime.shift(real.knob, NOBODY, weight)
            assert (change.after, change.done) == (weight, True)
            assert runtime.read(real.knob, NOBODY).weight == weight
            if 0 < weight < 100:  # a weight counts from the next round on: as many requests as all weights together
                users.sides(sum(real.weights().values()))
            seen = users.sides(400)
            assert len(seen) == (2 if 0 < weight < 100 else 1)
            # round robin is exact: only what was in flight at the edges of the period may differ
            assert abs(seen["kubernetes"] - seen.total() * weight / 100) <= 4
    assert users.failed == []


def test_what_stood_is_put_back_server_by_server(real: Real) -> None:
    real.say("set weight order/vm1 57;set weight order/vm2 38;set weight order/k1 3;set weight order/k2 2")
    held = runtime.read(real.knob, NOBODY)
    assert held.weight == 5
    runtime.shift(real.knob, NOBODY, 50)
    change = runtime.restore(real.knob, NOBODY, held.held)
    assert (change.before, change.after, change.done) == (50, 5, True)
    assert real.weights() == {"vm1": 57, "vm2": 38, "k1": 3, "k2": 2, "k3": 0}
    assert not runtime.restore(real.knob, NOBODY, held.held).done
    with pytest.raises(BadParameters, match="no server gone any more"):
        runtime.restore(real.knob, NOBODY, {"gone": 5})


def test_a_fresh_process_begins_with_its_configuration_and_that_is_read(real: Real, tmp_path: Path) -> None:
    runtime.shift(real.knob, NOBODY, 30)
    tool, port = program("haproxy"), int(real.url.rsplit(":", 1)[1].strip("/"))
    again = [str(tool.binary), "-f", "haproxy.cfg", "-sf", str(real.process.pid)]
    with running(again, tmp_path, port, tool.environment):
        real.process.wait(60)
        assert runtime.read(real.knob, NOBODY).weight == 0
        with pytest.raises(ChangeFailed, match="from 30 % to 0 % since it was read"):
            runtime.shift(real.knob, NOBODY, 50, expected=30)


def test_what_is_right_already_is_not_written(real: Real) -> None:
    assert runtime.shift(real.knob, NOBODY, 0).done is False
    runtime.shift(real.knob, NOBODY, 30)
    assert runtime.shift(real.knob, NOBODY, 30).done is False


def test_the_note_says_what_a_reload_would_make_of_it(real: Real) -> None:
    change = runtime.shift(real.knob, NOBODY, 1)
    assert "at a reload of HAProxy its configuration counts again: 0 %" in change.note


def test_a_server_in_maintenance_counts_as_nobody_and_comes_back_to_nobody(real: Real) -> None:
    runtime.shift(real.knob, NOBODY, 30)
    real.say("set server order/k1 state maint")
    with pytest.raises(BadParameters, match=r"22.22 % stands .*k1 . set aside"):
        runtime.read(real.knob, NOBODY)
    change = runtime.shift(real.knob, NOBODY, 30)
    assert change.done
    assert "k1 in maintenance or drained" in change.note
    assert runtime.read(real.knob, NOBODY).weight == 30
    real.say("set server order/k1 state ready")
    assert runtime.read(real.knob, NOBODY).weight == 30


def test_a_server_set_aside_with_a_weight_is_emptied_by_a_rollback(real: Real) -> None:
    real.say("set weight order/k1 10;set server order/k1 state drain")
    assert runtime.read(real.knob, NOBODY).weight == 0
    assert runtime.shift(real.knob, NOBODY, 0).done
    assert real.weights()["k1"] == 0


def test_users_are_not_sent_to_a_side_that_nobody_of_is_up(real: Real) -> None:
    for name in ("vm1", "vm2"):
        real.say(f"set server order/{name} state maint;set weight order/k1 10")
    with pytest.raises(ChangeFailed, match=r"no server of the legacy side is up .* 100 % stays on the new side"):
        runtime.shift(real.knob, NOBODY, 0)
    real.say("set server order/vm1 state ready")
    assert runtime.shift(real.knob, NOBODY, 0).after == 0


def test_a_server_of_no_side_that_takes_users_is_named_and_does_not_stop_the_way_back(real: Real) -> None:
    runtime.shift(real.knob, NOBODY, 30)
    knob = real.of(kubernetes=["k1", "k2"])
    for ask in (runtime.read, lambda k, c: runtime.shift(k, c, 10)):
        with pytest.raises(BadParameters, match="k3 takes users but belongs to no side"):
            ask(knob, NOBODY)
    assert runtime.shift(real.of(kubernetes=["k1", "k2", "k3", "gone"]), NOBODY, 0).after == 0


@pytest.mark.parametrize(
    ("backend", "says"),
    [("connections", "balance leastconn"), ("static", "balance static-rr"), ("spare", "k1 only stands in for others")],
)
def test_what_breaks_the_ratio_is_refused_in_one_sentence(real: Real, backend: str, says: str) -> None:
    knob = real.of(backend=backend, legacy=["vm1"], kubernetes=["k1"])
    with pytest.raises(BadParameters, match=says):
        runtime.shift(knob, NOBODY, 30)
    assert runtime.shift(knob, NOBODY, 0).after == 0  # the way back needs no ratio


def test_by_host_and_port_it_is_the_same(real: Real) -> None:
    assert runtime.shift(real.of(socket=real.admin), NOBODY, 10).after == 10
    assert runtime.read(real.knob, NOBODY).weight == 10


def test_a_socket_that_may_not_set_weights_is_known_before_anything_begins(real: Real) -> None:
    weak = real.of(socket=str(Path(real.knob.socket).with_name("weak")))
    with pytest.raises(Unreachable, match="level operator: weights need `level admin`"):
        runtime.preflight(weak, NOBODY)
    with pytest.raises(ChangeFailed, match=r"refused a weight \(Permission denied\); 0 % of the users"):
        runtime.shift(weak, NOBODY, 10)
