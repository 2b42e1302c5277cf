"""haproxy.cfg: empty slots that the follower fills by the runtime API, so that nothing is ever reloaded."""

from __future__ import annotations

from pathlib import Path
from string import Template

from sandbox.plan import Plan

BACKEND = "order_service"
SLOTS = 64
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
    http-after-response set-header X-Side kubernetes
    default_backend $backend

backend $backend
    balance roundrobin
    http-reuse safe
    server-template pod 1-$slots $somewhere disabled
""")


def folder(plan: Plan) -> Path:
    """Where the gateway's files are."""
    return plan.part("haproxy")


def config_file(plan: Plan) -> Path:
    """The file that HAProxy is started with."""
    return folder(plan) / "haproxy.cfg"


def write_config(plan: Plan) -> Path:
    """Write haproxy.cfg with every slot empty, and return where it is."""
    folder(plan).mkdir(parents=True, exist_ok=True)
    text = CONFIGURATION.substitute(
        socket=str(plan.gateway_socket).replace(" ", "\\ "),
        gateway=plan.gateway,
        backend=BACKEND,
        slots=SLOTS,
        somewhere=f"{plan.pod_host(0)}:{plan.ports.order_service}",
    )
    config_file(plan).write_text(text, encoding="utf-8")
    return config_file(plan)
