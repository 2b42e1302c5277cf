"""Kubernetes objects of manifests, and the forms that a version knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.artefacts.nodes import Node
from runbook_lib.model import Finding


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
class Output:
    """What a tool made of a folder: what its lines are called, the lines, and the file that people edit instead."""

    name: str
    text: str
    source: str


@dataclass(frozen=True)
class Manifests:
    """All objects given, and a finding for everything in the files that is not an object."""

    resources: tuple[Resource, ...]
    findings: tuple[Finding, ...] = ()
    rendered: tuple[Output, ...] = ()


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
