"""Prometheus' HTTP API as far as the runbooks ask it, with the counters that a test sets."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from prometheus_api_client import PrometheusConnect
from requests.adapters import Retry

Sample = tuple[dict[str, str], float | str]


@dataclass
class FakePrometheus:
    """``samples`` by metric name, ``answers`` by expression; ``reply`` replaces every answer by (status, body)."""

    url: str = ""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    before: dict[str, list[Sample]] = field(default_factory=dict)
    """What was last known of series that were not scraped."""
    reply: tuple[int, str] | None = None
    age: float = 0
    """Seconds since the last scrape."""
    takes: float = 0
    """Seconds until it answers."""
    asked: list[dict[str, str]] = field(default_factory=list)

    def connect(self, timeout: float = 2) -> PrometheusConnect:
        return PrometheusConnect(self.url, timeout=timeout, retry=Retry(0, read=False))

    def serve(self, side: str, instance: str, requests: float, bad: float = 0, slow: float = 0) -> None:
        """What an instance has counted in its life; a Pod is an instance whose name begins with pod."""
        labels = {"instance": instance, "pod": instance if instance.startswith("pod") else "", "runbook_side": side}
        labels = {key: value for key, value in labels.items() if value}
        counters: dict[str, list[Sample]] = {
            "http_requests_total": [({**labels, "status": "200"}, requests - bad), ({**labels, "status": "503"}, bad)],
            "http_request_duration_seconds_bucket": [({**labels, "le": "0.5"}, requests - slow)],
            "http_request_duration_seconds_count": [(labels, requests)],
        }
        self.vanish(instance)
        for name, series in counters.items():
            self.samples.setdefault(name, []).extend(series)

    def vanish(self, instance: str) -> None:
        for name, series in self.samples.items():
            self.samples[name] = [(labels, value) for labels, value in series if labels["instance"] != instance]

    def evaluate(self, query: str, moment: str = "0") -> Any:
        if query in self.answers:
            return self.answers[query]
        if "timestamp(" in query:
            served = {labels["runbook_side"] for labels, _ in self.samples.get("http_requests_total", [])}
            return _vector([({"runbook_side": side}, float(moment) - self.age) for side in sorted(served)])
        if query.startswith("group by (le)"):
            found = self.samples.get("http_request_duration_seconds_bucket", [])
            return _vector([({"le": le}, 1) for le in sorted({labels["le"] for labels, _ in found})])
        names = set(re.findall(r"\((\w+)\{", query))
        kept = self.before if "last_over_time" in query else self.samples
        found = [sample for name in names for sample in kept.get(name, [])]
        return _vector([({k: v for k, v in labels.items() if k != "le"}, value) for labels, value in found])


def _vector(samples: list[Sample]) -> list[dict[str, Any]]:
    return [{"metric": labels, "value": [1.0, str(value)]} for labels, value in samples]


@contextmanager
def serving() -> Iterator[FakePrometheus]:
    """A fake on a free port of 127.0.0.1."""
    fake = FakePrometheus()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            fake.asked.append(asked)
            result = fake.evaluate(asked["query"], asked.get("time", "0"))
            time.sleep(fake.takes)
            status, body = fake.reply or (200, json.dumps({"status": "success", "data": {"result": result}}))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
