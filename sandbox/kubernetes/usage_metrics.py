"""What Pods use of the machine, under cAdvisor's and the kubelet's names.

As in cAdvisor each Pod has a row with container="" that sums its containers: adding up all rows counts twice.
There is no network namespace for each Pod, so there are no network metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from sandbox.kubernetes.exposition import Family
from sandbox.kubernetes.kubelet import Kubelet
from sandbox.kubernetes.kubelet.container import Container
from sandbox.kubernetes.kubelet.limits import memory_limit
from sandbox.kubernetes.kubelet.pod import PodRunner
from sandbox.kubernetes.quantity import amount

CFS_PERIOD = 0.1


@dataclass(frozen=True)
class Row:
    """One cgroup as cAdvisor would see it: a container, or a Pod with `container` empty. Times in seconds."""

    namespace: str
    pod: str
    container: str
    id: str
    image: str
    name: str
    user: float = 0.0
    system: float = 0.0
    memory: int = 0
    processes: int = 0
    threads: int = 0
    cpu_limit: float | None = None
    memory_limit: int | None = None
    shares: int = 2
    started: float = 0.0
    periods: int = 0
    throttled_periods: int = 0
    throttled_seconds: float = 0.0
    out_of_memory: int = 0

    def labels(self) -> dict[str, str]:
        """cAdvisor's labels, in its order."""
        fields = ("container", "id", "image", "name", "namespace", "pod")
        return {field: getattr(self, field) for field in fields}

    @property
    def has_cfs(self) -> bool:
        return self.cpu_limit is not None or self.throttled_periods > 0


def rows(kubelet: Kubelet) -> list[Row]:
    """All running containers and all Pods of the node."""
    found: list[Row] = []
    for runner in kubelet.runners.values():
        containers = [row for one in runner.containers if (row := _container(runner, one)) is not None]
        found += [_pod(runner, containers), *containers]
    return found


def _group(runner: PodRunner) -> str:
    quality = str(runner.pod.get("status", {}).get("qosClass", "BestEffort")).lower()
    parent = "/kubepods" if quality == "guaranteed" else f"/kubepods/{quality}"
    return f"{parent}/pod{runner.uid}"


def _container(runner: PodRunner, one: Container) -> Row | None:
    if one.process is None or one.started_at is None:
        return None
    usage, metadata = one.process.usage(), runner.pod["metadata"]
    name = one.record.container_id.rpartition("/")[2]
    resources = one.record.spec.get("resources", {})
    limit = resources.get("limits", {}).get("cpu")
    request = resources.get("requests", {}).get("cpu", limit or "0")
    started = one.started_at.timestamp()
    return Row(
        namespace=metadata["namespace"],
        pod=metadata["name"],
        container=one.record.name,
        id=f"{_group(runner)}/{name}",
        image=one.record.spec["image"],
        name=name,
        user=usage.user,
        system=usage.system,
        memory=usage.memory,
        processes=usage.processes,
        threads=usage.threads,
        cpu_limit=None if limit is None else float(amount(limit)),
        memory_limit=memory_limit(one),
        shares=max(2, int(amount(request) * 1024)),
        started=started,
        periods=max(int((time.time() - started) / CFS_PERIOD), one.throttling.periods),
        throttled_periods=one.throttling.throttled_periods,
        throttled_seconds=one.throttling.throttled_seconds,
    )


def _pod(runner: PodRunner, containers: list[Row]) -> Row:
    metadata, ended = runner.pod["metadata"], [one.finished for one in runner.containers]
    limits = [one.cpu_limit for one in containers]
    memory = [one.memory_limit for one in containers]
    return Row(
        namespace=metadata["namespace"],
        pod=metadata["name"],
        container="",
        id=_group(runner),
        image="",
        name="",
        user=sum(one.user for one in containers) + sum(one.user for one in ended),
        system=sum(one.system for one in containers) + sum(one.system for one in ended),
        memory=sum(one.memory for one in containers),
        processes=sum(one.processes for one in containers),
        threads=sum(one.threads for one in containers),
        cpu_limit=sum(limit for limit in limits if limit) if limits and None not in limits else None,
        memory_limit=sum(limit for limit in memory if limit) if memory and None not in memory else None,
        shares=max(2, sum(one.shares for one in containers if one.shares > 2)),
        started=runner.began.timestamp(),
        periods=max((one.periods for one in containers), default=0),
        throttled_periods=max((one.throttled_periods for one in containers), default=0),
        throttled_seconds=sum(one.throttled_seconds for one in containers),
        out_of_memory=sum(one.kills for one in runner.containers),
    )


CPU_HELP = "Cumulative cpu time consumed in seconds."
Value = Callable[[Row], float]
COUNTERS: tuple[tuple[str, str, Value], ...] = (
    ("container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.", lambda row: row.user),
    ("container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.", lambda row: row.system),
    (
        "container_oom_events_total",
        "Count of out of memory events observed for the container",
        lambda row: row.out_of_memory,
    ),
)
CFS: tuple[tuple[str, str, Value], ...] = (
    (
        "container_cpu_cfs_periods_total",
        "Number of elapsed enforcement period intervals.",
        lambda row: row.periods,
    ),
    (
        "container_cpu_cfs_throttled_periods_total",
        "Number of throttled period intervals.",
        lambda row: row.throttled_periods,
    ),
    (
        "container_cpu_cfs_throttled_seconds_total",
        "Total time duration the container has been throttled.",
        lambda row: row.throttled_seconds,
    ),
)
GAUGES: tuple[tuple[str, str, Value], ...] = (
    ("container_memory_rss", "Size of RSS in bytes.", lambda row: row.memory),
    ("container_memory_usage_bytes", "Current memory usage in bytes.", lambda row: row.memory),
    ("container_memory_working_set_bytes", "Current working set in bytes.", lambda row: row.memory),
    ("container_processes", "Number of processes running inside the container.", lambda row: row.processes),
    ("container_threads", "Number of threads running inside the container", lambda row: row.threads),
)
SPECIFICATIONS: tuple[tuple[str, str, Value], ...] = (
    ("container_spec_cpu_period", "CPU period of the container.", lambda row: 100000),
    ("container_spec_cpu_shares", "CPU share of the container.", lambda row: row.shares),
    ("container_spec_memory_limit_bytes", "Memory limit for the container.", lambda row: row.memory_limit or 0),
    (
        "container_start_time_seconds",
        "Start time of the container since unix epoch in seconds.",
        lambda row: row.started,
    ),
)


def cadvisor(kubelet: Kubelet, age: float | None = None) -> list[Family]:
    """/metrics/cadvisor; with `age` the samples carry a time so many seconds ago."""
    found, stamp = rows(kubelet), _stamp(age)
    cpu = Family("container_cpu_usage_seconds_total", "counter", CPU_HELP, time=stamp)
    for row in found:
        labels = row.labels()
        cpu.add(row.user + row.system, container=labels.pop("container"), cpu="total", **labels)
    limited = [row for row in found if row.has_cfs]
    quota = Family("container_spec_cpu_quota", "gauge", "CPU quota of the container.")
    for row in limited:
        if row.cpu_limit is not None:
            quota.add(row.cpu_limit * 100000, **row.labels())
    families = [cpu, *(_family(one, "counter", found, stamp) for one in COUNTERS)]
    families += [_family(one, "counter", limited, stamp) for one in CFS]
    families += [_family(one, "gauge", found, stamp) for one in GAUGES]
    families += [*(_family(one, "gauge", found, None) for one in SPECIFICATIONS), quota]
    return [*families, *_machine()]


def resource(kubelet: Kubelet, age: float | None = None) -> list[Family]:
    """/metrics/resource: CPU and memory of containers, Pods and the node."""
    found, stamp = rows(kubelet), _stamp(age)
    cpu_help, memory_help = "[STABLE] Cumulative cpu time consumed by the", "[STABLE] Current working set of the"
    families = []
    for prefix, members in (
        ("container", [row for row in found if row.container]),
        ("pod", [row for row in found if not row.container]),
    ):
        cpu = Family(f"{prefix}_cpu_usage_seconds_total", "counter", f"{cpu_help} {prefix} in core-seconds", time=stamp)
        memory = Family(f"{prefix}_memory_working_set_bytes", "gauge", f"{memory_help} {prefix} in bytes", time=stamp)
        for row in members:
            labels = {"namespace": row.namespace, "pod": row.pod}
            labels = {"container": row.container} | labels if row.container else labels
            cpu.add(row.user + row.system, **labels)
            memory.add(row.memory, **labels)
        families += [cpu, memory]
    node_cpu = Family("node_cpu_usage_seconds_total", "counter", f"{cpu_help} node in core-seconds", time=stamp)
    times = psutil.cpu_times()
    node_cpu.add(times.user + times.system)
    return [*families, node_cpu]


def _family(entry: tuple[str, str, Value], kind: str, members: list[Row], stamp: int | None) -> Family:
    name, description, value = entry
    family = Family(name, "counter" if kind == "counter" else "gauge", description, time=stamp)
    for row in members:
        family.add(value(row), **row.labels())
    return family


def _machine() -> Iterator[Family]:
    cores = Family("machine_cpu_cores", "gauge", "Number of logical CPU cores.")
    cores.add(psutil.cpu_count() or 1)
    memory = Family("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.")
    memory.add(psutil.virtual_memory().total)
    yield from (cores, memory)


def _stamp(age: float | None) -> int | None:
    return None if age is None else int((time.time() - age) * 1000)
