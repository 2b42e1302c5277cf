"""What Prometheus scrapes: requests of users (no probes, no scrapes) and the process itself."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

# Seconds; fine from 5 to 500 ms, where a service like this lives and where its limit stands.
BUCKETS = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5)
# A label for every path that a stranger thinks of would fill Prometheus.
PATHS = frozenset({"/orders", "/login"})
USUAL = (("GET", "/orders", 200), ("POST", "/orders", 201), ("POST", "/login", 200))
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Metrics:
    """Counts and times the requests of users."""

    def __init__(self) -> None:
        disable_created_metrics()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "http_requests", "Requests of users", ("method", "path", "status"), registry=self._registry
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time to answer users",
            ("method", "path"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}
        # A counter that appears with its first count has no increase: the usual ones, and the feared ones, start at 0.
        for method, path, usual in USUAL:
            for status in (usual, 500):
                self._counter(method, path, status)
            self._histogram(method, path)

    def observe(self, method: str, path: str, status: int, seconds: float) -> None:
        """One answered request; children are kept at hand because looking them up costs more than counting."""
        method = method if method in METHODS else "other"
        path = path if path in PATHS else "other"
        self._counter(method, path, status).inc()
        self._histogram(method, path).observe(seconds)

    def _counter(self, method: str, path: str, status: int) -> Counter:
        counter = self._counters.get((method, path, status))
        if counter is None:
            counter = self._counters[(method, path, status)] = self._requests.labels(method, path, str(status))
        return counter

    def _histogram(self, method: str, path: str) -> Histogram:
        histogram = self._histograms.get((method, path))
        if histogram is None:
            histogram = self._histograms[(method, path)] = self._durations.labels(method, path)
        return histogram

    def text(self) -> bytes:
        """The exposition format, as Prometheus asks for it."""
        return generate_latest(self._registry)
