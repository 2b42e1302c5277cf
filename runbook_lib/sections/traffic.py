"""The knobs of traffic: what sends a share of the users to the Kubernetes side, one section a kind."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import Field, model_validator

from runbook_lib.fields import Address, Duration, Reference, Span
from runbook_lib.sections.section import Section

Argv = Annotated[list[str], Field(min_length=1)]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
GitName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][^\s:~^?*\[\\]*$")]
Servers = Annotated[list[str], Field(min_length=1)]


def _once(legacy: list[str], kubernetes: list[str]) -> None:
    named = [*legacy, *kubernetes]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)} is named twice: a server belongs to one side, once")


class Remote(Section):
    """A machine that is reached by SSH."""

    host: Annotated[str, Field(pattern=r"^[^-\s]\S*$")]
    """As ssh takes it: front-1, or deploy@10.0.0.9."""
    ssh: Argv = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=5"]
    """The command, as an argument list, that the host is put behind."""
    shell: Argv = ["sh"]
    """What is started there and told what to do: [sudo, -n, sh] where the account may not write the file."""


class GitOps(Section):
    """The change goes as a commit to the repository that the platform follows, not to the platform."""

    repository: str
    """A clone whose remote is the one that is followed."""
    file: Annotated[str, Field(pattern=r"^[^-/.][^\n]*$")]
    """The manifest, or the configuration, within the repository; a file that is written out, not a template."""
    branch: GitName = "main"
    remote: GitName = "origin"
    """Where the commit is pushed; it must be reachable without a question being asked."""
    patience: Span = timedelta(minutes=5)
    """How long the platform may take until the change is live."""


class Nginx(Section):
    config: str
    """The file that holds the block; with ``machine``, its path on that machine."""
    test: Argv
    """Command that tests the configuration, as an argument list."""
    reload: Argv
    """Command that reloads it."""
    timeout: Span = timedelta(seconds=10)
    machine: Remote | None = None
    """The machine that nginx runs on, where it is not this one."""
    git: GitOps | None = None


class NginxSplit(Nginx):
    """``split_clients``: an exact share of the users, chosen by a key of theirs."""

    kind: Literal["nginx-split"]
    variable: str
    """The variable that the block sets, for instance $order_service_side."""
    legacy: str = "legacy"
    kubernetes: str = "kubernetes"
    """The values that the block gives: names of upstreams."""


class NginxUpstream(Nginx):
    """``weight`` of the servers of one ``upstream``: a share of the requests."""

    kind: Literal["nginx-upstream"]
    upstream: str
    legacy: Servers
    kubernetes: Servers
    """The servers of each side, as they are written in the block: addresses, for a name may be several servers."""

    @model_validator(mode="after")
    def _sides_differ(self) -> NginxUpstream:
        _once(self.legacy, self.kubernetes)
        return self


class HAProxy(Section):
    """Weights set over the runtime API: at once, and no request is lost."""

    kind: Literal["haproxy"]
    socket: str
    """The admin socket: a path, or host:port."""
    backend: str
    legacy: Servers
    kubernetes: Servers
    """The servers of each side, as the backend names them."""
    timeout: Span = timedelta(seconds=5)

    @model_validator(mode="after")
    def _sides_differ(self) -> HAProxy:
        _once(self.legacy, self.kubernetes)
        return self


class Route(Section):
    """What the routes of the Kubernetes API have in common."""

    namespace: ObjectName
    name: ObjectName
    git: GitOps | None = None


class HttpRoute(Route):
    """Gateway API: the weights of an HTTPRoute's backendRefs, in every rule that names both sides."""

    kind: Literal["http-route"]
    legacy: str
    """A Service without a selector, whose EndpointSlice names the machines, or another backend by its name."""
    kubernetes: str
    """Names of the backendRefs of each side."""

    @model_validator(mode="after")
    def _two_sides(self) -> HttpRoute:
        _once([self.legacy], [self.kubernetes])
        return self


class IngressCanary(Route):
    """ingress-nginx: canary-weight, -by-header and -by-cookie of a second Ingress, which ``name`` is.

    The controller was archived in March 2026 and gets no more security fixes: plan the move to another.
    """

    kind: Literal["ingress-canary"]


class VirtualService(Route):
    """Istio: the weights of a VirtualService's destinations."""

    kind: Literal["virtual-service"]
    legacy: str
    kubernetes: str
    """Hosts of the destinations of each side; host/subset where they differ by subset only."""

    @model_validator(mode="after")
    def _two_sides(self) -> VirtualService:
        _once([self.legacy], [self.kubernetes])
        return self


class Dns(Section):
    """Records changed by RFC 2136. Users follow as slowly as their resolvers, and only SRV knows weights.

    Of addresses the share is made by which of each side are in the record; a CNAME is on one side or on the other.
    """

    kind: Literal["dns"]
    server: str
    """The primary server, host or host:port."""
    zone: str
    name: str
    """The record, within the zone; @ for the zone itself."""
    record: Literal["A", "AAAA", "CNAME", "SRV"] = "A"
    legacy: Annotated[list[str], Field(min_length=1, max_length=100)]
    kubernetes: Annotated[list[str], Field(min_length=1, max_length=100)]
    """What the record holds for each side: addresses, a full name, or ``port target`` for SRV."""
    tolerance: Annotated[int, Field(strict=True, ge=0, le=50)] = 1
    """So many percentage points the share that addresses can make may be off the one asked for."""
    ttl: Span = timedelta(seconds=60)
    """Lowered to this days ahead; ten times it is waited before anything of a side is taken away."""
    usual_ttl: Span = timedelta(hours=1)
    """What it is put back to afterwards, and taken to have been where nobody noted when it was lowered."""
    key: Reference | None = None
    """The TSIG key, as ``algorithm:name:base64``, by reference; it may change the record and _runbook.<name> TXT."""
    timeout: Span = timedelta(seconds=5)

    @model_validator(mode="after")
    def _fits_the_record(self) -> Dns:
        sides = [*self.legacy, *self.kubernetes]
        if len({side.lower() for side in sides}) != len(sides):
            raise ValueError("each address or name is given once, on one side")
        if self.record == "CNAME" and len(sides) != 2:
            raise ValueError("a CNAME has one name: give one of each side")
        if wrong := [side for side in sides if not _holds(self.record, side)]:
            raise ValueError(f"{wrong[0]!r} cannot stand in {self.record}; it needs {_HELD[self.record]}")
        if any(ttl.total_seconds() % 1 or ttl.total_seconds() >= 2**31 for ttl in (self.ttl, self.usual_ttl)):
            raise ValueError("ttl and usual_ttl are whole seconds")
        return self


_HELD = {
    "A": "an IPv4 address",
    "AAAA": "an IPv6 address in its shortest form",
    "CNAME": "a full name, such as web.example.org",
    "SRV": "a port and a full name, such as 8080 web.example.org",
}
_FULL_NAME = re.compile(r"(?=.{1,254}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z0-9_-]{1,63}\.?")


def _holds(record: str, value: str) -> bool:
    """Whether a record of that type can hold the value."""
    if record in ("A", "AAAA"):
        try:
            return str(ip_address(value)) == value.lower() and (":" in value) == (record == "AAAA")
        except ValueError:
            return False
    port, _, name = value.rpartition(" ")
    port_fits = not port if record == "CNAME" else port.isdecimal() and 0 < int(port) < 65536
    return port_fits and _FULL_NAME.fullmatch(name) is not None


class Command(Section):
    """Any load balancer or registry that a command can ask and set."""

    kind: Literal["command"]
    read: Argv
    """Prints the percent of the users on the Kubernetes side, a whole number, as its only line."""
    write: Argv
    """Sets it; {weight} is replaced by the percent."""
    timeout: Span = timedelta(seconds=30)
    """After that the command is killed with all that it started; as long it is waited until the change shows."""

    @model_validator(mode="after")
    def _writes_the_weight(self) -> Command:
        if not any("{weight}" in word for word in self.write):
            raise ValueError("write has {weight} in none of its words: it would always set the same")
        return self


class Webhook(Section):
    """Any load balancer or registry behind HTTP: GET returns {"weight": n}, PUT sets it."""

    kind: Literal["webhook"]
    url: Address
    token: Reference | None = None
    """Sent as a bearer token."""
    timeout: Span = timedelta(seconds=10)
    """How long an answer may take; as long it is waited until the change shows."""


Knob = Annotated[
    NginxSplit | NginxUpstream | HAProxy | HttpRoute | IngressCanary | VirtualService | Dns | Command | Webhook,
    Field(discriminator="kind"),
]


class Testers(Section):
    """Who is sent to the Kubernetes side by name before any share of the users is.

    An HTTPRoute knows a cookie only where its controller takes a regular expression; ingress-nginx knows only cookies
    that hold ``always``.
    """

    header: Token | None = None
    cookie: Token | None = None
    value: Annotated[str, Field(pattern=r"^[!#-+.-:<-\[\]-~-]+$")] = "always"
    """What the header or the cookie must hold."""

    @model_validator(mode="after")
    def _one_mark(self) -> Testers:
        if (self.header is None) == (self.cookie is None):
            raise ValueError("testers are known by a header or by a cookie: give one of them")
        return self


TELLS_TESTERS = frozenset({"nginx-split", "http-route", "ingress-canary", "virtual-service"})


class Traffic(Section):
    entrance: str
    """URL at which users come in."""
    knob: Knob
    """What moves the users; its ``kind`` says which."""
    testers: Testers | None = None
    """Sent to the Kubernetes side from the pilot deploy on, if the knob can do that."""
    settle: Duration = timedelta(seconds=3)
    """Left out when the split is judged after a shift: old workers and connections still drain."""
    split_patience: Duration = timedelta(seconds=30)
    """How long the observed share may take to match the one asked for."""
    sticky: str | None = None
    """Name of the cookie that keeps a user on a side, if there is one: the share follows only as sessions end."""

    @model_validator(mode="after")
    def _testers_can_be_told_apart(self) -> Traffic:
        if self.testers is not None and self.knob.kind not in TELLS_TESTERS:
            raise ValueError(
                f"a knob of the kind {self.knob.kind} cannot tell testers apart; leave traffic.testers out"
            )
        return self
