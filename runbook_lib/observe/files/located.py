"""YAML that remembers its lines: every value as a Node, every key that is given twice."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runbook_lib.artefacts import Node
from runbook_lib.errors import BadParameters
from runbook_lib.observe.files.text import cause, read_text, where

Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST = 100  # levels; libyaml's composer ends the whole process on some ten thousand
_BRACKETS = re.compile(r"[\[\]{}]")
_INDENT = re.compile(r"^[ \-?:]*", re.M)


def located(text: str, file: str) -> tuple[list[Node], list[tuple[int, str]]]:
    """The documents of a YAML text that are not empty, and line and path of keys given twice.

    Raises yaml.YAMLError, RecursionError or ValueError when it is no YAML.
    """
    twice: list[tuple[int, str]] = []
    documents = list(_documents(text))
    return [_build(document, file, {}, twice) for document in documents], twice


def read_located(path: Path, what: str) -> Node:
    """One YAML mapping with its lines; raises BadParameters with the line where it is broken."""
    text = read_text(path, what)
    try:
        documents, twice = located(text, str(path))
    except yaml.YAMLError as error:
        raise BadParameters(f"{what} {path}:{where(error)} is not YAML: {cause(error)}") from None
    except (RecursionError, ValueError) as error:
        raise BadParameters(f"{what} {path} is not usable YAML: {type(error).__name__}") from None
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise BadParameters(f"{what} {path} must hold one document of keys and values, it has {len(documents)}")
    if twice:
        raise BadParameters(f"{what} {path}:{twice[0][0]}: {twice[0][1]} is given twice; keep one")
    return documents[0]


def _documents(text: str) -> Iterator[yaml.Node]:
    if _could_be_deep(text):
        _refuse_depth(text)
    for document in yaml.compose_all(text, Loader=Loader):
        empty = isinstance(document, yaml.ScalarNode) and document.tag.endswith(":null")
        if document is not None and not empty:
            yield document


def _could_be_deep(text: str) -> bool:
    """True when brackets or indentation allow more levels than are read; never False for a text that has them."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        if depth > DEEPEST // 2:
            return True
    return any(len(found[0]) > DEEPEST // 2 for found in _INDENT.finditer(text))


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _marked(f"nested deeper than {DEEPEST} levels", event)


def _marked(problem: str, at: Any) -> yaml.YAMLError:
    """An error with its line; the C parser's marks are of another type than the error's annotation says."""
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


def _build(source: yaml.Node, file: str, known: dict[int, Node], twice: list[tuple[int, str]], path: str = "") -> Node:
    """A Node per YAML node; an alias is the same Node, one inside what it names an error."""
    if id(source) in known:
        if known[id(source)].value is None and isinstance(source, yaml.CollectionNode):
            raise _marked("an alias inside what it names", source)
        return known[id(source)]
    line = source.start_mark.line + 1
    known[id(source)] = Node(None, file, line, path)
    if isinstance(source, yaml.MappingNode):
        value: Any = _mapping(source, file, known, twice, path)
    elif isinstance(source, yaml.SequenceNode):
        value = [_build(item, file, known, twice, f"{path}[{n}]") for n, item in enumerate(source.value)]
    else:
        value = _scalar(source)
    known[id(source)] = Node(value, file, line, path)
    return known[id(source)]


def _mapping(
    source: yaml.MappingNode, file: str, known: dict[int, Node], twice: list[tuple[int, str]], path: str
) -> dict[str, Node]:
    merged: dict[str, Node] = {}
    own: dict[str, Node] = {}
    for key, item in source.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else str(key.tag)
        child = _build(item, file, known, twice, f"{path}.{name}".lstrip("."))
        if key.tag.endswith(":merge"):
            for parent in child.elements() or (child,):
                merged = {**dict(parent.entries()), **merged}
            continue
        child = dataclasses.replace(child, line=key.start_mark.line + 1)
        if name in own:
            twice.append((key.start_mark.line + 1, f"{path}.{name}".lstrip(".")))
        own[name] = child
    return {**merged, **own}


def _scalar(source: yaml.Node) -> Any:
    """The scalar with Kubernetes' types (YAML 1.1 as the API server's parser reads it); else its text."""
    kind = source.tag.rpartition(":")[2]
    text = str(source.value)
    try:
        if kind == "bool":
            return text.lower() in ("true", "yes", "on", "y")
        if kind == "int":
            return _integer(text.replace("_", ""))
        if kind == "float":
            return float(text)
    except ValueError:
        return text
    return None if kind == "null" else text


def _integer(text: str) -> int:
    """As YAML 1.1 reads it: 0644 is octal, which is what a file's mode means; ValueError for none."""
    digits = text.lstrip("-+")
    return int(text, 8) if digits.startswith("0") and digits.isdigit() and digits != "0" else int(text, 0)
