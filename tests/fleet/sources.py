"""Writes source trees from templates in which each line that binds to a machine is marked, and each that only looks so.

A template file holds many files: ``==== story | path`` begins one; ``◀ topic`` at the end of a line says that an
assessment has to find it there, ``◁ topic`` that it must not. The marks are not written; ``%name%`` is filled in, and
``%%`` is a per cent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .truth import Place

TEMPLATES = Path(__file__).parent / "templates"
MARK = re.compile(r"\s*(?P<mark>[◀◁])\s*(?P<topics>[\w -]+)$")
HOLE = re.compile(r"%%|%(\w+)%")
BASE = "base"


@dataclass(frozen=True)
class Template:
    """One file that a feature brings; ``lines`` still have their marks and holes."""

    feature: str
    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Tree:
    """What is planted in a source tree, and what only looks like it."""

    planted: frozenset[Place]
    alike: frozenset[Place]


@cache
def templates(language: str) -> dict[str, tuple[tuple[Template, ...], ...]]:
    """Feature -> its variants, each of one or more files; a repeated head with ``/n`` is another variant."""
    found: dict[str, dict[str, list[Template]]] = {}
    for block in (TEMPLATES / f"{language}.txt").read_text(encoding="utf-8").split("\n==== ")[1:]:
        head, *lines = block.splitlines()
        variant, _, path = head.partition(" | ")
        feature = variant.partition("/")[0]
        found.setdefault(feature, {}).setdefault(variant, []).append(Template(feature, path, tuple(lines)))
    return {feature: tuple(tuple(files) for files in variants.values()) for feature, variants in found.items()}


def features(language: str) -> frozenset[str]:
    """What can be planted in a tree of this language, by the name of its topic."""
    return frozenset(templates(language)) - {BASE}


def write_tree(root: Path, language: str, wanted: Iterable[str], words: Mapping[str, str], turn: Counter[str]) -> Tree:
    """The base of the language and one variant of each wanted feature; ``turn`` counts, so that each has its turn."""
    planted: set[Place] = set()
    alike: set[Place] = set()
    for feature in (BASE, *sorted(wanted)):
        variants = templates(language)[feature]
        turn[f"{language} {feature}"] += 1
        for template in variants[turn[f"{language} {feature}"] % len(variants)]:
            path = _filled(template.path, words)
            assert not (root / path).exists(), f"{language}: {path} twice"
            lines = []
            for number, text in enumerate(template.lines, 1):
                mark = MARK.search(text)
                if mark:
                    into = planted if mark["mark"] == "◀" else alike
                    into |= {Place(path, number, topic) for topic in mark["topics"].split()}
                lines.append(_filled(text[: mark.start()] if mark else text, words))
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")
    return Tree(frozenset(planted), frozenset(alike))


def _filled(text: str, words: Mapping[str, str]) -> str:
    return HOLE.sub(lambda hole: words[hole[1]] if hole[1] else "%", text)
