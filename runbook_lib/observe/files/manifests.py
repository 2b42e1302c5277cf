"""Reads Kubernetes manifests with the line of every value, and names everything in the files that is no object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from runbook_lib.artefacts import Manifests, Node, Resource
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.located import located
from runbook_lib.observe.files.text import cause, read_text, where
from runbook_lib.observe.release.rendering import Place, files, needs_tool, render
from runbook_lib.sections.release import Rendering

TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_PREFIX = re.compile(r" *(?:- +)*")
_BLOCK = re.compile(r"(?:^|[:\-]\s+|\s)[|>][-+0-9]*\s*(?:#.*)?$")


def read_manifests(path: Path, rendering: Rendering | None = None, place: Place | None = None) -> Manifests:
    """All objects that would be applied of a file, a folder, a kustomization or a chart, in the order of its files.

    Raises BadParameters when the path does not exist, cannot be rendered, or holds no Kubernetes object; a broken file
    among good ones is a finding. What was rendered has its lines in the stream of the tool.
    """
    if not path.exists():
        raise BadParameters(f"manifests {path} do not exist: check containerization.manifests in the parameters")
    if needs_tool(path):
        texts = render(path, rendering or Rendering(), place or Place("default", "release")).texts
        read = [parse_manifests(text.text, text.name) for text in texts]
    else:
        read = [_file(file) for file in ([path] if path.is_file() else files(path))]
    resources = tuple(one for part in read for one in part.resources)
    findings = tuple(one for part in read for one in part.findings)
    if not resources:
        seen = findings[0].message if findings else "what was rendered is empty"
        raise BadParameters(f"no Kubernetes object in {path}: {seen}")
    return Manifests(resources, findings)


def _file(file: Path) -> Manifests:
    try:
        return parse_manifests(read_text(file, "manifest"), str(file))
    except BadParameters as error:
        return Manifests((), (_broken(str(file), 1, str(error)),))


def parse_manifests(text: str, file: str) -> Manifests:
    """The objects of one file's text; never raises, what is wrong becomes a finding."""
    resources: list[Resource] = []
    findings: list[Finding] = list(_templates(text, file))
    if findings:
        return Manifests((), tuple(findings))
    try:
        documents, twice = located(text, file)
    except yaml.YAMLError as error:
        return Manifests((), (_broken(file, where(error), f"{file}:{where(error)} is not YAML: {cause(error)}"),))
    except (RecursionError, ValueError) as error:
        return Manifests((), (_broken(file, 1, f"{file} is not usable YAML: {type(error).__name__}"),))
    findings += [_duplicate(file, line, path) for line, path in twice]
    for document in documents:
        resources += _objects(document, findings)
    if not resources and not findings:
        findings.append(_broken(file, 1, f"{file} holds no object, only empty documents or comments"))
    return Manifests(tuple(resources), tuple(findings))


def _objects(node: Node, findings: list[Finding]) -> Iterator[Resource]:
    """The object of a document, or the members of its List."""
    kind = node.get("kind").text()
    if kind.endswith("List") and isinstance(node.get("items").value, list):
        for item in node.get("items").elements():
            yield from _objects(item, findings)
        return
    if not kind or not node.get("apiVersion").text():
        message = f"{node.file}:{node.line} has no kind and apiVersion: it is not a Kubernetes object"
        findings.append(_broken(node.file, node.line, message))
        return
    metadata = node.get("metadata")
    yield Resource(
        api_version=node.get("apiVersion").text(),
        kind=kind,
        name=metadata.get("name").text(),
        namespace=metadata.get("namespace").text(),
        node=node,
    )


def _templates(text: str, file: str) -> Iterator[Finding]:
    for number, line in _outside_blocks(text):
        found = TEMPLATE.search(line)
        if found and not line.lstrip().startswith("#") and _opens_template(line, found.start()):
            message = (
                f"{file}:{number} holds a template expression, {found.group()[:40]}: render it first (helm template)"
            )
            yield _broken(file, number, message)
            return


def _outside_blocks(text: str) -> Iterator[tuple[int, str]]:
    """Numbers and lines, without the insides of block scalars: a file inside a ConfigMap may hold any braces."""
    inside: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip(" "))
        if inside is not None and (indent > inside or not line.strip()):
            continue
        inside = None
        yield number, line
        if _BLOCK.search(line) and not line.lstrip().startswith("#"):
            prefix = _PREFIX.match(line)
            inside = len(prefix[0]) if prefix else 0
            if line[inside:].lstrip().startswith(("|", ">")):
                inside -= 2  # an item of a list that is a block itself


def _opens_template(line: str, position: int) -> bool:
    """Quoted braces in a value, as alert annotations hold them, are text and no template."""
    before = line[:position]
    return before.count('"') % 2 == 0 and before.count("'") % 2 == 0


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
