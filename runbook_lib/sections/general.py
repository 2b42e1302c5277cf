"""The sections of the parameters that are read by every phase, or by one only."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from runbook_lib.fields import Address, Duration, Reference, Span, Url
from runbook_lib.sections.release import FieldRule, Rendering
from runbook_lib.sections.rollback import Rollback
from runbook_lib.sections.rollout import Rollout
from runbook_lib.sections.section import Section
from runbook_lib.sections.verification import LoadTest, Request, Settings, SmokeCase


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


class Containerization(Section):
    dockerfile: str | None = None
    """None: written from the image tree, where there is one; else the image is not looked at."""
    manifests: str
    """Folder, file, kustomization or chart of the manifests to be checked."""
    policy: str | None = None
    """YAML that switches checks off, weighs them otherwise, sets figures, lets findings stand, each with a reason."""
    kubernetes_version: Annotated[str, Field(pattern=r"^v?1\.\d{1,3}([.+-].*)?$")] | None = None
    """The cluster's version, such as "1.34" in quotes, whose schemas manifests are held against; None: the newest."""
    scans: list[str] = []
    """What Trivy or Grype wrote of the images as JSON; every image that the manifests name wants one."""
    image_tree: str | None = None
    """YAML of the house's images and of the applications that are built from them without a Dockerfile."""


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
    """What the pilot deploy applies: a folder or file of objects, a kustomization, a Helm chart's folder."""
    rendering: Rendering = Rendering()
    fields: list[FieldRule] = []
    """Fields that another field manager owns: left to it, or taken over; any other conflict stops the deploy."""
    rollout_timeout: Duration = timedelta(minutes=10)
    """How long a whole rollout, or one batch of it, may take."""
    rollout: Rollout = Rollout()
    rollback: Rollback = Rollback()
    smoke: list[SmokeCase] = []
    smoke_writes: bool = False
    """True: smoke cases that write are sent, each once."""
    reach: Literal["auto", "direct", "proxy"] = "auto"
    """Pods are asked at their addresses, or through the API server; auto: through it where an address is silent."""
    session_login: str | Request | None = None
    """Path that logs in (POST), or the whole request; with it the pilot checks that a session made on one side lives
    on the other."""
    session_token: str | None = None
    """Where the log-in's JSON answer holds a bearer token, like ``access_token``; None: sessions live in cookies."""
    session_check: str | None = None
    """Path that answers 2xx to a living session only (GET)."""
    settings: Settings = Settings()
    load_test: LoadTest | None = None
    """None: no load test."""


class Prometheus(Section):
    url: Url
    timeout: Span = timedelta(seconds=3)
    token: Reference | None = None
    """Sent as a bearer token."""


class Selectors(Section):
    legacy: str
    kubernetes: str
    """Label matchers, as they stand between the braces of a query."""


class Instances(Section):
    """Series of single Pods and machines, bare: by them the comparison finds what a request costs."""

    label: Selectors = Selectors(legacy="instance", kubernetes="pod")
    """Label that tells instances apart, here and in the request counter."""
    cpu: Selectors
    """Counter of CPU seconds."""
    memory: Selectors
    """Bytes in use."""
    memory_limit: str | None = None
    """Memory limit of a Pod in bytes; None where none is set."""
    throttled: str | None = None
    """Counter of the CPU periods in which a Pod was throttled; None where no CPU limit is set."""
    periods: str | None = None
    """Counter of all its CPU periods."""
    restarts: Selectors | None = None
    """Old side: start time of the process; new side: counter of container restarts. None: not compared."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.throttled is None) != (self.periods is None):
            raise ValueError("throttled and periods are given together or not at all")
        return self


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
    instances: Instances | None = None
    """Series by Pod and by machine; None: the comparison does not ask what a request costs."""
    alerts: str = 'ALERTS{alertstate="firing"}'
    scrape: Span = timedelta(seconds=15)
    """Scrape interval: nothing can be seen faster than this."""
    appear: Span = timedelta(minutes=2)
    """How long new Pods may take to show in Prometheus: its discovery, and a scrape."""


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
