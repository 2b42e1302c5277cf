"""The gateway: which slot holds which Pod, what the follower makes of the API, and that HAProxy loses no request."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import Unreachable
from sandbox.claim import claim
from sandbox.gateway.configuration import BACKEND, SERVICE, write_config
from sandbox.gateway.follow import Objects, follow
from sandbox.gateway.keeper import Keeper
from sandbox.gateway.runtime import Runtime, parse_slots
from sandbox.gateway.slots import Endpoints, Slot, State, Target, endpoints_of, steps
from sandbox.plan import Address, Plan, project_root
from sandbox.tools import prepare

Until = Callable[[Callable[[], bool]], None]


def pod(number: int) -> Target:
    return Target(f"127.9.16.{number}", 8080)


def wanted(ready: set[int], present: set[int] | None = None) -> Endpoints:
    all_present = ready | (present or set())
    return Endpoints(frozenset(map(pod, ready)), frozenset(map(pod, all_present)))


def slot(name: str, number: int, state: State) -> Slot:
    return Slot(name, pod(number), state)


# --- EndpointSlices


def endpoint(number: int, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [pod(number).address], "conditions": conditions}


def slice_of(*endpoints: dict[str, Any], name: str = "order-service-a", version: str = "1") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "resourceVersion": version},
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": list(endpoints),
    }


def test_only_pods_that_are_ready_and_stay_take_requests() -> None:
    found = endpoints_of(
        [
            slice_of(endpoint(1, ready=True), endpoint(2, ready=False), endpoint(3)),
            slice_of(
                endpoint(4, ready=False, serving=True, terminating=True), endpoint(5, ready=True, terminating=True)
            ),
        ]
    )
    assert found == wanted({1, 3}, {2, 4, 5})


@pytest.mark.parametrize("empty", [{}, {"ports": None, "endpoints": None}, {"ports": [], "endpoints": [endpoint(1)]}])
def test_a_slice_without_endpoints_or_ports_holds_nothing(empty: dict[str, Any]) -> None:
    assert endpoints_of([empty]) == Endpoints()


# --- slots


@pytest.mark.parametrize(
    ("slots", "wish", "commands"),
    [
        (
            [slot("a", 9, "maint")],
            wanted({1}),
            ["set server b/a addr 127.9.16.1 port 8080", "set server b/a state ready"],
        ),
        ([slot("a", 1, "ready")], wanted({1}), []),
        ([slot("a", 1, "drain")], wanted({1}), ["set server b/a state ready"]),
        ([slot("a", 1, "ready")], wanted(set(), {1}), ["set server b/a state drain"]),
        ([slot("a", 1, "drain")], wanted(set(), {1}), []),
        ([slot("a", 1, "drain")], wanted(set()), ["set server b/a state maint"]),
        ([slot("a", 1, "ready")], wanted(set()), ["set server b/a state maint"]),
        ([slot("a", 1, "ready"), slot("b", 1, "ready")], wanted({1}), ["set server b/b state maint"]),
    ],
    ids=["new", "right", "ready again", "not ready", "still draining", "drained", "gone", "held twice"],
)
def test_each_slot_gets_what_it_needs_and_no_more(slots: list[Slot], wish: Endpoints, commands: list[str]) -> None:
    assert steps("b", slots, wish).commands == commands


def test_new_pods_come_before_old_ones_go() -> None:
    made = steps("b", [slot("a", 1, "ready"), slot("c", 9, "maint")], wanted({2}))
    assert [command.split()[-1] for command in made.commands] == ["8080", "ready", "maint"]


def test_a_pod_without_a_slot_is_named() -> None:
    assert steps("b", [slot("a", 1, "ready")], wanted({1, 2})).without_slot == [pod(2)]


def _apply(slots: list[Slot], commands: list[str]) -> list[Slot]:
    """What HAProxy does with the commands."""
    now = {one.name: one for one in slots}
    for command in commands:
        words = command.split()
        name = words[2].partition("/")[2]
        if words[3] == "addr":
            now[name] = Slot(name, Target(words[4], int(words[6])), now[name].state)
        else:
            now[name] = Slot(name, now[name].target, words[4])  # type: ignore[arg-type]
    return list(now.values())


PODS = st.sets(st.integers(1, 6))
STATES = st.sampled_from(["ready", "drain", "maint"])


@given(st.lists(st.tuples(st.integers(1, 6), STATES), max_size=8), PODS, PODS)
def test_whatever_the_slots_were_the_ready_pods_and_only_they_end_up_ready(
    before: list[tuple[int, State]], ready: set[int], present: set[int]
) -> None:
    slots = [slot(f"s{index}", number, state) for index, (number, state) in enumerate(before)]
    slots += [slot(f"free{index}", 9, "maint") for index in range(6)]
    wish = wanted(ready, present)
    after = _apply(slots, steps("b", slots, wish).commands)
    assert sorted(one.target for one in after if one.state == "ready") == sorted(wish.ready)
    assert steps("b", after, wish).commands == []


# --- HAProxy's table

TABLE = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port srvrecord
3 order_service 1 pod1 127.9.16.1 2 4 1 8080 -
3 order_service 2 pod2 127.9.16.2 2 12 1 8080 -
3 order_service 3 pod3 127.9.16.9 0 5 1 8080 -

"""


def test_the_state_of_a_slot_is_read_from_its_bits() -> None:
    """4 is left from `disabled` in the configuration and says nothing; 8 drains, 1 is maintenance."""
    assert parse_slots(TABLE) == [slot("pod1", 1, "ready"), slot("pod2", 2, "drain"), slot("pod3", 9, "maint")]


@pytest.mark.parametrize("answer", ["", "Can't find backend.\n", "1\nno header\n"])
def test_an_answer_that_is_no_table_is_an_error(answer: str) -> None:
    with pytest.raises(Unreachable):
        parse_slots(answer)


def test_a_haproxy_that_is_away_is_unreachable_and_is_no_reason_to_end(tmp_path: Path) -> None:
    runtime = Runtime(tmp_path / "no.sock")
    with pytest.raises(Unreachable):
        runtime.slots(BACKEND)
    Keeper(runtime).learn(endpoints={SERVICE: wanted({1})})


# --- following the API


class Api:
    """An API that answers from a script: a list, or the events of a watch, or a status."""

    def __init__(self, script: list[Any]) -> None:
        self.asked: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api.asked.append(self.path)
                answer = script.pop(0) if script else 500
                if isinstance(answer, int):
                    self.send_response(answer)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                lines = [json.dumps(one).encode() + b"\n" for one in answer]
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for line in lines:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = Address("127.0.0.1", self.server.server_port)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Enough(Exception):
    """Ends a follower that would go on for ever."""


def _follow(script: list[Any]) -> tuple[list[Endpoints], list[str]]:
    """What the follower said and asked until the script had ended and it waited twice."""
    api = Api(script)
    seen: list[Endpoints] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if not script and len(waits) > 1:
            raise Enough

    try:
        with pytest.raises(Enough):
            objects = Objects(api.address, "discovery.k8s.io/v1/endpointslices", "shop")
            follow(objects, lambda found: seen.append(endpoints_of(found)), sleep)
    finally:
        api.close()
    return seen, api.asked


def _list(*slices: dict[str, Any], version: str = "10") -> list[Any]:
    return [{"metadata": {"resourceVersion": version}, "items": list(slices)}]


def _event(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": found}


def test_a_watch_goes_on_where_the_list_and_the_last_watch_ended() -> None:
    changed = slice_of(endpoint(1, ready=True), endpoint(2, ready=True), version="12")
    gone = slice_of(version="13")
    script = [
        _list(slice_of(endpoint(1, ready=True))),
        [_event("MODIFIED", changed)],
        [_event("BOOKMARK", {"metadata": {"resourceVersion": "20"}}), _event("DELETED", gone)],
    ]
    seen, asked = _follow(script)
    assert seen[0] == wanted({1})
    assert seen[1] == wanted({1, 2})
    assert seen[-1] == Endpoints()
    assert ["watch=true" in path for path in asked[:3]] == [False, True, True]
    assert "resourceVersion=10" in asked[1]
    assert "resourceVersion=12" in asked[2]


@pytest.mark.parametrize(
    "expired", [410, [_event("ERROR", {"kind": "Status", "code": 410, "message": "too old"})]], ids=["status", "event"]
)
def test_an_expired_version_is_listed_anew_and_nothing_is_forgotten_meanwhile(expired: Any) -> None:
    first, second = _list(slice_of(endpoint(1, ready=True))), _list(slice_of(endpoint(2, ready=True)), version="99")
    seen, asked = _follow([first, expired, second])
    assert seen == [wanted({1}), wanted({2})]
    assert ["watch=true" in path for path in asked[:3]] == [False, True, False]


def test_an_api_that_is_away_changes_nothing() -> None:
    seen, asked = _follow([_list(slice_of(endpoint(1, ready=True))), 503, 503, 503])
    assert seen == [wanted({1})]
    assert len(asked) >= 4


# --- with HAProxy


class Quiet(ThreadingHTTPServer):
    """Says nothing when a client hangs up, which is what some of these tests are about."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class PodServer:
    """A Pod that says its name; it can be told to die when it has read an order."""

    def __init__(self, address: Address, name: str) -> None:
        self.requests: list[str] = []
        self.dies = False
        pod_server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                pod_server.requests.append(self.command)
                if pod_server.dies:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

            do_GET = do_POST = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.target = Target(address.host, address.port)
        self.server = Quiet((address.host, address.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Gateway:
    """A real HAProxy with two Pods behind it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.runtime = Runtime(plan.gateway_socket)
        self.keeper = Keeper(self.runtime)
        port = plan.ports.order_service
        self.pods = [PodServer(Address(plan.pod_host(index), port), f"pod-{index}") for index in range(2)]
        self.dead = Target(plan.pod_host(7), port)

    def want(self, *ready: Target, present: tuple[Target, ...] = ()) -> None:
        self.keeper.learn(endpoints={SERVICE: Endpoints(frozenset(ready), frozenset((*ready, *present)))})

    def ask(self, method: str = "GET") -> tuple[int, str, str | None]:
        data = b"{}" if method == "POST" else None
        request = urllib.request.Request(f"{self.plan.gateway.url}/orders", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode(), answer.headers["X-Side"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, "", error.headers["X-Side"]


@pytest.fixture
def gateway(tmp_path: Path, until: Until) -> Iterator[Gateway]:
    haproxy = prepare(project_root())["haproxy"]
    with claim("gateway-test", tmp_path) as plan, (tmp_path / "haproxy.log").open("w") as log:
        argv = [str(haproxy.binary), "-db", "-f", str(write_config(plan))]
        process = subprocess.Popen(argv, env=dict(haproxy.environment), stdout=log, stderr=log)
        made = Gateway(plan)
        try:
            until(lambda: process.poll() is not None or _answers(made.runtime))
            assert process.poll() is None, (tmp_path / "haproxy.log").read_text()
            yield made
        finally:
            for one in made.pods:
                one.close()
            process.terminate()
            process.wait(timeout=60)


def _answers(runtime: Runtime) -> bool:
    try:
        return bool(runtime.slots(BACKEND))
    except Unreachable:
        return False


@pytest.mark.range
def test_without_pods_the_gateway_answers_503_as_the_kubernetes_side(gateway: Gateway) -> None:
    assert gateway.ask() == (503, "", "kubernetes")


@pytest.mark.range
def test_ready_pods_share_the_requests_and_a_drained_one_gets_none(gateway: Gateway) -> None:
    first, second = gateway.pods
    gateway.want(first.target, second.target)
    assert {gateway.ask()[1] for _ in range(4)} == {"pod-0", "pod-1"}
    gateway.want(first.target, present=(second.target,))
    assert {gateway.ask()[1] for _ in range(4)} == {"pod-0"}
    gateway.want(second.target)
    assert {gateway.ask()[1] for _ in range(4)} == {"pod-1"}
    gateway.want()
    assert gateway.ask()[0] == 503


@pytest.mark.range
def test_a_pod_that_takes_no_connection_costs_no_request(gateway: Gateway) -> None:
    gateway.want(gateway.pods[0].target, gateway.dead)
    assert [gateway.ask("POST")[:2] for _ in range(6)] == [(200, "pod-0")] * 6


@pytest.mark.range
def test_an_order_that_a_dying_pod_has_read_is_not_sent_to_another(gateway: Gateway) -> None:
    first, second = gateway.pods
    first.dies = second.dies = True
    gateway.want(first.target, second.target)
    assert gateway.ask("POST")[0] == 502
    assert len(first.requests) + len(second.requests) == 1


@pytest.mark.range
def test_a_haproxy_that_was_emptied_is_filled_again(gateway: Gateway) -> None:
    gateway.want(gateway.pods[0].target)
    gateway.runtime.do([f"set server {BACKEND}/{one.name} state maint" for one in gateway.runtime.slots(BACKEND)])
    assert gateway.ask()[0] == 503
    gateway.keeper.keep()
    assert gateway.ask()[:2] == (200, "pod-0")


@pytest.mark.range
def test_a_command_that_haproxy_refuses_is_not_taken_for_done(gateway: Gateway) -> None:
    with pytest.raises(Unreachable, match="refused"):
        gateway.runtime.do([f"set server {BACKEND}/nobody state ready"])


@pytest.mark.range
def test_no_request_is_lost_while_pods_come_and_go(gateway: Gateway) -> None:
    first, second = gateway.pods
    gateway.want(first.target)
    statuses: list[int] = []
    ended = threading.Event()

    def use() -> None:
        while not ended.is_set():
            statuses.append(gateway.ask()[0])

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    for _ in range(10):
        gateway.want(first.target, second.target)
        time.sleep(0.02)
        gateway.want(second.target, present=(first.target,))
        time.sleep(0.02)
        gateway.want(first.target)
        time.sleep(0.02)
    ended.set()
    for user in users:
        user.join(timeout=60)
    assert len(statuses) > 30
    assert set(statuses) == {200}
