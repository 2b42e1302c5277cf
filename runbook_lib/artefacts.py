"""What is read from files before a move: hosts, use, source evidence, manifests, a Dockerfile. Types only, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from runbook_lib.model import Finding


@dataclass(frozen=True)
class Host:
    """One machine as its configuration management saw it; ``facts`` keeps Ansible's names without ``ansible_``."""

    name: str
    facts: dict[str, Any]
    file: str


@dataclass(frozen=True)
class Inventory:
    """The hosts that could be read, and a finding for each file that could not."""

    hosts: tuple[Host, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Rule:
    """What to look for in source, why it breaks in a Pod, what to change in code, and the control that answers it.

    ``match`` is an ast-grep rule when ``language`` is a programming language, a regular expression when it is
    ``text``; ``constraints`` are ast-grep's, of what the rule's variables stand for; ``files`` are name patterns. One
    of the ``words`` and the expression ``requires`` must stand in the file, ``unless`` in no build file. ``once``: only
    the first place of a file is told. ``topic`` joins evidence to manifest controls (``session``, ``cron`` ...).
    ``finds`` and ``passes`` are samples of what it must find and must not; ``file`` is where it is written down.
    """

    id: str
    title: str
    topic: str
    severity: str
    language: str
    files: tuple[str, ...]
    match: Any
    reason: str
    change: str
    control: str
    unless: str = ""
    requires: str = ""
    words: tuple[str, ...] = ()
    constraints: Any = None
    once: bool = False
    finds: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True)
class Evidence:
    """One place in the source where a rule matched; ``captured`` are paths, addresses or schedules in the text."""

    rule: Rule
    file: str
    line: int
    text: str
    captured: str = ""
    suppressed: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A YAML value that remembers its file and line; a child that is not there is a Node whose value is None."""

    value: Any = None
    file: str = ""
    line: int = 0
    path: str = ""

    @property
    def exists(self) -> bool:
        return self.value is not None

    def get(self, *keys: str) -> Node:
        """The value below; a missing or wrongly typed step gives an empty Node at the line of its parent."""
        node = self
        for key in keys:
            found = node.value.get(key) if isinstance(node.value, dict) else None
            if isinstance(found, Node):
                node = found
            else:
                node = Node(None, node.file, node.line, f"{node.path}.{key}".lstrip("."))
        return node

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping; nothing for anything else."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def elements(self) -> tuple[Node, ...]:
        """The members of a list; nothing for anything else."""
        return tuple(self.value) if isinstance(self.value, list) else ()

    def text(self, default: str = "") -> str:
        """The scalar as Kubernetes would print it; the default for nothing, a mapping or a list."""
        if self.value is None or isinstance(self.value, dict | list):
            return default
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    def integer(self, default: int | None = None) -> int | None:
        """The whole number; the default for anything else (a wrong type is a finding of its own)."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else default

    def is_true(self) -> bool:
        return self.value is True

    def is_false(self) -> bool:
        return self.value is False

    def labels(self) -> dict[str, str]:
        """A mapping of scalars, as labels and selectors are."""
        return {key: node.text() for key, node in self.entries()}

    def plain(self, depth: int = 40) -> Any:
        """The same value made of JSON's types; what is nested deeper than ``depth`` is cut off."""
        if depth == 0:
            return None
        if isinstance(self.value, dict):
            return {key: node.plain(depth - 1) for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain(depth - 1) for node in self.value]
        return self.value


@dataclass(frozen=True)
class Resource:
    """One Kubernetes object of a manifest."""

    api_version: str
    kind: str
    name: str
    namespace: str
    node: Node

    @property
    def title(self) -> str:
        return f"{self.kind}/{self.name or '(no name)'}"


@dataclass(frozen=True)
class Manifests:
    """All objects given, and a finding for everything in the files that is not an object."""

    resources: tuple[Resource, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Served:
    """What a version of Kubernetes says of a kind in one API version.

    ``form`` is its JSON schema, None where it is not served; ``elsewhere`` all API versions that have the kind there;
    ``versions`` the versions of Kubernetes known to serve it.
    """

    form: dict[str, Any] | None = None
    elsewhere: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schemas:
    """The forms of the kinds that are used, by API version and kind, in one version of Kubernetes.

    ``version`` was asked for, ``used`` answers: another one where no schemas of it are there, empty where none fit.
    """

    version: str
    used: str
    known: tuple[str, ...] = ()
    kinds: dict[tuple[str, str], Served] = field(default_factory=dict)
    definitions: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its variables filled in where the builder does.

    ``words`` is the exec form, empty in the shell form; ``body`` what its here-documents hold; a flag that is given
    twice holds both values, a line each; ``inner`` is what an ONBUILD keeps for later.
    """

    name: str
    value: str
    line: int
    words: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)
    body: str = ""
    inner: Instruction | None = None


@dataclass(frozen=True)
class Stage:
    """One FROM and what follows it; ``image`` has its ARGs filled in."""

    name: str
    image: str
    line: int
    instructions: tuple[Instruction, ...]
    platform: str = ""


@dataclass(frozen=True)
class Dockerfile:
    """The stages of a build; the last one is the image that runs."""

    file: str
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...] = ()

    def parent(self, position: int) -> int | None:
        """Which earlier stage a stage is built on; None for an image from elsewhere."""
        image = self.stages[position].image.lower()
        return next((n for n in reversed(range(position)) if self.stages[n].name.lower() == image != ""), None)

    @property
    def lineage(self) -> tuple[Stage, ...]:
        """The stages that the image that runs is made of, the lowest first; the others are left behind."""
        position: int | None = len(self.stages) - 1 if self.stages else None
        found: list[Stage] = []
        while position is not None:
            found.insert(0, self.stages[position])
            position = self.parent(position)
        return tuple(found)

    @property
    def final(self) -> tuple[Instruction, ...]:
        """Every instruction that shapes the image that runs, in order."""
        return tuple(instruction for stage in self.lineage for instruction in stage.instructions)


@dataclass(frozen=True)
class Accepted:
    """A vulnerability that somebody answers for until a day, of one package or of any."""

    vulnerability: str
    owner: str
    reason: str
    expires: date
    package: str = ""
    line: int = 0


@dataclass(frozen=True)
class Waiver:
    """Somebody answers for what a check finds, at the objects that a pattern names or everywhere, until a day."""

    check: str
    owner: str
    reason: str
    expires: date | None = None
    object: str = ""
    line: int = 0


@dataclass(frozen=True)
class Policy:
    """What a house allows: image tags and registries, checks that are off, severities that differ."""

    tag_pattern: str = r"^[a-zA-Z0-9_.-]+-[0-9a-f]{7,40}-\d{8,14}$"
    tag_example: str = "<branch>-<sha>-<time>, such as main-4f2a91c-20261112"
    registries: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    """Checks that are not asked today; ``switched_off`` says who wanted that, also of those whose day is over."""
    switched_off: tuple[Waiver, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    severities: dict[str, str] = field(default_factory=dict)
    accepted: tuple[Accepted, ...] = ()
    scan_days: int = 14
    """How old a scan of an image, or the list of vulnerabilities it used, may be."""
    unfixed: str = "blocking"
    """What a grave vulnerability is for which nobody has a fix yet: blocking or warning."""
    heap_share: float = 0.75
    """Of the memory limit of a JVM, so much at most may be heap."""
    cpu_headroom: float = 1.5
    """A CPU limit, where there is one, is so many times what was measured, at least."""
    pause_before_stop: int = 5
    """Seconds that a mend lets preStop wait until nobody sends requests any more."""
    file: str = ""


@dataclass(frozen=True)
class Demanded:
    """A control that the source asks for, as the assessment wrote it down."""

    topic: str
    severity: str
    control: str
    places: tuple[str, ...] = ()
    captured: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assessed:
    """What the assessment hands to the checks; None and empty where it did not know."""

    ports: tuple[int, ...] = ()
    start_seconds: float | None = None
    drain_seconds: float | None = None
    cpu_request: float | None = None
    memory_mib: float | None = None
    replicas: int | None = None
    time_zone: str = ""
    shared_sessions: bool | None = None
    runtime: str = ""
    demands: tuple[Demanded, ...] = ()
    decided: dict[str, str] = field(default_factory=dict)
    """Paths that are written today, and where the profile sends them."""


def node_of(value: Any, file: str = "", line: int = 0, path: str = "") -> Node:
    """A Node tree from plain values, all at one line: how a patched object is checked again."""
    if isinstance(value, dict):
        return Node(
            {str(k): node_of(v, file, line, f"{path}.{k}".lstrip(".")) for k, v in value.items()}, file, line, path
        )
    if isinstance(value, list):
        return Node([node_of(v, file, line, f"{path}[{n}]") for n, v in enumerate(value)], file, line, path)
    return Node(value, file, line, path)
