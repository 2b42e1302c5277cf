"""Reads a folder of profiles: plain YAML, one file an application."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook_lib.artefacts import Node, node_of
from runbook_lib.errors import BadParameters
from runbook_lib.judge.inventory.merge import folded, origin
from runbook_lib.judge.profile import number
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.located import read_located
from runbook_lib.observe.inventory.cells import NUMBERS
from runbook_lib.sections.assessment import no_key


@dataclass(frozen=True)
class Profiles:
    """The profile of each application by its name, and a finding for each file that could not be read."""

    trees: dict[str, Node] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read_profiles(folder: Path) -> Profiles:
    """Every .yaml and .yml of a folder; one that names no application is that of its file's name.

    Raises BadParameters when the folder is missing.
    """
    if not folder.is_dir():
        raise BadParameters(f"folder of profiles {folder} does not exist: check assessment.profile in the parameters")
    trees: dict[str, Node] = {}
    findings: list[Finding] = []
    for path in sorted(Path(entry.path) for entry in os.scandir(folder)):
        if path.suffix.lower() not in (".yaml", ".yml") or path.name.startswith("."):
            continue
        try:
            name, tree = _read(path)
            if folded(name) in trees:
                first = origin(trees[folded(name)])
                raise BadParameters(f"profile {path} is left out: {first} is also of {name}; keep one")
            trees[folded(name)] = tree
            findings += unused(tree)
        except BadParameters as error:
            findings.append(_unreadable(path, str(error)))
    return Profiles({tree.get("application").text().strip(): tree for tree in trees.values()}, tuple(findings))


def unused(profile: Node) -> list[Finding]:
    """What a profile says and nobody reads: a key that is none, a number that is none."""
    found = [(node, why) for key, node in _keys(profile) if (why := no_key(key))]
    for key in NUMBERS - {"port"}:
        node = profile.get(*key.split("."))
        wrong = [one for one in node.elements() or (node,) if one.text() and number(one.value) is None]
        found += [(one, f"{key} is {one.text()!r}, not a number") for one in wrong]
    return [_not_used(node, why) for node, why in sorted(found, key=lambda one: (one[0].line, one[1]))]


def _keys(profile: Node) -> Iterator[tuple[str, Node]]:
    for key, node in profile.entries():
        yield key, node
        for below, inner in node.entries():
            yield f"{key}.{below}", inner


def _read(path: Path) -> tuple[str, Node]:
    if not path.is_file():
        raise BadParameters(f"profile {path} cannot be read: it is no file, or a link to none")
    tree = read_located(path, "profile")
    name = tree.get("application").text().strip()
    if not name:
        name = path.stem
        tree = replace(tree, value={**tree.value, "application": node_of(name, str(path), 1, "application")})
    return name, tree


def _not_used(at: Node, message: str) -> Finding:
    return Finding(
        check="profile-used",
        title="Everything that a profile says is used",
        outcome=Outcome.INCONCLUSIVE,
        severity="info",
        object=Path(at.file).stem,
        message=f"{at.file}:{at.line}: {message}",
        reason="What is not understood of a profile is not known.",
        file=at.file,
        line=at.line,
    )


def _unreadable(path: Path, message: str) -> Finding:
    return Finding(
        check="profile-readable",
        title="Every profile can be read",
        outcome=Outcome.INCONCLUSIVE,
        severity="warning",
        object=path.stem,
        message=message,
        reason="What people know of this application is not known here.",
        file=str(path),
    )
