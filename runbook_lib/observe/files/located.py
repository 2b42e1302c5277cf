"""YAML that remembers its lines: every value as a Node, every key that is given twice."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from runbook_lib.artefacts import Node
from runbook_lib.errors import BadParameters
from runbook_lib.observe.files.scalars import scalar
from runbook_lib.observe.files.text import cause, read_text, where

Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST = 1_000_000  # values, written out; aliases of aliases are some lines and fill any memory
DEEPEST = 100  # levels; libyaml's composer ends the whole process on some ten thousand
_BRACKETS = re.compile(r"[\[\]{}]")
_INDENT = re.compile(r"^[ \-?:]*", re.M)


@dataclass
class _Reading:
    """One document as it is built: what is known by its identity, what was found on the way."""

    file: str
    api: bool
    known: dict[int, Node] = field(default_factory=dict)
    twice: list[tuple[int, str]] = field(default_factory=list)
    renamed: list[tuple[int, str]] = field(default_factory=list)
    aliased: bool = False


@dataclass(frozen=True)
class Located:
    """The documents that are not empty; line and path of keys given twice, and of those that are read otherwise."""

    documents: list[Node]
    twice: list[tuple[int, str]]
    renamed: list[tuple[int, str]]


def located(text: str, file: str, api: bool = False) -> Located:
    """The documents of a YAML text; ``api``: scalars and keys as the parser of kubectl takes them, ``y`` for true.

    Raises yaml.YAMLError, RecursionError or ValueError when it is no YAML.
    """
    built, twice, renamed = [], [], []
    for document in _composed(text):
        reading = _Reading(file, api)
        node = _build(document, reading, "")
        if reading.aliased and _expanded(node, {}) > MOST:
            raise _marked(f"its aliases stand for more than {MOST} values", document)
        built.append(node)
        twice += reading.twice
        renamed += reading.renamed
    return Located(built, twice, renamed)


def read_located(path: Path, what: str) -> Node:
    """One YAML mapping with its lines; raises BadParameters with the line where it is broken."""
    text = read_text(path, what)
    try:
        found = located(text, str(path))
    except yaml.YAMLError as error:
        raise BadParameters(f"{what} {path}:{where(error)} is not YAML: {cause(error)}") from None
    except (RecursionError, ValueError) as error:
        raise BadParameters(f"{what} {path} is not usable YAML: {type(error).__name__}") from None
    if len(found.documents) != 1 or not isinstance(found.documents[0].value, dict):
        raise BadParameters(f"{what} {path} must hold one document of keys and values, it has {len(found.documents)}")
    if found.twice:
        raise BadParameters(f"{what} {path}:{found.twice[0][0]}: {found.twice[0][1]} is given twice; keep one")
    return found.documents[0]


def _composed(text: str) -> list[yaml.Node]:
    try:
        return list(_documents(text))
    except yaml.reader.ReaderError:  # it tells the byte, which is nobody's line
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        at = found.start() if found else 0
        mark = yaml.Mark("", at, text.count("\n", 0, at), 0, None, 0)
        raise yaml.MarkedYAMLError(problem=f"a control character, 0x{ord(text[at]):02x}", problem_mark=mark) from None


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


def _build(source: yaml.Node, reading: _Reading, path: str) -> Node:
    """A Node per YAML node; an alias is the same Node, one inside what it names an error."""
    known = reading.known.get(id(source))
    if known is not None:
        if known.value is None and isinstance(source, yaml.CollectionNode):
            raise _marked("an alias inside what it names", source)
        reading.aliased = True
        return known
    line = source.start_mark.line + 1
    reading.known[id(source)] = Node(None, reading.file, line, path)
    if isinstance(source, yaml.MappingNode):
        value: Any = _mapping(source, reading, path)
    elif isinstance(source, yaml.SequenceNode):
        value = [_build(item, reading, f"{path}[{n}]") for n, item in enumerate(source.value)]
    else:
        value = scalar(source, reading.api)
    built = reading.known[id(source)] = Node(value, reading.file, line, path)
    return built


def _mapping(source: yaml.MappingNode, reading: _Reading, path: str) -> dict[str, Node]:
    merged: dict[str, Node] = {}
    own: dict[str, Node] = {}
    for key, item in source.value:
        name = _key(key, reading, path)
        child = _build(item, reading, f"{path}.{name}" if path else name)
        if key.tag.endswith(":merge"):
            for parent in child.elements() if isinstance(child.value, list) else (child,):
                if not isinstance(parent.value, dict):
                    raise _marked("<< takes a mapping or a list of them", key)
                merged = {**dict(parent.entries()), **merged}
            continue
        line = key.start_mark.line + 1
        if child.line != line:
            child = dataclasses.replace(child, line=line)
        if name in own:
            reading.twice.append((line, child.path))
        own[name] = child
    return {**merged, **own}


def _key(key: yaml.Node, reading: _Reading, path: str) -> str:
    """A key is text; what kubectl reads as something else gets the text that it makes of that."""
    if not isinstance(key, yaml.ScalarNode):
        if reading.api:
            raise _marked("a key that is a list or a mapping", key)
        return str(key.tag)
    written = str(key.value)
    if not reading.api or key.tag.endswith(":merge"):
        return written
    value = scalar(key, api=True)
    if value is None:
        raise _marked("a key that is nothing", key)
    name = str(value).lower() if isinstance(value, bool) else written if isinstance(value, float) else str(value)
    if name != written:
        reading.renamed.append((key.start_mark.line + 1, f"{path}.{written}".lstrip(".") + f" is read as {name}"))
    return name


def _expanded(node: Node, known: dict[int, int]) -> int:
    """How many values there are when every alias is written out, as whoever walks through it meets them."""
    found = known.get(id(node))
    if found is None:
        below = node.value.values() if isinstance(node.value, dict) else node.elements()
        found = known[id(node)] = 1 + sum(_expanded(child, known) for child in below)
    return found
