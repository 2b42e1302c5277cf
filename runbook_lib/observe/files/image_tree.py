"""Reads the image tree: images that grow from each other, and applications that have no Dockerfile of their own."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Dockerfile, Node
from runbook_lib.errors import BadParameters
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.image_build.tree import Base, ImageTree, Wanted
from runbook_lib.judge.image_build.write import dockerfile_text
from runbook_lib.observe.files.images import read_dockerfile
from runbook_lib.observe.files.located import read_located

IMAGE_KEYS = ("from", *(f.name for f in fields(Base) if f.name not in ("name", "line")))
APPLICATION_KEYS = tuple(f.name for f in fields(Wanted) if f.name not in ("name", "line"))
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
WORD = re.compile(r"[^\s\"'`;|&<>]+")  # what may stand in an instruction as one word
VARIABLE = re.compile(r"[A-Za-z_]\w*")
INHERITED = ("language", "version", "build_image", "packages", "time_zone", "user")


def read_image_tree(path: Path) -> ImageTree:
    """The tree; raises BadParameters with the line of what is unknown, missing or of another kind."""
    node = read_located(path, "image tree")
    _known(node, ("registry", "images", "applications"), path)
    registry = node.get("registry").text()
    drawn = dict(node.get("images").entries())
    if not drawn:
        raise BadParameters(f"image tree {path}: images names none")
    bases = tuple(_base(name, drawn, registry, path, ()) for name in drawn)
    wanted = {name: _wanted(name, entry, path) for name, entry in node.get("applications").entries()}
    return ImageTree(str(path), bases, wanted)


def written_dockerfile(path: Path, application: str) -> tuple[Dockerfile, str]:
    """What the tree says the application's Dockerfile is, read as one, and its text."""
    text = dockerfile_text(read_image_tree(path), application)
    return parse_dockerfile(text, f"Dockerfile from {path.name}"), text


def dockerfile_at(path: Path | None, tree: Path | None, application: str) -> tuple[Dockerfile | None, str]:
    """The Dockerfile of its own, else what the image tree writes, with its text; None where neither is named."""
    if path is not None:
        return read_dockerfile(path), ""
    return written_dockerfile(tree, application) if tree is not None else (None, "")


def _base(name: str, drawn: dict[str, Node], registry: str, path: Path, below: tuple[str, ...]) -> Base:
    """One image with what it has from its parents; the nearest counts."""
    entry = drawn[name]
    if name in below:
        raise BadParameters(f"image tree {path}:{entry.line}: {name} grows from itself")
    _known(entry, IMAGE_KEYS, path)
    parent_name = entry.get("from").text()
    if parent_name and parent_name not in drawn:
        raise BadParameters(f"image tree {path}:{entry.get('from').line}: there is no image {parent_name}")
    parent = _base(parent_name, drawn, registry, path, (*below, name)) if parent_name else None
    values: dict[str, Any] = {key: getattr(parent, key) for key in INHERITED} if parent else {}
    for key in ("language", "version", "packages", "time_zone"):
        values |= {key: _word(entry.get(key), key, path)} if entry.get(key).exists else {}
    if entry.get("build_image").exists:
        values["build_image"] = _image(entry.get("build_image"), registry, path)
    if entry.get("user").exists:
        values["user"] = _number(entry.get("user"), "user", path, 2**31)
    environment = {**(parent.environment if parent else {}), **_environment(entry.get("environment"), path)}
    if not entry.get("image").text():
        raise BadParameters(f"image tree {path}:{entry.line}: {name} names no image")
    image = _image(entry.get("image"), registry, path)
    return Base(name=name, image=image, environment=environment, line=entry.line, **values)


def _wanted(name: str, entry: Node, path: Path) -> Wanted:
    if not NAME.fullmatch(name):
        raise BadParameters(f"image tree {path}:{entry.line}: {name[:60]!r} is no name such as order-service")
    _known(entry, APPLICATION_KEYS, path)
    words = ("language", "version", "like", "tool", "artefact", "time_zone")
    build = entry.get("build").text()
    if "\n" in build.strip():
        raise BadParameters(f"image tree {path}:{entry.get('build').line}: build is one line")
    return Wanted(
        name=name,
        build=build.strip(),
        sources=tuple(_word(item, "sources", path) for item in entry.get("sources").elements()),
        command=tuple(item.text() for item in entry.get("command").elements()),
        port=_number(entry.get("port"), "port", path, 65536) if entry.get("port").exists else None,
        packages=_packages(entry.get("packages"), path),
        environment=_environment(entry.get("environment"), path),
        secrets={key: _word(item, "secrets", path) for key, item in _mapping(entry.get("secrets"), "secrets", path)},
        user=_number(entry.get("user"), "user", path, 2**31) if entry.get("user").exists else None,
        line=entry.line,
        **{key: _word(entry.get(key), key, path) for key in words if entry.get(key).exists},
    )


def _known(node: Node, keys: tuple[str, ...], path: Path) -> None:
    if not isinstance(node.value, dict):
        raise BadParameters(f"image tree {path}:{node.line}: {node.path} must hold keys and values")
    for key, entry in node.entries():
        if key not in keys:
            raise BadParameters(f"image tree {path}:{entry.line}: unknown key {key}; allowed are {', '.join(keys)}")


def _mapping(node: Node, what: str, path: Path) -> list[tuple[str, Node]]:
    if node.exists and not isinstance(node.value, dict):
        raise BadParameters(f"image tree {path}:{node.line}: {what} must hold names and values")
    for key, item in node.entries():
        if not WORD.fullmatch(key):
            raise BadParameters(f"image tree {path}:{item.line}: {key[:60]!r} is no name")
    return list(node.entries())


def _packages(node: Node, path: Path) -> dict[str, str]:
    """Names with their versions, or a list of names."""
    if node.elements():
        return {_word(item, "packages", path): "" for item in node.elements()}
    found = _mapping(node, "packages", path)
    return {key: _word(item, "packages", path) if item.exists else "" for key, item in found}


def _environment(node: Node, path: Path) -> dict[str, str]:
    result: dict[str, str] = {}
    for key, item in _mapping(node, "environment", path):
        if not VARIABLE.fullmatch(key) or "\n" in item.text() or isinstance(item.value, dict | list):
            raise BadParameters(f"image tree {path}:{item.line}: {key[:60]!r} is no variable with a value of one line")
        result[key] = item.text()
    return result


def _image(node: Node, registry: str, path: Path) -> str:
    """An image below the registry, unless its name begins with a registry of its own."""
    name = _word(node, "image", path)
    first = name.split("/")[0]
    own = "/" in name and ("." in first or ":" in first or first == "localhost")
    return name if own or not registry else f"{registry.rstrip('/')}/{name}"


def _word(node: Node, what: str, path: Path) -> str:
    text = node.text()
    if not WORD.fullmatch(text):
        raise BadParameters(f"image tree {path}:{node.line}: {what} must be one word, it is {text[:60]!r}")
    return text


def _number(node: Node, what: str, path: Path, end: int) -> int:
    value = node.integer()
    if value is None or not 0 < value < end:
        raise BadParameters(f"image tree {path}:{node.line}: {what} must be a whole number from 1 to {end - 1}")
    return value
