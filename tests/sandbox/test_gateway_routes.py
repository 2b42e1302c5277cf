"""The gateway follows routes: which rule a request finds, and, under load, that users split as the knobs asked."""

from __future__ import annotations

import copy
import math
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config

from runbook_lib.act.traffic import knob
from runbook_lib.act.traffic.routes import ingress_canary
from runbook_lib.clients import Clients
from runbook_lib.errors import ChangeFailed
from sandbox import plan as plans
from sandbox.claim import claim
from sandbox.gateway.configuration import write_config
from sandbox.gateway.routing import Rule, cells, pairs, refusal, rules_of
from sandbox.gateway.runtime import Runtime
from sandbox.plan import Plan, project_root
from sandbox.tools import prepare
from tests.act.traffic.real_load import load
from tests.act.traffic.route_world import World, write_kubeconfig

Object = dict[str, Any]
Until = Callable[[Callable[[], bool]], None]


# --- rules


def route(*rules: Object, name: str = "r", hostnames: tuple[str, ...] = ()) -> Object:
    return {"metadata": {"name": name}, "spec": {"rules": list(rules), "hostnames": list(hostnames)}}


def to(service: str, *matches: Object) -> Object:
    return {"matches": list(matches) or [{}], "backendRefs": [{"name": service}]}


def path(value: str, kind: str = "PathPrefix", **more: Any) -> Object:
    return {"path": {"type": kind, "value": value}, **more}


def header(name: str, value: str, kind: str = "Exact") -> Object:
    return {"type": kind, "name": name, "value": value}


COOKIE = header("cookie", "(.*; )?t=1(;.*)?", "RegularExpression")


def ingress(service: str, where: str = "/", host: str = "", name: str = "main", **canary: str) -> Object:
    words = {key.replace("_", "-"): value for key, value in canary.items()}
    notes = {f"nginx.ingress.kubernetes.io/canary{key.removeprefix('on')}": value for key, value in words.items()}
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"http": {"paths": [{"path": where, "pathType": "Prefix", "backend": backend}]}}
    return {
        "metadata": {"name": name, "annotations": notes},
        "spec": {"ingressClassName": "nginx", "rules": [rule | ({"host": host} if host else {})]},
    }


def found(rules: tuple[Rule, ...], asked: str = "/", host: str = "any", method: str = "GET", **headers: str) -> str:
    """The Service of the first rule that matches, as HAProxy would look it up; nothing when none does."""
    names = {"host": host, **{key.replace("_", "-"): value for key, value in headers.items()}}
    head = f"{method} {asked}\n" + "".join(f"{key}: {value}\r\n" for key, value in names.items()) + "\r\n"
    return next((rule.shares[0][0] for rule in rules if re.search(rule.pattern, head)), "")


@pytest.mark.parametrize(
    ("matches", "asked", "headers", "is_found"),
    [
        (path("/"), "/anything?q=1", {}, True),
        (path("/orders"), "/orders", {}, True),
        (path("/orders"), "/orders/1", {}, True),
        (path("/orders/"), "/orders?x", {}, True),
        (path("/orders"), "/ordersheet", {}, False),
        (path("/orders", "Exact"), "/orders?x", {}, True),
        (path("/orders", "Exact"), "/orders/1", {}, False),
        (path("/o.*s/[0-9]+", "RegularExpression"), "/orders/12", {}, True),
        (path("/", headers=[header("X-Tester", "yes")]), "/", {"x_tester": "yes"}, True),
        (path("/", headers=[header("X-Tester", "yes")]), "/", {"x_tester": "yesterday"}, False),
        (path("/", headers=[header("X-Tester", "yes")]), "/", {"x_other": "x-tester: yes"}, False),
        (path("/", headers=[header("X-Tester", "a b")]), "/", {"x_tester": "a b"}, True),
        (path("/", headers=[COOKIE]), "/", {"cookie": "s=2; t=1"}, True),
        (path("/", headers=[COOKIE]), "/", {"cookie": "t=12"}, False),
        (path("/", method="POST"), "/", {}, False),
    ],
)  # fmt: skip
def test_a_match_is_what_the_gateway_api_says(
    matches: Object, asked: str, headers: dict[str, str], is_found: bool
) -> None:
    assert found(rules_of([route(to("s", matches))], []), asked, **headers) == ("s" if is_found else "")


def test_the_more_specific_match_wins_wherever_it_stands() -> None:
    rules = rules_of(
        [
            route(
                to("all"),
                to("prefix", path("/orders")),
                to("tester", path("/", headers=[header("x", "1")])),
                to("exact", path("/orders", "Exact")),
            )
        ],
        [],
    )
    assert [
        found(rules, asked, x=x) for asked, x in (("/orders", "1"), ("/orders/1", "1"), ("/", "1"), ("/", "2"))
    ] == [
        "exact",
        "prefix",
        "tester",
        "all",
    ]


def test_a_route_of_another_host_is_not_for_this_request() -> None:
    rules = rules_of([route(to("s"), hostnames=("a.example", "*.b.example"))], [])
    hosts = ("a.example", "a.example:8080", "x.b.example", "b.example", "aXexample")
    assert [found(rules, host=host) for host in hosts] == ["s", "s", "s", "", ""]


def test_a_canary_takes_by_header_before_cookie_before_weight() -> None:
    canary = ingress("new", on="true", on_by_header="X-Canary", on_by_cookie="canary", on_weight="0", name="canary")
    rules = rules_of([], [ingress("old"), canary])
    assert found(rules) == "old" and rules[-1].shares == (("old", 100), ("new", 0))
    assert found(rules, x_canary="always") == "new"
    assert found(rules, x_canary="never", cookie="canary=always") == "old"
    assert found(rules, x_canary="else", cookie="a=b; canary=always") == "new"
    assert found(rules, cookie="canary=never") == "old"


def test_a_canary_with_a_header_value_asks_for_that_value() -> None:
    canary = ingress(
        "new", on="true", on_by_header="X-Canary", on_by_header_value="me", on_weight_total="10", on_weight="1"
    )
    rules = rules_of([], [ingress("old"), canary])
    assert [found(rules, x_canary=value) for value in ("me", "always")] == ["new", "old"]
    assert rules[-1].shares == (("old", 9), ("new", 1))


def test_a_canary_without_its_main_ingress_is_ignored() -> None:
    assert rules_of([], [ingress("new", on="true", on_weight="50")]) == ()


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"filters": [{"type": "URLRewrite"}]}, "URLRewrite"),
        ({"matches": [path("/", headers=[header("cookie", "(", "RegularExpression")])]}, "no regular expression"),
        ({}, ""),
    ],
)
def test_what_the_gateway_cannot_follow_it_refuses(rule: Object, reason: str) -> None:
    assert reason in refusal(route(rule)) and bool(refusal(route(rule))) is bool(reason)


@pytest.mark.parametrize(
    ("shares", "dealt"),
    [
        ((("a", 90), ("b", 10)), [(0, 899, "a"), (900, 999, "b")]),
        ((("a", 1), ("b", 0)), [(0, 999, "a")]),
        ((("a", 1), ("b", 1), ("c", 1)), [(0, 332, "a"), (333, 665, "b"), (666, 999, "c")]),
        ((("a", 0),), []),
        ((("a", 1000000), ("b", 1)), [(0, 998, "a"), (999, 999, "b")]),
    ],
)
def test_every_cell_is_dealt_once(shares: tuple[tuple[str, int], ...], dealt: list[tuple[int, int, str]]) -> None:
    assert cells(shares) == dealt


def test_the_lines_of_both_maps_belong_together() -> None:
    rules = rules_of([route(to("a", path("/a b")), to("b"))], [])
    heads, shares = pairs(rules, {"a": "pool_1", "b": "order_service"}, 0)
    assert [head.count(" ") for head in heads] == [1, 1]
    assert [head.rpartition(" ")[2] for head in heads] == ["1000", "2000"]
    assert shares == ["1000:1999 pool_1", "2000:2999 order_service"]


# --- under load


class Side:
    """Machines of one side: they say whose they are."""

    def __init__(self, host: str, port: int, name: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.send_header("X-Side", name)
                self.end_headers()
                self.wfile.write(name.encode())

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass  # HAProxy looks whether it answers, and hangs up

        self.server = Quiet((host, port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@dataclass(frozen=True)
class Lane:
    """The range's API and gateway, with the machines of both sides behind Services without a selector."""

    plan: Plan
    world: World

    def clients(self, kind: str, **knob: Any) -> Clients:
        return self.world.clients(kind, {"header": "X-Tester"}, **knob)

    def ask(self, **headers: str) -> str:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        with urllib.request.urlopen(urllib.request.Request(self.plan.gateway.url, headers=named), timeout=60) as answer:
            assert answer.headers["X-Side"] == answer.read().decode()
            return str(answer.headers["X-Side"])


@contextmanager
def _process(argv: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(argv, cwd=project_root(), stdout=output, stderr=output, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _service(world: World, name: str, hosts: list[str], port: int) -> None:
    base = f"/api/v1/namespaces/{world.namespace}/services"
    head = {"metadata": {"name": name, "namespace": world.namespace}}
    ports = [{"port": 80, "targetPort": port}]
    world.ask("POST", base, {"apiVersion": "v1", "kind": "Service", **head, "spec": {"ports": ports}})
    head["metadata"]["labels"] = {"kubernetes.io/service-name": name}  # type: ignore[assignment]
    found = {"addressType": "IPv4", "ports": [{"port": port}], "endpoints": [{"addresses": [host]} for host in hosts]}
    path = f"/apis/discovery.k8s.io/v1/namespaces/{world.namespace}/endpointslices"
    world.ask("POST", path, {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", **head, **found})


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    root = tmp_path_factory.mktemp("lane")
    haproxy = prepare(project_root())["haproxy"]
    with claim("routes", root) as plan, ExitStack() as stack:
        plans.save(plan)
        argv = [str(haproxy.binary), "-db", "-f", str(write_config(plan))]
        stack.enter_context(_process(argv, root / "haproxy.log", dict(haproxy.environment)))
        module = [sys.executable, "-u", "-m"]
        stack.enter_context(_process([*module, "sandbox.kubernetes", "--plan", str(plan.file)], root / "api.log"))
        stack.enter_context(_process([*module, "sandbox.gateway", "--plan", str(plan.file)], root / "gateway.log"))
        port = plan.ports.order_service
        old, new = [address.host for address in plan.legacy.values()], [plan.pod_host(n) for n in range(2)]
        for host, name in (*((host, "legacy") for host in old), *((host, "kubernetes") for host in new)):
            stack.callback(Side(host, port, name).server.shutdown)
        _await((root / "api.log"), "http://")
        world = World(write_kubeconfig(root / "kubeconfig", plan.kubernetes_api.url), "shop", None)
        api = config.new_client_from_config(str(world.kubeconfig))
        world = World(world.kubeconfig, "shop", api)
        world.ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        _service(world, "machines", old, port)
        _service(world, "order-service", new, port)
        yield Lane(plan, world)


def _await(log: Path, word: str) -> None:
    deadline = time.monotonic() + 60
    while word not in (log.read_text() if log.exists() else ""):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def within_sampling_error(seen: Counter[str], asked: int) -> None:
    """Five standard deviations of as many draws: one run in a million is outside by chance."""
    total, share = seen.total(), asked / 100
    observed = seen["kubernetes"] / total
    allowed = 5 * math.sqrt(max(share * (1 - share), 1e-9) / total)
    assert abs(observed - share) <= allowed, f"asked {asked} %, seen {100 * observed:.1f} % of {total}"


def http_route(*rules: Object) -> Object:
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "orders"}}
    return {**head, "spec": {"parentRefs": [{"name": "shop", "namespace": "gateway"}], "rules": list(rules)}}


BOTH = {"backendRefs": [{"name": "machines", "weight": 100}, {"name": "order-service", "weight": 0}]}
SIDES = {"legacy": "machines", "kubernetes": "order-service"}


@pytest.fixture
def routed(lane: Lane, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane]:
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    lane.world.create(http_route(BOTH))
    until(lambda: bool(lane.world.get("HTTPRoute").get("status")))
    yield lane
    lane.world.delete("HTTPRoute")


@pytest.mark.range
def test_an_http_route_splits_as_asked_and_loses_nobody(routed: Lane) -> None:
    asked = routed.clients("http-route", **SIDES)
    assert knob.read_weight(asked) == 0
    with load(routed.plan.gateway.url) as users:
        assert set(users.sides(100)) == {"legacy"}
        for weight in (5, 50, 100):
            assert knob.shift(asked, weight).done
            within_sampling_error(users.sides(400), weight)
        assert knob.shift(asked, 0).done
        knob.admit(asked, testers=True)
        assert set(users.sides(200)) == {"legacy"}
        assert {routed.ask(x_tester="always") for _ in range(5)} == {"kubernetes"}
        knob.admit(asked, testers=False)
        assert routed.ask(x_tester="always") == "legacy"
    assert users.failed == []


@pytest.mark.range
def test_testers_with_a_cookie_get_in_where_the_gateway_takes_regular_expressions(routed: Lane) -> None:
    asked = routed.world.clients("http-route", {"cookie": "tester"}, **SIDES)
    assert knob.admit(asked, testers=True).done
    assert routed.ask(cookie="a=b; tester=always") == "kubernetes"
    assert routed.ask(cookie="tester=alwaysnot") == "legacy"
    assert knob.admit(asked, testers=False).done


@pytest.mark.range
def test_a_route_to_a_service_that_is_not_there_is_put_back(routed: Lane) -> None:
    spec = routed.world.get("HTTPRoute")["spec"]
    before = copy.deepcopy(spec)
    refs = spec["rules"][0]["backendRefs"]
    refs[0]["weight"], refs[1]["weight"] = 90, 10
    refs.append({"name": "nobody", "weight": 0})
    with pytest.raises(ChangeFailed, match=r"BackendNotFound: there is no Service nobody\); it is as it was, 0 %"):
        knob.restore(routed.clients("http-route", **SIDES), {"spec": spec})
    assert routed.world.get("HTTPRoute")["spec"] == before


@pytest.mark.range
def test_a_canary_ingress_splits_as_asked_and_loses_nobody(
    lane: Lane, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
    lane.world.create({**head, **ingress("machines", name="main")})
    lane.world.create({**head, **ingress("order-service", name="orders", on="true")})
    until(lambda: lane.ask() == "legacy")
    asked = lane.clients("ingress-canary")
    with load(lane.plan.gateway.url) as users:
        first = knob.shift(asked, 10)
        assert ingress_canary.ARCHIVED in first.note
        until(lambda: users.sides(100)["kubernetes"] > 0)
        within_sampling_error(users.sides(400), 10)
        assert knob.shift(asked, 50).note == ""
        until(lambda: users.sides(100)["kubernetes"] > 30)
        within_sampling_error(users.sides(400), 50)
        knob.shift(asked, 0)
        until(lambda: set(users.sides(20)) == {"legacy"})
        knob.admit(asked, testers=True)
        until(lambda: lane.ask(x_tester="always") == "kubernetes")
        assert set(users.sides(100)) == {"legacy"}
    assert users.failed == []
    for name in ("orders", "main"):
        lane.world.delete("Ingress", name)


@pytest.mark.range
def test_a_haproxy_that_forgot_its_rules_is_told_them_again(routed: Lane, until: Until) -> None:
    knob.shift(routed.clients("http-route", **SIDES), 100)
    assert routed.ask() == "kubernetes"
    runtime = Runtime(routed.plan.gateway_socket)
    runtime.fill("rules", [])
    runtime.fill("shares", [])
    until(lambda: bool(runtime.map("rules")) and len(runtime.map("shares")) == 1)
    assert routed.ask() == "kubernetes"


@pytest.mark.range
def test_without_routes_everything_goes_to_the_order_service(lane: Lane, until: Until) -> None:
    until(lambda: lane.ask() == "kubernetes")
    assert {lane.ask(x_tester="always") for _ in range(5)} == {"kubernetes"}
