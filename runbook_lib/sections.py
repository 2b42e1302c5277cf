"""The sections of the parameters: what each key is, and what it may hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from runbook_lib.fields import Address, Duration, Reference, Span, Url, Weight


class Section(BaseModel):
    """A part of the parameters: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Contact(Section):
    name: str
    reach: str
    """Phone number, chat handle or pager."""


class Application(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
    """Names the records folder and the lease; a DNS label."""
    owner: str
    """The team that answers for it."""
    contacts: list[Contact] = []
    """Who is called when something goes wrong at night."""


class Assessment(Section):
    hosts: str
    """Folder of Ansible fact caches, one JSON file a host."""
    usage: str
    """CSV of what the hosts used: timestamp, host, cpu_cores, memory_bytes."""
    profile: str
    """YAML: owner, dependencies, release figures, state."""
    source: str
    """The source tree."""


class Containerization(Section):
    dockerfile: str
    manifests: str
    """Folder or file of the manifests to be checked."""
    policy: str | None = None
    """YAML that switches checks off or changes their severity, with reasons."""


class SmokeCase(Section):
    name: str
    method: Literal["GET", "POST"] = "GET"
    path: str
    status: int = 200
    body_contains: str = ""
    within: Duration = timedelta(seconds=2)


class Kubernetes(Section):
    kubeconfig: str | None = None
    """Path; None uses KUBECONFIG, ~/.kube/config or the Pod's own service account."""
    context: str | None = None
    namespace: str
    deployment: str
    service: str
    gateway: str
    """URL at which the Kubernetes side answers before any user is sent there."""
    manifests: str
    """Folder of the manifests that the pilot deploy applies."""
    rollout_timeout: Duration = timedelta(minutes=10)
    smoke: list[SmokeCase] = []
    session_login: str | None = None
    """Path that logs in (POST); with it the pilot checks that a session made on one side lives on the other."""
    session_check: str | None = None


class Prometheus(Section):
    url: Url
    timeout: Span = timedelta(seconds=3)
    token: Reference | None = None
    """Sent as a bearer token."""


class Selectors(Section):
    legacy: str
    kubernetes: str
    """Label matchers, as they stand between the braces of a query."""


class Metrics(Section):
    requests: str = "http_requests_total"
    """Counter of requests with a status label."""
    status_label: str = "status"
    error_status: str = "5.."
    duration: str = "http_request_duration_seconds"
    """Histogram, without the _bucket ending."""
    selectors: Selectors
    """Which series belong to which side."""
    cpu: Selectors
    """Query of CPU cores used, per side; whole expressions."""
    memory: Selectors
    """Query of working-set bytes, per side; whole expressions."""
    throttling: str | None = None
    """Query of the share of throttled CPU periods on the new side; None where no CPU limit is set."""
    alerts: str = 'ALERTS{alertstate="firing"}'
    scrape: Span = timedelta(seconds=15)
    """Scrape interval: nothing can be seen faster than this."""


class Figure(Section):
    name: str
    unit: str = ""
    query: str
    """SQL with :since and :until; returns rows (side, value) or (side, instance, value)."""


class Business(Section):
    database: Url
    """SQLAlchemy URL without a password, or a reference to one that has it."""
    figures: list[Figure]
    per_request_tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Largest relative difference between the sides' figures that still counts as the same."""


class NginxSplit(Section):
    config: str
    """The file that holds the split_clients block."""
    variable: str
    """The variable that the block sets, for instance $order_service_side."""
    legacy: str = "legacy"
    kubernetes: str = "kubernetes"
    """The values that the block gives: names of upstreams."""
    test: list[str]
    """Command that tests the configuration, as an argument list."""
    reload: list[str]
    """Command that reloads it."""
    timeout: Span = timedelta(seconds=10)


class Traffic(Section):
    entrance: str
    """URL at which users come in."""
    nginx: NginxSplit
    settle: Duration = timedelta(seconds=3)
    """Left out when the split is judged after a shift: old workers and connections still drain."""
    split_patience: Duration = timedelta(seconds=30)
    """How long the observed share may take to match the one asked for."""


class Stage(Section):
    weight: Weight
    observe: Span
    """How long the stage is watched at the least."""
    rule_out: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Rate of failed, and of slow, requests that must be ruled out to pass; None: thresholds.error_rate.
    With no failure at all this takes 3/rule_out requests."""


class Thresholds(Section):
    error_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Above this rate on the new side, with evidence, traffic goes back."""
    error_ratio: Annotated[float, Field(gt=1)] = 1.25
    """Margin on new/old error rate that still counts as not worse."""
    latency: Duration = timedelta(milliseconds=500)
    """Requests slower than this count as slow; put it at a bucket boundary near the P99 of the old side."""
    latency_ratio: Annotated[float, Field(gt=1)] = 1.5
    """Margin on the new/old fraction of slow requests."""
    slow_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Above this share of slow requests traffic goes back where the old side has none to compare with."""
    restarts: Annotated[int, Field(ge=1)] = 3
    """Container restarts within restart_window that bring the traffic back."""
    restart_window: Duration = timedelta(minutes=5)
    throttled: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Share of throttled CPU periods, over the window of metrics.throttling, that keeps a stage from passing."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    """Chance of a false rollback over the whole passage, split over the tests."""
    breaker_requests: Annotated[int, Field(ge=1)] = 20
    breaker_rate: Annotated[float, Field(gt=0, le=1)] = 0.2
    """At least so many requests with at least this error rate, and worse than the old side: back at once."""


class Watch(Section):
    tick: Span = timedelta(seconds=15)
    """Time between two looks."""
    extend: Duration = timedelta(hours=1)
    """How much longer than planned a stage may be watched when evidence is missing."""
    blind: Duration = timedelta(minutes=2)
    """No measurement for so long: the stage holds and calls people."""


class Gates(Section):
    ask: list[str]
    """Steps that wait for a person: a phase, or gray_stage:WEIGHT."""
    allowed_signers: str
    """Who may sign, in OpenSSH's allowed_signers format; a role is a namespace: runbook-operator, runbook-approver."""
    keys: list[str] = []
    """Keys to sign with, where they are not in the ssh agent, RUNBOOK_SIGNING_KEY or ~/.ssh; paths, never keys."""
    roles: dict[str, Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]] = {}
    """Whose answer a phase needs, by phase; the role approver where nothing is said."""
    people: dict[str, Annotated[int, Field(ge=1, le=5)]] = {}
    """How many people must approve, by phase; where nothing is said two for the decommission, else one."""
    expires: Span = timedelta(hours=24)
    remind: Duration = timedelta(hours=1)
    """So long before a gate expires the webhook is told again."""
    webhook: Address | None = None
    """Told when a gate opens and before it expires; a URL that is a secret in itself goes by reference."""

    def needed(self, phase: str) -> int:
        """How many people must approve a step of that phase."""
        return self.people.get(phase, 2 if phase == "decommission" else 1)

    def role(self, phase: str) -> str:
        """The role that answers a step of that phase."""
        return self.roles.get(phase, "approver")


class Retention(Section):
    minimum: Duration = timedelta(weeks=2)
    recommended: Duration = timedelta(weeks=4)
    maximum: Duration = timedelta(days=90)
    quiet: Duration = timedelta(days=7)
    """So long the old side must have had no request before it may go."""


class LegacyInstance(Section):
    name: str
    url: str


class Legacy(Section):
    instances: list[LegacyInstance]
    retire: list[str]
    """Command that ends one instance; {instance} is replaced by its name."""
    connections: list[str] | None = None
    """Command that prints a line for each client connected to {instance} (or {address}), without the monitoring."""
