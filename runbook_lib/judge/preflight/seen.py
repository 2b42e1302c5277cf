"""What the preflight saw around a release: data only, read by observe/preflight, judged beside this module."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Sizes = dict[str, float]
"""By the names of a ResourceQuota: ``pods``, ``requests.cpu`` in cores, ``limits.memory`` in bytes, ``count/…``."""


@dataclass(frozen=True)
class Unknown:
    """Something that could not be read, and why."""

    why: str


@dataclass(frozen=True)
class PodsWanted:
    """Pods that come on top of what runs while a workload is rolled out; ``larger`` are old ones that only grow."""

    workload: str
    count: int
    sizes: Sizes
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerated: tuple[str, ...] = ()
    """Keys of taints; ``*`` tolerates all."""
    larger: int = 0
    growth: Sizes = field(default_factory=dict)


@dataclass(frozen=True)
class NodeRoom:
    """What one ready node has left for requests: cores, bytes, Pods."""

    name: str
    cores: float
    memory: float
    pods: float
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quota:
    """One ResourceQuota that counts what the release brings."""

    name: str
    hard: Sizes
    used: Sizes


@dataclass(frozen=True)
class Demand:
    """All that the release adds: Pods on nodes, sizes in quotas, and what containers do not say or may not have."""

    pods: tuple[PodsWanted, ...]
    sizes: Sizes
    unsaid: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the name of a quota's size: the containers that name none."""
    against_limits: tuple[str, ...] = ()
    """What a LimitRange of the namespace will refuse, in sentences."""


@dataclass(frozen=True)
class Image:
    """One image of the release and what is known of it without a node; ``nodes`` None: the nodes were not seen."""

    reference: str
    workload: str
    policy: str
    problem: str = ""
    """What is wrong with the reference itself."""
    missing_secrets: tuple[str, ...] = ()
    nodes: int | None = None
    on_nodes: int = 0
    answer: Literal["there", "absent", "refused", "not allowed", "unknown"] = "unknown"
    """What the registry said; refused: although credentials were shown, not allowed: none were there to show."""
    said: str = ""


@dataclass(frozen=True)
class Reference:
    """Something of the cluster that an object of the release stands on."""

    user: str
    needs: str
    state: Literal["there", "absent", "refused", "unknown"]
    said: str = ""


@dataclass(frozen=True)
class Name:
    """A name that was resolved from here; one that is not ``needed`` is only told."""

    name: str
    used_as: str
    addresses: tuple[str, ...]
    needed: bool = True
    said: str = ""


@dataclass(frozen=True)
class Clocks:
    """Seconds by which clocks are ahead of the API server's (below 0: behind); None: not known."""

    ours: float | None
    nodes: dict[str, float] | Unknown
    """By node: how long ago its last heartbeat was, by the API server's clock; below 0 it lies in the future."""
    renewed_every: float = 40.0


@dataclass(frozen=True)
class Series:
    """How many series an expression of the parameters gives; ``instances`` are counted where it names them."""

    what: str
    query: str
    count: int
    instances: int = 0


@dataclass(frozen=True)
class Rules:
    """The alerting rules of Prometheus: how many there are, and the names of those about this application."""

    all: int
    ours: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Surroundings:
    """Everything around a release that was looked at before it is applied."""

    demand: Demand
    quotas: tuple[Quota, ...] | Unknown
    nodes: tuple[NodeRoom, ...] | Unknown
    images: tuple[Image, ...]
    storage: tuple[Reference, ...]
    routes: tuple[Reference, ...]
    versions: tuple[str, ...]
    """API versions of the release that a newer one of their group is served beside."""
    service: Reference
    names: tuple[Name, ...]
    clocks: Clocks
    series: tuple[Series, ...] | Unknown
    rules: Rules | Unknown
    contacts: tuple[str, ...]
    owner: str
