"""How the old side ends: how long it stays, what proves that it is silent, what is saved, and how a machine goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from runbook_lib.fields import Address, Duration, Reference, Span
from runbook_lib.sections.section import Section
from runbook_lib.sections.verification import SettingsSource

Argv = Annotated[list[str], Field(min_length=1)]
NAME = "{instance}"


def _moment(value: object) -> object:
    """A time as ISO 8601 text becomes one in a zone; without a zone nobody knows when it was."""
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no time; write it like 2026-11-21T14:00+08:00") from None
    if found.tzinfo is None:
        raise ValueError(f"{value!r} names no time zone; write it like 2026-11-21T14:00+08:00")
    return found


Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]


class Explained(Section):
    """A stretch in which the old side was asked, and why that stands in the way of nothing."""

    since: Moment
    until: Moment
    reason: Annotated[str, Field(min_length=3)]
    """The approvers read it."""

    @model_validator(mode="after")
    def _forward(self) -> Explained:
        if self.until <= self.since:
            raise ValueError("until is not after since")
        return self


class _Backup(Section):
    name: str
    """What is saved, in words: the approvers read it."""
    max_age: Span = timedelta(days=1)
    """The last good backup is not older."""
    keep: Duration = timedelta(days=30)
    """It must be kept so much longer from now on: what is deleted next week saves nobody."""
    restored_within: Span | None = timedelta(days=90)
    """A restore must have succeeded within this time; null: none is asked for, and the record says so."""


class VeleroBackup(_Backup):
    """Objects of velero.io/v1 in the cluster."""

    kind: Literal["velero"]
    namespace: str = "velero"
    """Where Velero runs and keeps its objects."""
    schedule: str | None = None
    """Only backups of this Schedule count; null: any backup that holds what is asked for."""
    namespaces: Annotated[list[str], Field(min_length=1)]
    """All of them must be in the backup."""
    volumes: bool = False
    """True: volumes must have been saved, too, each that was tried."""


class CommandBackup(_Backup):
    """Whatever saves databases and machines: a command knows when it last did."""

    kind: Literal["command"]
    last: Argv
    """Prints the time of the last good backup as its last line: ISO 8601 with a zone, or seconds since 1970."""
    expires: Argv | None = None
    """Prints until when it is kept; null: nobody knows."""
    restored: Argv | None = None
    """Prints the time of the last restore that succeeded; null: nobody knows."""
    timeout: Span = timedelta(seconds=30)


Backup = Annotated[VeleroBackup | CommandBackup, Field(discriminator="kind")]


class Prices(Section):
    """What a month costs, so that the acceptance report can say it; both sides by the same prices."""

    currency: str = "EUR"
    core: Annotated[float, Field(ge=0)]
    """A core of a machine, or one that Pods ask for."""
    gibibyte: Annotated[float, Field(ge=0)]
    """A GiB of memory of either."""


class Retention(Section):
    minimum: Duration = timedelta(weeks=2)
    recommended: Duration = timedelta(weeks=4)
    maximum: Duration = timedelta(days=90)
    quiet: Duration = timedelta(days=7)
    """So long before its end nobody may have asked the old side for any reason, a drill included."""
    drills: Span = timedelta(weeks=1)
    """The way back is walked at least so often."""
    unseen: Duration = timedelta(hours=1)
    """So much of the whole time, and of quiet, may be unknown in all, where Prometheus did not count; of no time more
    than half. Each gap is named."""
    drained: Duration | None = None
    """So long after all users were sent away some may still come; null: what the scrapes, settle and a TTL explain."""
    explained: list[Explained] = []
    """Stretches in which requests are known, with the reason; they are left out, and shown at the gate."""
    backups: list[Backup] = []
    """What must be saved before anything goes for good; with none named, the gate says that nobody looked."""
    ask_again: Literal["never", "first", "each"] = "never"
    """Whether people are asked once more after the first machine, or after each."""
    watch: Duration | None = None
    """So long the users are watched after each machine; null: as long as a fault takes to show in the metrics."""
    owners: dict[str, str] = {}
    """Who takes away what is left over, by its kind: {firewall rules: network team}."""
    prices: Prices | None = None


class LegacyInstance(Section):
    name: str
    url: str


class Silence(Section):
    """How it is known that nobody uses the old side."""

    without: str = ""
    """Label matchers that leave out what is no user's: 'path!~"/healthz|/metrics"'."""
    connections: str | None = None
    """Expression of open connections; it makes them known over the whole time, not only now. Its label instance is
    a machine's name or address, or its host with another port, where only one machine is."""
    always: Annotated[int, Field(ge=0)] = 0
    """So many that metric counts with no user: connections of the monitoring, and to the machine's own databases."""
    jobs: Argv | None = None
    """Command that prints a line for each scheduled job on {instance}: they write without any request."""
    settled: list[str] = []
    """Jobs that may go: words that the line of such a job holds, because it has a new home or nobody needs it."""


class CommandRetire(Section):
    """A command that ends one machine."""

    kind: Literal["command"]
    command: Argv
    """{instance} and {address} are replaced."""
    timeout: Span = timedelta(minutes=5)
    """How long it may take, and after it the machine until it is silent."""

    @model_validator(mode="after")
    def _names_it(self) -> CommandRetire:
        if not any(NAME in word or "{address}" in word for word in self.command):
            raise ValueError("no {instance} in the command; it would not know which instance to end")
        return self


class WebhookRetire(Section):
    """A platform behind HTTP: POST asks for it, with a key that makes a second asking harmless; then it is polled."""

    kind: Literal["webhook"]
    url: Address
    """{instance} is replaced. It gets {"action": "retire", "instance": …, "address": …} and Idempotency-Key."""
    token: Reference | None = None
    """Sent as a bearer token, to this host only."""
    field: str = "state"
    """The key of the answer that says how far it is; inner keys with dots."""
    done: list[str] = ["done", "succeeded", "completed"]
    failed: list[str] = ["failed", "error", "cancelled"]
    poll: Span = timedelta(seconds=5)
    """While it is neither, what the header Location (or the key status_url) names is asked again so often."""
    timeout: Span = timedelta(minutes=15)


class AnsibleRetire(Section):
    """A playbook, limited to one machine; a run with --check for every machine comes before the gate."""

    kind: Literal["ansible"]
    playbook: str
    inventory: str | None = None
    limit: str | None = NAME
    """Passed as --limit; null for a playbook that runs on localhost and takes the machine as a variable."""
    variables: dict[str, str] = {}
    """Passed as --extra-vars, {instance} and {address} replaced."""
    check: bool = True
    """False: the playbook cannot run with --check."""
    program: Argv = ["ansible-playbook"]
    timeout: Span = timedelta(minutes=15)

    @model_validator(mode="after")
    def _one_machine(self) -> AnsibleRetire:
        if not any(NAME in text for text in (self.limit or "", *self.variables.values())):
            raise ValueError("neither limit nor variables name {instance}: the playbook would end every machine")
        return self


def _as_command(value: Any) -> Any:
    """A list of words is a command."""
    return {"kind": "command", "command": value} if isinstance(value, list) else value


_Retire = Annotated[CommandRetire | WebhookRetire | AnsibleRetire, Field(discriminator="kind")]
Retire = Annotated[_Retire, BeforeValidator(_as_command, json_schema_input_type=list[str] | _Retire)]


class Legacy(Section):
    instances: list[LegacyInstance]
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """What one instance is known to carry, from a load test; None: what it carried at its busiest within two weeks."""
    retire: Retire
    """What ends one instance: a command as a list of words, or a kind: command, webhook or ansible."""
    connections: list[str] | None = None
    """Command that prints a line for each client connected to {instance} (or {address}), without the monitoring."""
    silence: Silence = Silence()
    settings: list[SettingsSource] = []
    """Where the settings of an instance are read, to be held against the new side's; of two values the later counts."""
