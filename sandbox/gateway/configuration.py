"""haproxy.cfg: empty slots and maps that the follower fills by the runtime API, so that nothing is ever reloaded.

A request's head is looked up in one map for its rule, a cell of that rule is drawn, and a second map says which backend
the cell belongs to. While both maps are empty everything goes to the order service.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from sandbox.gateway.routing import CELLS
from sandbox.plan import Plan

BACKEND = "order_service"
SLOTS = 64
POOLS = tuple(f"pool_{number}" for number in range(1, 7))
"""Backends for whatever other Services routes name."""
POOL_SLOTS = 16
NAMESPACE = "shop"
SERVICE = "order-service"

CONFIGURATION = Template("""\
# The gateway of the Kubernetes side. Written by the practice range; the follower fills the slots while it runs.
global
    stats socket $socket mode 600 level admin
    stats timeout 1h
    maxconn 4096
    nbthread 1
    log stdout format raw local0
    hard-stop-after 10s

defaults
    mode http
    log global
    # Only what went wrong is worth a line.
    option dontlog-normal
    option httplog
    timeout connect 1s
    timeout client 310s
    # The client side (nginx) gives an idle connection up first, so no request runs into a closed one.
    timeout http-keep-alive 310s
    timeout http-request 10s
    timeout server 60s
    timeout queue 2s
    # Another Pod is tried at once when a connection cannot be made; a request that was sent is never sent twice.
    retries 3
    option redispatch 1
    retry-on conn-failure

frontend users
    bind $gateway
    # Also on answers that HAProxy gives itself, when no Pod is ready.
    http-after-response set-header X-Side kubernetes unless { res.hdr(X-Side) -m found }
    http-request set-var(txn.path) pathq
    http-request set-var(txn.headers) req.hdrs
    http-request set-var(txn.head) "method,concat(' ',txn.path,'\\n'),concat('',txn.headers)"
    http-request set-var(txn.rule) "var(txn.head),map_reg_int($folder/rules.map,-$cells)"
    http-request set-var(txn.cell) rand($cells),add(txn.rule)
    # a rule whose Services have no weight has no cell: then nobody answers
    use_backend "%[var(txn.cell),map_int($folder/shares.map,nobody)]" if { var(txn.rule) -m int gt 0 }
    default_backend $backend

backend nobody
    http-request return status 503

backend $backend
    balance roundrobin
    http-reuse safe
    server-template pod 1-$slots $somewhere disabled
$pools""")

POOL = """
backend {name}
    balance roundrobin
    http-reuse safe
    server-template pod 1-{slots} {somewhere} disabled
"""


def folder(plan: Plan) -> Path:
    """Where the gateway's files are."""
    return plan.part("haproxy")


def config_file(plan: Plan) -> Path:
    """The file that HAProxy is started with."""
    return folder(plan) / "haproxy.cfg"


def map_file(plan: Plan, name: str) -> Path:
    """`rules` or `shares`; empty on the disk, filled by the follower."""
    return folder(plan) / f"{name}.map"


def write_config(plan: Plan) -> Path:
    """Write haproxy.cfg with every slot and map empty, and return where it is."""
    folder(plan).mkdir(parents=True, exist_ok=True)
    somewhere = f"{plan.pod_host(0)}:{plan.ports.order_service}"
    for name in ("rules", "shares"):
        map_file(plan, name).write_text("")
    text = CONFIGURATION.substitute(
        socket=str(plan.gateway_socket).replace(" ", "\\ "),
        folder=str(folder(plan)).replace(" ", "\\ "),
        gateway=plan.gateway,
        backend=BACKEND,
        slots=SLOTS,
        cells=CELLS,
        somewhere=somewhere,
        pools="".join(POOL.format(name=name, slots=POOL_SLOTS, somewhere=somewhere) for name in POOLS),
    )
    config_file(plan).write_text(text, encoding="utf-8")
    return config_file(plan)
