"""Reads the figures of the acceptance report: the old side before any user left it, the new one since all are on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.artefacts import Host, Node
from runbook_lib.errors import CriterionFailed
from runbook_lib.judge.acceptance import Known, number
from runbook_lib.judge.profile import host_fact, place, processors
from runbook_lib.judge.retention import words
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.demand import requested
from runbook_lib.observe.inventory.facts import read_hosts
from runbook_lib.observe.inventory.usage import MIB, read_usage
from runbook_lib.observe.metrics import query
from runbook_lib.observe.workload.pods import pods
from runbook_lib.observe.workload.rollout import deployment
from runbook_lib.parameters import Parameters
from runbook_lib.sections import Kubernetes, Metrics

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from prometheus_api_client import PrometheusConnect

BEFORE = timedelta(weeks=2)
LONG = timedelta(days=1)
"""So much of the old side must be in Prometheus to count for more than the file that the assessment read."""
STEPS = 200  # of an average over time
SEEN = 0.5  # below such a share of its steps an average is no average


@dataclass(frozen=True)
class Window:
    """A time over which Prometheus is asked."""

    prometheus: PrometheusConnect
    since: datetime
    until: datetime

    @property
    def told(self) -> str:
        """How long it is, and when."""
        return f"Prometheus over {words(self.until - self.since)} to {self.until:%d %b %Y %H:%M}"

    @property
    def seconds(self) -> int:
        """How long it is, at least one."""
        return max(1, round((self.until - self.since).total_seconds()))

    def narrowed(self, series: str, scrape: timedelta) -> Window:
        """The end of it that was scraped: a short memory is not told as a long one.

        By the samples of the series that lived longest, or by the steps at which there was any: Pods come and go.
        """
        samples = self.one(f"max(count_over_time({series}[{self.seconds}s]))") or 0
        step = max(1, round(scrape.total_seconds()), round(self.seconds / 1000))
        steps = self.one(f"count_over_time((count({series}))[{self.seconds}s:{step}s])") or 0
        length = min(self.until - self.since, max(samples * scrape, steps * timedelta(seconds=step)))
        return Window(self.prometheus, self.until - length, self.until)

    def mean(self, text: str, scrape: timedelta) -> Known:
        """The average of an expression; nobody knows where less than half of it was seen."""
        step = max(1, round(scrape.total_seconds()), round(self.seconds / STEPS))
        inner = f"({text})[{self.seconds}s:{step}s]"
        value, seen = self.one(f"avg_over_time({inner})"), self.one(f"count_over_time({inner})")
        share = (seen or 0) * step / self.seconds
        if value is None or share < SEEN:
            return Known(None, f"{self.told} knows {min(share, 1):.0%} of it")
        return Known(value, self.told)

    def one(self, text: str) -> float | None:
        """A number, None where there is none or more than one."""
        found = query(self.prometheus, text, self.until)
        return found[0][1] if len(found) == 1 else None


def before(p: Parameters, stated: Node, prometheus: PrometheusConnect, moved: datetime | None) -> dict[str, Known]:
    """The old side: what people state of it, what its machines are, and what it used until the first user left it.

    What Prometheus does not have comes from the file of usage that the assessment read.
    """
    machines = len(p.legacy.instances)
    hosts = read_hosts(p.path(p.assessment.hosts)).hosts
    facts = f"facts of {len(hosts)} hosts x {machines} machines"
    found = {
        "hours": _hours(stated, "minutes_per_owner"),
        "release_minutes": _stated(stated, "releases", "minutes_before"),
        "success": _stated(stated, "releases", "success_rate"),
        "density": _stated(stated, "operations", "vms_per_host"),
        "cores_paid": _times(processors(hosts), machines, facts),
        "memory_paid": _times(_memory(hosts), machines, facts),
    }
    usage = _used_by_file(p, machines)
    if moved is None:
        return {**found, **usage}
    series = f"{p.metrics.requests}{{{p.metrics.selectors.legacy}}}"
    window = Window(prometheus, moved - BEFORE, moved).narrowed(series, p.metrics.scrape)
    measured = _measured(p.metrics, "legacy", window)
    short = window.until - window.since < LONG
    return {**found, **measured, **{k: v for k, v in usage.items() if short or measured[k].value is None}}


def after(
    p: Parameters,
    stated: Node,
    api: ApiClient,
    window: Window,
    drill: Mapping[str, Any],
    success: Known,
) -> dict[str, Known]:
    """The new side: what runs now, what was used in the window, and how long the pilot's drill took."""
    timed = "timed in the drill of the pilot deploy"
    release, undo = number(drill.get("release_seconds")), number(drill.get("seconds"))
    found = {
        "hours": _hours(stated, "minutes_per_owner_after"),
        "release_minutes": Known(None if release is None else release / 60, timed if release else "no drill on record"),
        "undo_seconds": Known(undo, timed if undo is not None else "no drill on record"),
        "success": success,
    }
    seen = window.narrowed(f"{p.metrics.requests}{{{p.metrics.selectors.kubernetes}}}", p.metrics.scrape)
    return {**found, **running(api, p.kubernetes), **_measured(p.metrics, "kubernetes", seen)}


def running(api: ApiClient, wanted: Kubernetes) -> dict[str, Known]:
    """The new side as it runs: the cores and bytes that its Pods ask for together, and how full their nodes are."""
    cluster = Cluster(api, wanted.namespace)
    living = [pod for pod in pods(cluster, wanted.deployment) if not pod.terminating]
    spec = deployment(cluster, wanted.deployment)["spec"]["template"]["spec"]
    return {
        "cores_paid": _asked(spec, "cpu", len(living)),
        "memory_paid": _asked(spec, "memory", len(living)),
        "density": _density(Cluster(api, ""), {pod.node for pod in living if pod.node}),
    }


def _asked(spec: dict[str, Any], kind: str, count: int) -> Known:
    """What the containers of so many Pods ask for together, in cores or bytes."""
    each = requested(spec, kind)
    if each is None or not count:
        return Known(None, "a container asks for none" if count else "no Pod runs")
    return Known(each * count, f"requests of {count} Pods now")


def _density(cluster: Cluster, nodes: set[str]) -> Known:
    """Pods a node, on the nodes where the application runs; all Pods that hold room there count."""
    try:
        everywhere = cluster.all("v1", "Pod")
    except CriterionFailed:
        return Known(None, "Pods of other namespaces may not be listed")
    held = [o for o in everywhere if (o.get("status") or {}).get("phase") in ("Pending", "Running")]
    there = [o for o in held if o["spec"].get("nodeName") in nodes]
    return Known(len(there) / len(nodes), f"Pods on {len(nodes)} nodes now") if nodes else Known(None, "no Pod runs")


def _measured(metrics: Metrics, side: str, window: Window) -> dict[str, Known]:
    """What a side used and what its users saw in a window."""
    selector = getattr(metrics.selectors, side)
    bad = f'{metrics.status_label}=~"{metrics.error_status}"'
    length = f"[{window.seconds}s]"
    failed = f"sum(increase({metrics.requests}{{{selector},{bad}}}{length})) or vector(0)"
    share = window.one(f"({failed}) / sum(increase({metrics.requests}{{{selector}}}{length}))")
    buckets = f"sum by (le) (increase({metrics.duration}_bucket{{{selector}}}{length}))"
    p99 = window.one(f"histogram_quantile(0.99, {buckets})")
    return {
        "cores_used": window.mean(getattr(metrics.cpu, side), metrics.scrape),
        "memory_used": window.mean(getattr(metrics.memory, side), metrics.scrape),
        "failed": Known(share, window.told),
        "p99": Known(p99, window.told),
    }


def _used_by_file(p: Parameters, machines: int) -> dict[str, Known]:
    if p.assessment.usage is None:
        nothing = Known(None, "assessment.usage names no file")
        return {"cores_used": nothing, "memory_used": nothing}
    path = p.path(p.assessment.usage)
    table = read_usage(path).table
    origin = f"{path.name}, {table['at'].min():%d %b} to {table['at'].max():%d %b %Y}"
    return {
        "cores_used": Known(float(table["cpu_cores"].mean()) * machines, origin),
        "memory_used": Known(float(table["memory_mib"].mean()) * MIB * machines, origin),
    }


def _hours(stated: Node, minutes: str) -> Known:
    """Physical hosts x VMs x owners x minutes x maintenances / 60, as those who moved 3000 applications count it."""
    keys = ("physical_hosts", "vms_per_host", "owners_per_vm", minutes, "maintenances_per_year")
    nodes = [stated.get("operations", key) for key in keys]
    values = [number(node.value) for node in nodes]
    if None in values:
        return Known(None, "nobody measured it" if minutes.endswith("after") else "the profile does not say")
    product = 1 / 60
    for value in values:
        product *= value or 0.0
    return Known(product, f"{place(nodes[0])} by the usual formula")


def _stated(stated: Node, *keys: str) -> Known:
    node = stated.get(*keys)
    value = number(node.value)
    return Known(value, "the profile does not say" if value is None else f"stated in {place(node)}")


def _memory(hosts: tuple[Host, ...]) -> float | None:
    """Bytes of memory that a host has on average; None when the facts say nothing."""
    found = [text for host in hosts if (text := host_fact(host, "memtotal_mb")).isdigit()]
    return sum(map(int, found)) / len(found) * MIB if found else None


def _times(each: float | None, count: int, origin: str) -> Known:
    return Known(None if each is None else each * count, origin if each is not None else "the host facts do not say")
