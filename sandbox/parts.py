"""The parts of a range: what each is started with, where it answers, and how it is asked whether it does."""

from __future__ import annotations

import http.client
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import nginx, prometheus, redis
from sandbox.plan import Address, Plan, project_root
from sandbox.tools import Tool

PATIENCE = 1.0
A_WHILE, A_DAY = 900, 86_400  # seconds that the load lasts


@dataclass(frozen=True)
class Part:
    """One process; `answers` raises OSError or HTTPException, or is False, while it does not answer."""

    name: str
    argv: tuple[str, ...]
    addresses: tuple[Address, ...]
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    # A part that holds state or counts in memory is not restarted: they would be gone without a word.
    restarted: bool = True


def health(part: Part) -> str:
    """Empty when the part answers, else why it does not."""
    try:
        return "" if part.answers() else "answers, but not as it should"
    except http.client.HTTPException as error:
        return f"answers no HTTP ({error!r})"
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def http_answers(address: Address, path: str) -> Callable[[], bool]:
    """Asks a path for a status below 400."""

    def ask() -> bool:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < 400
        finally:
            connection.close()

    return ask


def listens(address: Address) -> Callable[[], bool]:
    """Asks whether somebody accepts connections there."""

    def ask() -> bool:
        with socket.create_connection((address.host, address.port), timeout=PATIENCE):
            return True

    return ask


def _haproxy_answers(plan: Plan) -> Callable[[], bool]:
    def ask() -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(plan.gateway_socket))
            connection.sendall(b"show info\n")
            return connection.recv(64).startswith(b"Name: HAProxy")

    return ask


def _all_answer(asked: list[Callable[[], bool]]) -> Callable[[], bool]:
    return lambda: all(ask() for ask in asked)


def all_parts(
    plan: Plan, tools: Mapping[str, Tool], *, embedded: bool = True, rate: int | None = None, owned: bool = False
) -> list[Part]:
    """Every part of the range in the order in which it is started; `rate` is the load in requests a second.

    A range with an owner ends with it, and so do its users; without one they leave by themselves after a while.
    """
    parts = [_redis(plan, tools), *([_kubernetes(plan)] if embedded else []), *_legacy(plan)]
    parts += [_haproxy(plan, tools), *([_gateway(plan)] if embedded else [])]
    parts += [_front(plan, tools), _prometheus(plan, tools), _node_exporter(plan, tools)]
    return parts + ([_load(plan, rate, A_DAY if owned else A_WHILE)] if rate else [])


def _redis(plan: Plan, tools: Mapping[str, Tool]) -> Part:
    tool = tools["redis-server"]
    argv = (str(tool.binary), str(plan.part("redis") / "redis.conf"))
    return Part("redis", argv, (plan.redis,), lambda: redis.answers(plan.redis, PATIENCE), tool.environment)


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)


def _python() -> dict[str, str]:
    path = os.pathsep.join([str(project_root()), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _kubernetes(plan: Plan) -> Part:
    answers = [
        http_answers(plan.kubernetes_api, "/readyz"),
        http_answers(plan.kubelet, "/metrics/cadvisor"),
        http_answers(plan.state_metrics, "/sd/pods"),
    ]
    return Part(
        "kubernetes",
        _module("sandbox.kubernetes", "--plan", str(plan.file)),
        (plan.kubernetes_api, plan.kubelet, plan.state_metrics),
        _all_answer(answers),
        _python(),
        restarted=False,
    )


def machine_environment(plan: Plan, instance: str) -> dict[str, str]:
    """What the service of one virtual machine is configured with, as its unit's EnvironmentFile tells."""
    address = plan.legacy[instance]
    return {
        "BIND_ADDRESS": address.host,
        "PORT": str(address.port),
        "SIDE": "legacy",
        "INSTANCE": instance,
        "ORDERS_DATABASE": plan.orders_database_url,
        "REDIS_URL": plan.redis_url,
        "FAULTS_FILE": str(plan.faults),
        "DRAIN_SECONDS": "1",
        "STOP_SECONDS": "8",
        "TZ": "Etc/UTC",
    }


def _legacy(plan: Plan) -> list[Part]:
    return [
        Part(
            instance,
            _module("sandbox.order_service"),
            (address,),
            http_answers(address, "/ready"),
            _python() | machine_environment(plan, instance),
        )
        for instance, address in plan.legacy.items()
    ]


def _haproxy(plan: Plan, tools: Mapping[str, Tool]) -> Part:
    tool = tools["haproxy"]
    argv = (str(tool.binary), "-db", "-f", str(plan.part("haproxy") / "haproxy.cfg"))
    return Part("haproxy", argv, (plan.gateway,), _haproxy_answers(plan), tool.environment)


def _gateway(plan: Plan) -> Part:
    argv = _module("sandbox.gateway", "--plan", str(plan.file))
    return Part("gateway", argv, (), lambda: True, _python())


def _front(plan: Plan, tools: Mapping[str, Tool]) -> Part:
    tool = tools["nginx"]
    argv = (str(tool.binary), *nginx.arguments(plan), "-g", "daemon off;")
    return Part("nginx", argv, (plan.front,), listens(plan.front), tool.environment)


def _prometheus(plan: Plan, tools: Mapping[str, Tool]) -> Part:
    tool = tools["prometheus"]
    argv = (str(tool.binary), *prometheus.arguments(plan))
    environment = tool.environment | {"GOMAXPROCS": "1"}
    return Part("prometheus", argv, (plan.prometheus,), http_answers(plan.prometheus, "/-/ready"), environment)


def _node_exporter(plan: Plan, tools: Mapping[str, Tool]) -> Part:
    tool = tools["node_exporter"]
    addresses = tuple(plan.node_exporters.values())
    argv = (str(tool.binary), *prometheus.node_exporter_arguments(plan))
    answers = _all_answer([listens(address) for address in addresses])
    return Part("node-exporter", argv, addresses, answers, tool.environment | {"GOMAXPROCS": "1"})


def _load(plan: Plan, rate: int, seconds: int) -> Part:
    argv = _module("sandbox.load", "--plan", str(plan.file), "--rate", str(rate), "--seconds", str(seconds))
    return Part("load", argv, (), lambda: Path(plan.load_total).exists(), _python(), restarted=False)
