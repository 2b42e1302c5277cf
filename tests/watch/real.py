"""A real Prometheus that scrapes counters which a test sets, every 200 ms, and can be killed and begun anew."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import requests
import yaml
from prometheus_api_client import PrometheusConnect

from runbook_lib.clients import Clients
from runbook_lib.parameters import check
from sandbox.plan import project_root
from sandbox.tools import prepare
from tests.watch.world import DEMO

SCRAPE = 0.2
BLIND = 1.0
PATIENCE = 60  # seconds


@dataclass
class Service:
    """What the instances count; ``silent`` ones refuse to be scraped."""

    counts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def serve(self, side: str, instance: str, good: int, bad: int = 0, slow: int = 0) -> None:
        """So many more requests; ``restart`` makes them count from zero."""
        now = self.counts.setdefault((side, instance), [0, 0, 0])
        self.counts[side, instance] = [now[0] + good, now[1] + bad, now[2] + slow]

    def restart(self, side: str, instance: str) -> None:
        self.counts[side, instance] = [0, 0, 0]

    def counted(self) -> dict[tuple[str, str], list[int]]:
        """A copy, made at once: the test goes on counting while Prometheus reads."""
        return self.counts.copy()

    def page(self) -> str:
        lines = []
        for (side, instance), (good, bad, slow) in self.counted().items():
            if instance in self.silent:
                continue
            who = f'runbook_side="{side}",instance="{instance}"'
            total = good + bad
            lines += [
                f'http_requests_total{{{who},status="200"}} {good}',
                f'http_requests_total{{{who},status="500"}} {bad}',
                f'http_request_duration_seconds_bucket{{{who},le="0.5"}} {total - slow}',
                f'http_request_duration_seconds_bucket{{{who},le="+Inf"}} {total}',
                f"http_request_duration_seconds_count{{{who}}} {total}",
            ]
        return "\n".join(lines) + "\n"


@dataclass
class Real:
    """The Prometheus; ``url`` stays the same over restarts."""

    service: Service
    folder: Path
    port: int
    target: int
    running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = prepare(project_root())["prometheus"].binary
        (self.folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: {SCRAPE * 1000:.0f}ms, scrape_timeout: {SCRAPE * 1000:.0f}ms}}\n"
            "scrape_configs:\n- job_name: service\n  honor_labels: true\n"
            f"  static_configs: [{{targets: ['127.0.0.1:{self.target}']}}]\n"
        )
        command = [
            str(binary),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with (self.folder / "prometheus.log").open("ab") as log:
            self.running = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self, lose: bool = False) -> None:
        """Kill it; with ``lose`` what it had stored is gone, too."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None
        if lose:
            shutil.rmtree(self.folder / "data")

    def caught_up(self) -> None:
        """Wait until what the service counts now has been scraped."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException, KeyError, IndexError):
                answer = requests.get(
                    f"{self.url}/api/v1/query", {"query": "sum(http_requests_total)"}, timeout=1
                ).json()
                heard = float(answer["data"]["result"][0]["value"][1])
                counts = self.service.counted().items()
                if heard == sum(g + b for (_, who), (g, b, _) in counts if who not in self.service.silent):
                    return
            time.sleep(0.05)
        raise AssertionError("Prometheus did not scrape in time")

    def saw_all(self, seconds: float) -> bool:
        """Whether no scrape of the last seconds failed or came late, as on a machine that is loaded."""
        query = {"query": f"up[{seconds * 1000:.0f}ms]"}
        answer = requests.get(f"{self.url}/api/v1/query", query, timeout=PATIENCE).json()
        scrapes = [(float(at), up) for found in answer["data"]["result"] for at, up in found["values"]]
        apart = [later - at for (at, _), (later, _) in pairwise(scrapes)]
        return all(up == "1" for _, up in scrapes) and max(apart, default=seconds) < BLIND / 2

    def clients(self, blind: float = BLIND) -> Clients:
        """Clients whose Prometheus this is; blind after so many seconds."""
        values = yaml.safe_load(DEMO.read_text())
        values["prometheus"] = {"url": self.url, "timeout": f"{PATIENCE}s"}
        values["metrics"] |= {
            "selectors": {side: f'runbook_side="{side}"' for side in ("legacy", "kubernetes")},
            "scrape": "200ms",
        }
        values["watch"] |= {"tick": "200ms", "blind": f"{blind:g}s"}
        return Clients(check(values, "a test"))

    def connect(self) -> PrometheusConnect:
        return self.clients().prometheus


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.contextmanager
def scraping(folder: Path) -> Iterator[Real]:
    """A Prometheus that has scraped the first counts of two machines and one Pod."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = service.page().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # it waits for no scrape longer than until the next
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    real = Real(service, folder, free_port(), server.server_port)
    try:
        service.serve("legacy", "vm-1", 5000, 5, 50)
        service.serve("legacy", "vm-2", 7000, 7, 70)
        service.serve("kubernetes", "pod-a", 100, 1, 2)
        real.start()
        real.caught_up()
        yield real
    finally:
        real.stop()
        server.shutdown()
        server.server_close()
        thread.join()
