"""Writes source trees from templates in which each line that binds to a machine is marked, and each that only looks so.

A template file holds many files: ``==== story | path`` begins one; ``◀ topic`` at the end of a line says that an
assessment has to find it there, ``◁ topic`` that it must not. The marks are not written; ``%name%`` is filled in, and
``%%`` is a per cent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .truth import Place

TEMPLATES = Path(__file__).parent / "templates"
PLANTED, ALIKE = "◀", "◁"
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
    chosen = [template for files in templates(language)[BASE] for template in files]
    for feature in sorted(wanted):
        variants = templates(language)[feature]
        turn[f"{language} {feature}"] += 1
        chosen += variants[turn[f"{language} {feature}"] % len(variants)]
    marked: dict[str, set[Place]] = {PLANTED: set(), ALIKE: set()}
    for template in chosen:
        path = _filled(template.path, words)
        assert not (root / path).exists(), f"{language}: {path} twice"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(_unmarked(template.lines, path, marked)).rstrip("\n")
        (root / path).write_text(_filled(text, words) + "\n", encoding="utf-8")
    return Tree(frozenset(marked[PLANTED]), frozenset(marked[ALIKE]))


def _unmarked(lines: Iterable[str], path: str, marked: Mapping[str, set[Place]]) -> Iterator[str]:
    """The lines as they are written, and what their marks say."""
    for number, text in enumerate(lines, 1):
        mark = MARK.search(text)
        if mark:
            marked[mark["mark"]].update(Place(path, number, topic) for topic in mark["topics"].split())
        yield text[: mark.start()] if mark else text


def _filled(text: str, words: Mapping[str, str]) -> str:
    return HOLE.sub(lambda hole: words[hole[1]] if hole[1] else "%", text)
