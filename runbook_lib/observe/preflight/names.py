"""Names that users and the gateway go by, resolved from here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from urllib.parse import urlsplit

from runbook_lib.judge.preflight.around import GATEWAY
from runbook_lib.judge.preflight.seen import Name
from runbook_lib.observe.cluster import Object
from runbook_lib.parameters import Parameters

PATIENCE = 5.0  # seconds for all names together
Resolver = Callable[[str], tuple[str, ...]]


def resolve(name: str) -> tuple[str, ...]:
    """The addresses of a name, as programs here get them; OSError when there are none."""
    return tuple(sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}))


def names(p: Parameters, objects: Iterable[Object], resolver: Resolver = resolve) -> tuple[Name, ...]:
    """Where the new side answers, where users come in, the old machines; hostnames of routes may come later."""
    wanted = {_host(p.kubernetes.gateway): (GATEWAY, True), _host(p.traffic.entrance): ("traffic.entrance", True)}
    for instance in p.legacy.instances:
        wanted.setdefault(_host(instance.url), (f"legacy {instance.name}", True))
    for item in objects:
        for host in _hostnames(item):
            wanted.setdefault(host, (f"{item['kind']}/{item['metadata']['name']}", False))
    return _looked_up([(host, *why) for host, why in wanted.items() if host and "*" not in host], resolver)


def _host(url: str) -> str:
    return urlsplit(url if "//" in url else f"//{url}").hostname or ""


def _hostnames(item: Object) -> list[str]:
    spec = item.get("spec") or {}
    if item["kind"] == "Ingress":
        return [rule["host"] for rule in spec.get("rules") or [] if rule.get("host")]
    return list(spec.get("hostnames") or []) if item["kind"].endswith("Route") else []


def _looked_up(wanted: Sequence[tuple[str, str, bool]], resolver: Resolver) -> tuple[Name, ...]:
    """All at once: a resolver that is away makes nobody wait for each name by itself."""
    pool = ThreadPoolExecutor(max_workers=8)
    try:
        asked = [(pool.submit(resolver, host), host, used, needed) for host, used, needed in wanted]
        found = []
        for future, host, used, needed in asked:
            try:
                found.append(Name(host, used, future.result(PATIENCE), needed))
            except TooLate:
                found.append(Name(host, used, (), needed, "no answer in time"))
            except OSError as error:
                found.append(Name(host, used, (), needed, str(error.strerror or error)))
        return tuple(found)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
