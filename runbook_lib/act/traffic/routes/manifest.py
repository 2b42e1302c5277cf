"""One object within a file of manifests, changed so that every other byte stays: comments, order, quotes, blank lines.

A loader that writes a file anew would indent and quote it its own way; here the places of what changes are found, only
they are written, and the result is read again and compared before anybody gets it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import yaml

from runbook_lib.errors import BadParameters

Object = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a time stays text."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Named:
    """Which object of the file is meant, and how the file is called in sentences."""

    where: str
    group: str
    kind: str
    namespace: str
    name: str

    def is_(self, found: Any) -> bool:
        """True for the object; a namespace may be left out in a file."""
        if not isinstance(found, dict) or found.get("kind") != self.kind:
            return False
        metadata, version = found.get("metadata") or {}, str(found.get("apiVersion", ""))
        ours = metadata.get("namespace", self.namespace) == self.namespace and metadata.get("name") == self.name
        return ours and version.startswith(f"{self.group}/")


@dataclass(frozen=True)
class _Piece:
    """Characters ``start`` to ``end`` become ``text``."""

    start: int
    end: int
    text: str


def edited(content: bytes, named: Named, edit: Callable[[Object], None]) -> bytes:
    """The file with that object edited; BadParameters when it is not there once, or cannot be edited in place."""
    text, nodes, objects = _read(content, named)
    at = _place(objects, named)
    wanted = copy.deepcopy(objects)
    edit(wanted[at])
    if wanted == objects:
        return content
    pieces = sorted(_changes(text, nodes[at], objects[at], wanted[at]), key=lambda piece: (piece.start, piece.end))
    for piece in reversed(pieces):
        text = text[: piece.start] + piece.text + text[piece.end :]
    result = text.encode()
    try:
        right = _read(result, named)[2] == wanted
    except BadParameters:
        right = False
    if not right:
        raise BadParameters(
            f"{named.where}: {named.kind} {named.name} is written in a way that cannot be edited in place (an anchor, "
            "or a list within one line?); write it out plainly, nothing was changed"
        )
    return result


def found(content: bytes, named: Named) -> Object:
    """That object as the file has it."""
    objects = _read(content, named)[2]
    one: Object = objects[_place(objects, named)]
    return one


def _place(objects: list[Any], named: Named) -> int:
    at = [index for index, one in enumerate(objects) if named.is_(one)]
    if len(at) != 1:
        raise BadParameters(
            f"{named.where} holds {len(at)} times a {named.kind} {named.namespace}/{named.name}; needed is exactly one"
        )
    return at[0]


def _read(content: bytes, named: Named) -> tuple[str, list[yaml.Node], list[Any]]:
    try:
        text = content.decode()
        nodes = [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
        return text, nodes, [_plain(node) for node in nodes]
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadParameters(
            f"{named.where} is not plain YAML{f' (line {mark.line + 1})' if mark else ''}; name a file of manifests "
            "that are written out, not a template"
        ) from None


def _plain(node: yaml.Node) -> Any:
    return _Loader("").construct_document(copy.deepcopy(node))


def _changes(text: str, node: yaml.Node, old: Any, new: Any) -> Iterator[_Piece]:
    """What has to be written where so that ``old`` becomes ``new``."""
    if type(old) is type(new) and old == new:
        return
    if isinstance(node, yaml.MappingNode) and isinstance(new, dict) and (_in_block(node) or old.keys() == new.keys()):
        yield from _in_mapping(text, node, old, new)
    elif (
        isinstance(node, yaml.SequenceNode)
        and isinstance(new, list)
        and ((new and _in_block(node)) or len(old) == len(new))
    ):
        yield from _in_list(text, node, old, new)
    elif isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False):
        yield _Piece(node.start_mark.index, node.end_mark.index, _in_line(new, getattr(node, "style", None)))
    else:
        yield _Piece(node.start_mark.index, _end(text, node) - 1, _in_line(new, None))


def _in_block(node: yaml.CollectionNode) -> bool:
    """True where every entry has lines of its own, so that one can be added or taken out."""
    return bool(node.value) and not node.flow_style


def _in_mapping(text: str, node: yaml.MappingNode, old: Object, new: Object) -> Iterator[_Piece]:
    names = [key.value if key.tag.endswith(":str") else _plain(key) for key, _ in node.value]
    for name, (key, value) in zip(names, node.value, strict=True):
        if name in new:
            yield from _changes(text, value, old[name], new[name])
        else:
            yield _Piece(_line(text, key.start_mark.index), _end(text, value), "")
    if more := {name: value for name, value in new.items() if name not in names}:
        yield _added(text, _end(text, node.value[-1][1]), more, node.start_mark.column)


def _in_list(text: str, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> Iterator[_Piece]:
    """Items are paired so that least has to be written; one without a partner is taken out or put in."""
    put_in: dict[int, list[Any]] = {}
    for kind, before, after in _pairs(old, new):
        if kind == "put in":
            put_in.setdefault(before, []).append(new[after])
        elif kind == "take out":
            item = node.value[before]
            yield _Piece(_line(text, text.rindex("-", 0, item.start_mark.index)), _end(text, item), "")
        else:
            yield from _changes(text, node.value[before], old[before], new[after])
    for place, items in put_in.items():
        at = _before_item(text, node.value[place]) if place < len(old) else _end(text, node.value[-1])
        yield _added(text, at, items, node.start_mark.column)


def _pairs(old: list[Any], new: list[Any]) -> list[tuple[str, int, int]]:
    """What to do at which place of ``old`` with which of ``new``, at the least cost (an edit distance over items)."""
    best: dict[tuple[int, int], tuple[int, list[tuple[str, int, int]]]] = {(len(old), len(new)): (0, [])}
    for i in range(len(old), -1, -1):
        for j in range(len(new), -1, -1):
            ways = []
            if i < len(old) and j < len(new):
                ways.append((_distance(old[i], new[j]), ("pair", i, j), best[i + 1, j + 1]))
            if i < len(old):
                ways.append((_distance(old[i], None) + 1, ("take out", i, j), best[i + 1, j]))
            if j < len(new):
                ways.append((_distance(None, new[j]) + 1, ("put in", i, j), best[i, j + 1]))
            if ways:
                best[i, j] = min(((cost + rest[0], [step, *rest[1]]) for cost, step, rest in ways), key=lambda w: w[0])
    return best[0, 0][1]


def _distance(old: Any, new: Any) -> int:
    """How many values differ."""
    if type(old) is type(new) and old == new:
        return 0
    if isinstance(old or new, dict) and isinstance(old or {}, dict) and isinstance(new or {}, dict):
        names = {*(old or {}), *(new or {})}
        return sum(_distance((old or {}).get(name), (new or {}).get(name)) for name in names) or 1
    if isinstance(old or new, list) and isinstance(old or [], list) and isinstance(new or [], list):
        return sum(_distance(a, b) for a, b in zip_longest(old or [], new or [])) or 1
    return 1


def _before_item(text: str, item: yaml.Node) -> int:
    """Where an item begins, with the comments that stand above it."""
    at = _line(text, text.rindex("-", 0, item.start_mark.index))
    while at and text[_line(text, at - 1) : at].lstrip(" ").startswith("#"):
        at = _line(text, at - 1)
    return at


def _added(text: str, at: int, value: Any, column: int) -> _Piece:
    newline = "\r\n" if "\r\n" in text else "\n"
    dumped = yaml.safe_dump(value, sort_keys=False, width=10_000, allow_unicode=True)
    lines = [f"{' ' * column}{line}{newline}" for line in dumped.splitlines()]
    return _Piece(at, at, ("" if at == 0 or text[at - 1] == "\n" else newline) + "".join(lines))


def _line(text: str, at: int) -> int:
    """Where the line of a character begins."""
    return text.rfind("\n", 0, at) + 1


def _end(text: str, node: yaml.Node) -> int:
    """Where the line ends that a node ends in: a block's own mark lies behind the comments that follow it."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    last = text.find("\n", max(node.end_mark.index - 1, node.start_mark.index))
    return len(text) if last < 0 else last + 1


def _in_line(value: Any, style: str | None) -> str:
    """A value on one line, quoted as the one before it was."""
    if isinstance(value, str) and style == "'":
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False)
