"""The image tree of a house, and which of its images an application is built on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_lib.errors import BadParameters


@dataclass(frozen=True)
class Base:
    """One image of the tree, with what it has from those it grows from; ``build_image`` holds the tools."""

    name: str
    image: str
    language: str = ""
    version: str = ""
    build_image: str = ""
    packages: str = ""
    """What installs packages in it: apt, apk, dnf, microdnf or yum."""
    time_zone: str = ""
    user: int = 10001
    environment: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True)
class Wanted:
    """What an application needs of its image; what is empty is the custom of its language."""

    name: str
    language: str = ""
    version: str = ""
    like: str = ""
    """The base by its name, where language and version do not decide."""
    tool: str = ""
    build: str = ""
    sources: tuple[str, ...] = ()
    artefact: str = ""
    command: tuple[str, ...] = ()
    port: int | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Secrets that the build needs, by identifier, and where it looks for them."""
    time_zone: str = ""
    user: int | None = None
    line: int = 0


@dataclass(frozen=True)
class ImageTree:
    file: str
    bases: tuple[Base, ...]
    wanted: Mapping[str, Wanted]


def choose(tree: ImageTree, wanted: Wanted) -> Base:
    """The image by name, else the newest of the language whose version begins as the one that is asked for.

    Raises BadParameters when there is none, and says which there are.
    """
    if wanted.like:
        found = [base for base in tree.bases if base.name == wanted.like]
    else:
        asked = parts(wanted.version)
        same = [base for base in tree.bases if base.language and base.language == wanted.language]
        found = [base for base in same if parts(base.version)[: len(asked)] == asked]
    if not found:
        there = ", ".join(f"{base.name} ({base.language} {base.version})".replace(" ( )", "") for base in tree.bases)
        asks = wanted.like or f"{wanted.language} {wanted.version}".strip() or "no language"
        raise BadParameters(f"image tree {tree.file}:{wanted.line}: {wanted.name} asks for {asks}; there are {there}")
    return max(found, key=lambda base: [(part.isdigit(), part.zfill(12)) for part in parts(base.version)])


def parts(version: str) -> list[str]:
    """``8u392`` and ``1.8.0_392`` are both Java's 8, 392; other versions are cut at their dots."""
    java = re.fullmatch(r"1\.([1-8])(?:\.0)?(?:_(\d+))?", version)
    if java:
        return [part for part in java.groups() if part]
    return [part for part in re.split(r"[^0-9A-Za-z]+|(?<=\d)u(?=\d)", version) if part]
