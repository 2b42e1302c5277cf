"""What is known of applications before they move, and where it is read: one application, or a fleet of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from runbook_lib.fields import Day, Span
from runbook_lib.sections.section import Section

KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("application", "owner", "kind", "purpose", "criticality", "business_line", "environment"), ()),
    **dict.fromkeys(("version", "port", "dependencies", "dependents", "databases", "grants", "firewall"), ()),
    "runtime": (
        *("language", "version", "start_seconds", "drain_seconds", "time_zone"),
        *("options", "heap_mib", "threads"),
    ),
    "state": ("class", "sessions", "orders", "files"),
    "objectives": ("availability", "error_rate", "latency_p99", "rpo", "rto"),
    "traffic": ("requests_per_second", "peak_hours", "peak_hours_time_zone", "orders_per_day"),
    "operations": (
        *("instances", "environments", "physical_hosts", "vms_per_host", "owners_per_vm"),
        *("minutes_per_owner", "minutes_per_owner_after", "maintenances_per_year"),
    ),
    "releases": ("per_month", "minutes_before", "minutes_after", "success_rate", "rollbacks_last_year"),
    "host_agents": ("cpu_cores", "memory_mib"),
}
"""What a profile may say of an application, as sandbox/sample/profile.yaml does, and what may stand below."""


def no_key(key: str) -> str:
    """Why ``runtime.langauge`` is no key of a profile; empty where it is one."""
    first, _, rest = key.partition(".")
    if first not in KEYS:
        return f"{key!r} is no key of a profile; keys begin with {', '.join(KEYS)}"
    if rest and KEYS[first] and rest.partition(".")[0] not in KEYS[first]:
        return f"{key!r} is no key of a profile; {first} has {', '.join(KEYS[first])}"
    return ""


class Cmdb(Section):
    """A table of applications or machines, as a configuration management database exports it."""

    file: str
    """CSV or Excel (.xlsx); UTF-8, GBK and UTF-16 are told apart."""
    sheet: str | None = None
    """Of an Excel file; None: the first."""
    columns: dict[str, str]
    """Key of the profile -> header of the table: ``application: 应用名称``, ``operations.instances: IP``."""

    @model_validator(mode="after")
    def _names_the_application(self) -> Cmdb:
        if "application" not in self.columns:
            raise ValueError("columns: one must be the application's name, such as application: Name")
        if unknown := [why for key in self.columns if (why := no_key(key))]:
            raise ValueError(f"columns: {unknown[0]}")
        return self


class Monitoring(Section):
    """What Prometheus knows of the machines, by which label; a query that is None is not asked."""

    label: str = "instance"
    """Names the machine in every query; a port after it is left out."""
    cpu: str | None = 'sum by (instance) (rate(node_cpu_seconds_total{mode!~"idle|iowait|steal"}[5m]))'
    """Cores in use by machine, as a mean over five minutes."""
    memory: str | None = "node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes"
    process_cpu: str | None = None
    """Cores by machine and process (process exporter's ``groupname``), where applications share a machine."""
    process_memory: str | None = None
    process_label: str = "groupname"
    """Names the application in the two queries above."""
    heap: str | None = None
    """Most bytes of Java heap that may be used, by machine (JMX exporter)."""
    threads: str | None = None
    """Java threads by machine (JMX exporter)."""
    within: Span = timedelta(days=14)
    """How far back is looked."""


class Blackout(Section):
    """Days on which nothing is moved."""

    since: Day
    until: Day
    """The last of these days."""
    reason: str

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Blackout:
        if self.until < self.since:
            raise ValueError(f"until: {self.until} is before since: {self.since}")
        return self


class Waves(Section):
    """How a fleet is cut into waves."""

    begin: Day | None = None
    """The first day of the first wave; None: the next Monday."""
    every: Span = timedelta(weeks=2)
    """From the beginning of one wave to that of the next."""
    pilot: Annotated[int, Field(ge=1, le=10)] = 3
    """So many applications at most go first, stateless and of low risk."""
    size: Annotated[int, Field(ge=1, le=200)] = 20
    """So many applications at most are one wave."""
    days: Annotated[float, Field(gt=0)] | None = None
    """Working days of effort that one wave can carry; None: not limited."""
    blackouts: list[Blackout] = Field(default_factory=list)


class Node(Section):
    """What one node of the cluster has for Pods, to say how many are needed."""

    cpu: Annotated[float, Field(gt=0)] = 16
    """Cores."""
    memory: Annotated[float, Field(gt=0)] = 64
    """GiB."""
    pods: Annotated[int, Field(ge=1)] = 110
    reserved: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share that the system and its agents take."""


class Assessment(Section):
    scope: Literal["application", "fleet"] = "application"
    """``fleet``: every application that the sources name; no passage follows from such a file."""
    hosts: str
    """Folder of Ansible fact caches, one JSON file a host."""
    cmdb: Cmdb | None = None
    """A table of what people wrote down; a profile has the first word."""
    usage: str | None = None
    """CSV of what the hosts used: timestamp, host, cpu_cores, memory_bytes."""
    monitoring: Monitoring | None = None
    """Prometheus in place of a CSV, or beside it."""
    profile: str | None = None
    """YAML: owner, dependencies, release figures, state. Of a fleet: a folder of them, one an application."""
    source: str | None = None
    """The source tree. Of a fleet: a folder with one tree an application, of its name."""
    rules: list[str] = Field(default_factory=list)
    """Folders of source rules of your own, beside those that come along."""
    node: Node = Node()
    waves: Waves = Waves()

    @model_validator(mode="after")
    def _one_application_is_known_wholly(self) -> Assessment:
        missing = [name for name in ("profile", "source") if getattr(self, name) is None]
        if self.scope == "application" and missing:
            raise ValueError(f"{missing[0]}: missing; only the assessment of a fleet (scope: fleet) may go without")
        if self.scope == "application" and self.usage is None and self.monitoring is None:
            raise ValueError("usage: missing; give a CSV, or monitoring to ask Prometheus")
        return self
