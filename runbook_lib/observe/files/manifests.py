"""Reads Kubernetes manifests with the line of every value, and names everything in the files that is no object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from runbook_lib.artefacts import Manifests, Node, Output, Resource
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.located import located
from runbook_lib.observe.files.templates import first_template
from runbook_lib.observe.files.text import cause, decoded, read_text, where
from runbook_lib.observe.release.rendering import Place, files, needs_tool, render, source_of
from runbook_lib.sections.release import Rendering

SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def read_manifests(path: Path, rendering: Rendering | None = None, place: Place | None = None) -> Manifests:
    """All objects that would be applied of a file, a folder, a kustomization or a chart, in the order of its files.

    Raises BadParameters when the path does not exist, cannot be rendered, or holds no Kubernetes object; a broken file
    among good ones is a finding. What was rendered has its lines in the stream of the tool, which is kept.
    """
    if not path.exists():
        raise BadParameters(f"manifests {path} do not exist: check their path")
    made: tuple[Output, ...] = ()
    if not path.is_file() and not path.is_dir():
        raise BadParameters(f"{path} is neither a file nor a folder: name one of them")
    if needs_tool(path):
        texts = render(path, rendering or Rendering(), place or Place("default", "release")).texts
        made = tuple(Output(f"{path} as rendered", text.text, str(source_of(path))) for text in texts)
        read = [parse_manifests(one.text, one.name) for one in made]
    else:
        read = [_file(file) for file in ([path] if path.is_file() else files(path))]
    return _together(read, made, str(path))


def read_stream(data: bytes, name: str = "stdin") -> Manifests:
    """All objects that another program printed, as ``helm template . | runbook check -`` hands them over."""
    made = Output(name, decoded(data, name, "manifest"), "")
    return _together([parse_manifests(made.text, name)], (made,), name)


def _together(read: Sequence[Manifests], made: tuple[Output, ...], name: str) -> Manifests:
    resources = tuple(one for part in read for one in part.resources)
    findings = tuple(one for part in read for one in part.findings)
    if not resources:
        seen = findings[0].message if findings else "what was rendered is empty"
        raise BadParameters(f"no Kubernetes object in {name}: {seen}")
    return Manifests(resources, findings, made)


def _file(file: Path) -> Manifests:
    try:
        return parse_manifests(read_text(file, "manifest"), str(file))
    except BadParameters as error:
        return Manifests((), (_broken(str(file), 1, str(error)),))


def parse_manifests(text: str, file: str) -> Manifests:
    """The objects of one file's text; never raises, what is wrong becomes a finding."""
    template = first_template(text)
    if template:
        line, expression = template
        message = f"{file}:{line} holds a template expression, {expression}: render it first (helm template)"
        return Manifests((), (_broken(file, line, message),))
    text = text.replace("\n\ufeff", "\n")  # cat keeps the byte order mark of each file
    try:
        found = located(_as_yaml(text), file, api=True)
    except yaml.YAMLError as error:
        line = min(where(error), text.count("\n") + 1)  # the end of a file is a line of its own to the parser
        return Manifests((), (_broken(file, line, f"{file}:{line} is not YAML: {cause(error)}"),))
    except (RecursionError, ValueError) as error:
        return Manifests((), (_broken(file, 1, f"{file} is not usable YAML: {type(error).__name__}"),))
    findings = [_duplicate(file, line, path) for line, path in found.twice]
    findings += [_renamed(file, line, said) for line, said in found.renamed]
    resources = [resource for document in found.documents for resource in _objects(document, findings)]
    if not resources and not findings:
        findings.append(_broken(file, 1, f"{file} holds no object, only empty documents, lists or comments"))
    return Manifests(tuple(resources), tuple(findings))


def _as_yaml(text: str) -> str:
    """JSON as YAML takes it, line by line the same: several objects one after the other, characters in two escapes."""
    if not text.lstrip().startswith("{"):
        return text
    text = SURROGATES.sub(lambda pair: json.loads(f'"{pair[0]}"'), text)
    decoder = json.JSONDecoder()
    parts, position = [], 0
    try:
        while position < len(text):
            begin = position
            _, position = decoder.raw_decode(text, len(text) - len(text[position:].lstrip()))
            position = len(text) - len(text[position:].lstrip())
            parts.append(text[begin:position])
    except (ValueError, RecursionError):
        return text
    return "--- ".join(parts) if all(part.endswith("\n") for part in parts[:-1]) else text


def _objects(node: Node, findings: list[Finding], listed: tuple[str, str] = ("", "")) -> Iterator[Resource]:
    """The object of a document, or the members of its list; what has items is one, whatever its kind."""
    for entry in (node.get("apiVersion"), node.get("kind")):
        if isinstance(entry.value, bool | int | float):
            message = f"{node.file}:{entry.line}: {entry.path} is {entry.text()}, it must be text: put it in quotes"
            findings.append(_broken(node.file, entry.line, message))
            return
    kind = node.get("kind").text() or listed[1]
    version = node.get("apiVersion").text() or listed[0]
    if not kind or not version:
        message = f"{node.file}:{node.line} has no kind and apiVersion: it is not a Kubernetes object"
        findings.append(_broken(node.file, node.line, message))
        return
    if isinstance(node.value, dict) and ("items" in node.value or (version, kind) == ("v1", "List")):
        yield from _members(node.get("items"), findings, (version, kind))
        return
    metadata = node.get("metadata")
    yield Resource(version, kind, metadata.get("name").text(), metadata.get("namespace").text(), node)


def _members(items: Node, findings: list[Finding], of: tuple[str, str]) -> Iterator[Resource]:
    """A PodList's members may leave out that they are Pods; an empty list is as good as an empty document."""
    if items.exists and not isinstance(items.value, list):
        message = f"{items.file}:{items.line} has items that are no list: nothing of it was read"
        findings.append(_broken(items.file, items.line, message))
    typed = of[1].endswith("List") and of[1] != "List"
    for item in items.elements():
        yield from _objects(item, findings, (of[0], of[1].removesuffix("List")) if typed else ("", ""))


def _broken(file: str, line: int, message: str) -> Finding:
    return Finding(
        check="manifest-readable",
        title="Every file can be read",
        outcome=Outcome.FAIL,
        severity="blocking",
        object=Path(file).name,
        message=message,
        reason="What cannot be read was not checked, and the cluster refuses it.",
        file=file,
        line=line,
    )


def _duplicate(file: str, line: int, path: str) -> Finding:
    return Finding(
        check="duplicate-key",
        title="No key is given twice",
        outcome=Outcome.FAIL,
        severity="blocking",
        object=Path(file).name,
        message=f"{path} is given twice: the second one wins without a word",
        reason="The value a reader sees first is not the one that runs.",
        file=file,
        line=line,
    )


def _renamed(file: str, line: int, said: str) -> Finding:
    return Finding(
        check="key-text",
        title="Every key is text",
        outcome=Outcome.FAIL,
        severity="blocking",
        object=Path(file).name,
        message=f"{said}: put it in quotes",
        reason="For kubectl y, n, on and off are booleans: in the cluster the setting has another name.",
        file=file,
        line=line,
    )
