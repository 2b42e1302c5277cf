"""The front nginx that users come in through: the file that the runbook edits, and how it is tested and reloaded."""

from __future__ import annotations

import grp
import os
from pathlib import Path
from string import Template

from sandbox.plan import Plan

CONFIGURATION = Template("""\
# The front of the order service. Users come in here; the runbook edits the split below and nothing else.
${user}worker_processes 1;
worker_shutdown_timeout 10s;
pid "$folder/nginx.pid";
error_log "$folder/error.log" notice;

events {
    worker_connections 4096;
}

http {
    log_format requests escape=json '{"at":$$msec,"method":"$$request_method","path":"$$uri","status":$$status,'
        '"side":"$$order_service_side","upstream":"$$upstream_addr","seconds":$$request_time}';
    access_log "$folder/access.log" requests buffer=32k flush=1s;

    client_body_temp_path "$folder/temporary/body";
    proxy_temp_path "$folder/temporary/proxy";
    fastcgi_temp_path "$folder/temporary/fastcgi";
    uwsgi_temp_path "$folder/temporary/uwsgi";
    scgi_temp_path "$folder/temporary/scgi";

    # A client keeps its connection: at the usual 1000 requests it would lose one now and then.
    keepalive_requests 1000000;
    keepalive_timeout 300s;

    # Which side answers a request: the share of each.
    split_clients "$$request_id" $$order_service_side {
        * legacy;
    }

    # An idle connection is given up before the other end does, so that no order is sent into a closed one.
    upstream legacy {
$legacy        keepalive 32;
        keepalive_requests 1000000;
        keepalive_timeout 20s;
    }

    upstream kubernetes {
        server $gateway;
        keepalive 32;
        keepalive_requests 1000000;
        keepalive_timeout 20s;
    }

    include conf.d/*.conf;

    server {
        listen $front;

        location / {
            proxy_pass http://$$order_service_side;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $$host;
            proxy_set_header X-Forwarded-For $$proxy_add_x_forwarded_for;
            proxy_set_header X-Request-ID $$request_id;
            proxy_connect_timeout 2s;
            proxy_read_timeout 30s;
            # Another server is tried where a connection failed; never for an order that was sent already.
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 2;
        }
    }
}
""")

# Bytes: about ten minutes of the usual load, and never more than twice that on the disk.
LARGEST_LOG = 30_000_000

REFUSED = "# The fault reload_refused is on.\nthis_directive_does_not_exist;\n"


def configuration(plan: Plan) -> str:
    """nginx.conf with every user on the legacy side."""
    servers = "".join(f"        server {address};\n" for address in plan.legacy.values())
    # As root nginx would hand its work to a user who cannot write into the range's folder.
    user = f"user root {grp.getgrgid(0).gr_name};\n" if os.geteuid() == 0 else ""
    return CONFIGURATION.substitute(
        user=user, folder=plan.part("nginx"), legacy=servers, gateway=plan.gateway, front=plan.front
    )


def write(plan: Plan) -> None:
    """Lay out nginx' folder."""
    folder = plan.part("nginx")
    for part in ("conf.d", "temporary"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").write_text(configuration(plan))


def arguments(plan: Plan) -> tuple[str, ...]:
    """What every call of nginx begins with, be it a start, a test or a reload."""
    folder = plan.part("nginx")
    return ("-p", f"{folder}/", "-c", f"{folder / 'nginx.conf'}", "-e", f"{folder / 'error.log'}")


def refuse_reload(plan: Plan, refused: bool) -> None:
    """Put a broken file among the configuration, or take it away."""
    broken: Path = plan.part("nginx") / "conf.d" / "refused.conf"
    if refused and not broken.exists():
        broken.write_text(REFUSED)
    elif not refused:
        broken.unlink(missing_ok=True)


def rotate(plan: Plan) -> bool:
    """Move a grown access log aside, over the one before; True when nginx is then to be sent SIGUSR1."""
    log = plan.part("nginx") / "access.log"
    if not log.exists() or log.stat().st_size < LARGEST_LOG:
        return False
    log.replace(log.with_suffix(".log.1"))
    return True
