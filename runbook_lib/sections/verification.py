"""The sections that say how the new side is verified before a user is on it: cases, settings of both sides, load."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from runbook_lib.fields import Duration, Reference, Span
from runbook_lib.judge.equality import Rules
from runbook_lib.sections.section import Section

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
Format = Literal["environment", "properties", "yaml", "json", "actuator"]


class Request(Section):
    method: Method = "GET"
    path: str
    headers: dict[str, str] = {}
    """A value that is a secret is a reference: ``X-Api-Key: env:SHOP_KEY``."""
    token: Reference | None = None
    """Sent as a bearer token."""
    body: str | dict[str, Any] | list[Any] | None = None
    """A text, or keys and values that are sent as JSON; a value that is a secret is a reference."""


class SmokeCase(Request):
    name: str
    status: int = 200
    body_contains: str = ""
    body_values: dict[str, Any] = {}
    """Values of a JSON answer by their path: ``orders.0.side: kubernetes``."""
    header_contains: dict[str, str] = {}
    within: Duration = timedelta(seconds=2)
    writes: bool = False
    """True for a request that leaves something behind: it is sent once, to one Pod, and only with smoke_writes."""


class ExpectedDifference(Section):
    name: Annotated[str, Field(min_length=1)]
    """The setting's name, or a pattern like ``KUBERNETES_*``."""
    reason: Annotated[str, Field(min_length=1)]


class SameSetting(Section):
    """One setting under two names; no mapping, for ``PASSWORD: …`` would be taken for a secret."""

    old: Annotated[str, Field(min_length=1)]
    new: Annotated[str, Field(min_length=1)]
    """A name, or the path of the mounted file that holds the value."""


class SettingsFile(Section):
    path: str
    format: Format


class Settings(Section):
    """What the settings of the new side are read from, and which differences from the old side are meant."""

    container: str | None = None
    """None: the first container of the Pod."""
    files: list[SettingsFile] = []
    """Mounted files whose values are compared one by one; any other is compared as a whole."""
    path: str | None = None
    """HTTP path of a Pod that tells its settings, too, like /actuator/env."""
    format: Format = "actuator"
    """Of what ``path`` answers."""
    token: Reference | None = None
    """Sent as a bearer token with ``path``."""
    names: list[SameSetting] = []
    """Settings that have another name on the new side."""
    relaxed: bool = False
    """True: names that differ only in case, dots, dashes and underscores are one, as Spring binds them."""
    expected: list[ExpectedDifference] = []

    @property
    def rules(self) -> Rules:
        """How the sides are compared."""
        names = {one.old: one.new for one in self.names}
        return Rules(names, self.relaxed, tuple((one.name, one.reason) for one in self.expected))


class SettingsSource(Section):
    """Where an instance of the old side tells its settings; ``{instance}`` and ``{address}`` are replaced."""

    command: list[str] | None = None
    path: str | None = None
    """HTTP path of the instance, like /actuator/env."""
    format: Format = "environment"
    """environment: KEY=VALUE, one a line or ended by NUL as in /proc/…/environ; actuator: /env or /configprops."""
    token: Reference | None = None
    """Sent as a bearer token with ``path``."""
    prefix: str = ""
    """Put before each name."""

    @model_validator(mode="after")
    def _one_source(self) -> SettingsSource:
        if (self.command is None) == (self.path is None):
            raise ValueError("settings come from a command or from a path: give one of them")
        return self


class LoadTest(Section):
    """Steps of rising load against one Pod that has no users; reading requests only, unless ``writes``."""

    first: Annotated[float, Field(gt=0)] = 10
    """Requests a second of the first step."""
    grow: Annotated[float, Field(gt=1)] = 1.5
    most: Annotated[float, Field(gt=0)]
    """Requests a second that are never passed."""
    step: Span = timedelta(minutes=1)
    """How long a step lasts; at least 300 requests are needed to say anything of P99."""
    latency: Span | None = None
    """P99 that a step must keep; None: thresholds.latency."""
    mix: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Smoke cases by name, and their share, as users send them: health checks cost less and are not counted.
    Empty: every case that reads and expects 2xx, evenly."""
    writes: bool = False
    """True: ``mix`` may name cases that are not reading."""
    head_room: Annotated[float, Field(ge=1)] = 1.5
    """How much more than the old side's peak the largest number of replicas must carry."""

    @model_validator(mode="after")
    def _rises(self) -> LoadTest:
        if self.first > self.most:
            raise ValueError(f"load_test: first is {self.first:g} requests/s, more than most: {self.most:g}")
        return self
