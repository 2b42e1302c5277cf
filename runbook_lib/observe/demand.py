"""What an autoscaler is laid out by: the old side's busiest hours, the CPU of one Pod, and what stands now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import requests
from kubernetes.utils.quantity import parse_quantity

from runbook_lib.errors import CriterionFailed, Unreachable
from runbook_lib.judge.autoscaling import Demand, Standing
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.metrics import query
from runbook_lib.observe.old_side.legacy import HISTORY, looks, request_rate
from runbook_lib.sections import Metrics

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect


def demand(prometheus: PrometheusConnect, metrics: Metrics, within: timedelta = HISTORY) -> Demand | None:
    """Requests a second of the whole old side at its peak and in the middle; None where Prometheus has none."""
    rate, both = request_rate(metrics), looks(metrics, within)
    close, far = (_one(prometheus, f"max_over_time(({rate})[{length}s:{step}s])") for length, step in both)
    length, step = both[-1]
    usual = _one(prometheus, f"quantile_over_time(0.5, ({rate})[{length}s:{step}s])")
    seen = _one(prometheus, f"count_over_time(({rate})[{length}s:{step}s])")
    peak = max((value for value in (close, far) if value is not None), default=None)
    if peak is None:
        return None
    span = timedelta(seconds=round((seen or 0) * step))
    return Demand(peak, peak if usual is None else usual, f"seen over {span}" if seen else "seen in the last hour")


def cpu_samples(
    prometheus: PrometheusConnect, series: str, label: str, pod: str, seconds: float, at: datetime
) -> list[tuple[datetime, float]]:
    """A Pod's counter of CPU seconds at the moments of its scrapes, its containers added up. Raises Unreachable."""
    text = f"{series}[{max(1, round(seconds))}s]"
    try:
        found: list[Any] = prometheus.custom_query(text, params={"time": str(at.timestamp())})
        lines = [one["values"] for one in found if one["metric"].get(label) == pod]
    except (requests.RequestException, KeyError, TypeError, ValueError):
        raise Unreachable(f"Prometheus does not tell {text!r}; the CPU of {pod} is not known") from None
    columns = [np.array(line, dtype=float) for line in lines if len(line) > 1]
    if not columns:
        return []
    moments = columns[0][:, 0]
    total = sum(np.interp(moments, column[:, 0], column[:, 1]) for column in columns)
    return [(datetime.fromtimestamp(float(m), UTC), float(v)) for m, v in zip(moments, total, strict=True)]


def standing(cluster: Cluster, live: Object) -> Standing:
    """The Deployment's replicas and CPU request, and its autoscaler where there is one that may be read."""
    name, spec = live["metadata"]["name"], live["spec"]
    try:
        found = cluster.all("autoscaling/v2", "HorizontalPodAutoscaler")
    except CriterionFailed:  # it may not be listed: then the Deployment's own number counts
        found = []
    mine = [one for one in found if one["spec"].get("scaleTargetRef", {}).get("name") == name]
    replicas, cores = int(spec.get("replicas", 1)), requested(spec["template"]["spec"], "cpu")
    if not mine:
        return Standing(replicas, cores)
    scaler = mine[0]["spec"]
    targets = [(m.get("resource") or {}) for m in scaler.get("metrics") or []]
    cpu = [(one.get("target") or {}).get("averageUtilization") for one in targets if one.get("name") == "cpu"]
    bounds = (scaler.get("minReplicas", 1), scaler["maxReplicas"])
    return Standing(replicas, cores, mine[0]["metadata"]["name"], *bounds, cpu[0] if cpu else None)


def requested(spec: Object, kind: str) -> float | None:
    """What all containers of a Pod request together, in cores or bytes; None where one requests nothing.

    Then neither its utilisation nor what it costs is known.
    """
    asked = [((c.get("resources") or {}).get("requests") or {}).get(kind) for c in spec["containers"]]
    return None if None in asked else float(sum(parse_quantity(one) for one in asked))


def _one(prometheus: PrometheusConnect, text: str) -> float | None:
    found = query(prometheus, text)
    return found[0][1] if len(found) == 1 else None
