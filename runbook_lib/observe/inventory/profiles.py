"""Reads a folder of profiles: plain YAML, one file an application."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook_lib.artefacts import Node, node_of
from runbook_lib.errors import BadParameters
from runbook_lib.judge.inventory.merge import folded, origin
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.located import read_located


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
        except BadParameters as error:
            findings.append(_unreadable(path, str(error)))
    return Profiles({tree.get("application").text().strip(): tree for tree in trees.values()}, tuple(findings))


def _read(path: Path) -> tuple[str, Node]:
    if not path.is_file():
        raise BadParameters(f"profile {path} cannot be read: it is no file, or a link to none")
    tree = read_located(path, "profile")
    name = tree.get("application").text().strip()
    if not name:
        name = path.stem
        tree = replace(tree, value={**tree.value, "application": node_of(name, str(path), 1, "application")})
    return name, tree


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
