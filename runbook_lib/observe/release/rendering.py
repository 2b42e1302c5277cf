"""What stands behind kubernetes.manifests: files of objects, or a kustomization or chart as its tool renders it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.observe.files.text import LARGEST, read_text
from runbook_lib.observe.program import ran_alone
from runbook_lib.sections.release import Rendering

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Text:
    """One text of objects, and what its lines are called in sentences."""

    name: str
    text: str


@dataclass(frozen=True)
class Rendered:
    """The texts in the order they were found; ``tool`` is empty for files that needed none."""

    texts: tuple[Text, ...]
    tool: str = ""
    version: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """What a tool has to know about the release beside its folder; ``values`` are files."""

    namespace: str
    release: str
    values: tuple[Path, ...] = ()
    cluster_version: str = ""


def render(path: Path, wanted: Rendering, place: Place) -> Rendered:
    """The texts behind a path; BadParameters says in one sentence what is missing, or what the tool complains of."""
    if not path.exists():
        raise BadParameters(f"there is no {path}: name a folder or a file of manifests")
    if path.is_file():
        return Rendered((Text(path.name, read_text(path, "manifest")),))
    if not path.is_dir():
        raise BadParameters(f"{path} is neither a file nor a folder: name one of them")
    if _is_kustomization(path):
        return _kustomization(path, wanted)
    if _is_chart(path):
        return _chart(path, wanted, place)
    return Rendered(tuple(Text(file.relative_to(path).as_posix(), read_text(file, "manifest")) for file in files(path)))


def needs_tool(path: Path) -> bool:
    """Whether what stands there has to be rendered before it is objects."""
    return _is_kustomization(path) or _is_chart(path)


def source_of(path: Path) -> Path:
    """The file of a kustomization or chart that people edit, because of what is rendered they cannot."""
    return next((path / name for name in (*KUSTOMIZATIONS, "Chart.yaml") if (path / name).is_file()), path)


def _is_kustomization(path: Path) -> bool:
    return any((path / name).is_file() for name in KUSTOMIZATIONS)


def _is_chart(path: Path) -> bool:
    return (path / "Chart.yaml").is_file()


def files(folder: Path) -> list[Path]:
    """Every file of objects below a folder; hidden ones are nobody's manifests, a link to nothing is an error."""
    found = []
    for file in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue
        if file.name in KUSTOMIZATIONS or file.name == "Chart.yaml":
            what = "chart" if file.name == "Chart.yaml" else "kustomization"
            raise BadParameters(f"{file} is a {what} among plain manifests; name {file.parent} itself")
        if file.suffix.lower() in SUFFIXES and not file.is_dir():
            if not file.is_file():
                raise BadParameters(f"{file} is a link to nothing or no ordinary file: take it away or make it one")
            found.append(file)
    if not found:
        raise BadParameters(f"no Kubernetes object in {folder}: there is no .yaml, .yml or .json file in it")
    return found


def _kustomization(folder: Path, wanted: Rendering) -> Rendered:
    given = [wanted.kustomize] if wanted.kustomize else ["kustomize", "kubectl"]
    program = next((name for name in given if shutil.which(name)), None)
    if program is None:
        raise BadParameters(
            f"{folder} is a kustomization and {' or '.join(given)} is not on PATH: install it, or render the folder "
            f"elsewhere (kustomize build {folder} > release.yaml) and name that file in its place"
        )
    with_kubectl = Path(program).name.startswith("kubectl")
    command = (program, "kustomize" if with_kubectl else "build", str(folder))
    text = _run(command, wanted, f"the kustomization {folder} cannot be rendered")
    asked = (program, "version", "--client", "--output=json") if with_kubectl else (program, "version")
    version = _kustomize_version(_run(asked, wanted, f"{program} does not tell its version"))
    return Rendered((Text(f"{folder.name} as rendered", text),), Path(program).name, version, command)


def _kustomize_version(said: str) -> str:
    try:
        found = json.loads(said)
        return f"kustomize {found['kustomizeVersion']} in kubectl {found['clientVersion']['gitVersion']}"
    except (ValueError, KeyError, TypeError):
        return _first_line(said)


def _chart(folder: Path, wanted: Rendering, place: Place) -> Rendered:
    if shutil.which(wanted.helm) is None:
        raise BadParameters(
            f"{folder} is a Helm chart and {wanted.helm} is not on PATH: install it, or render the chart elsewhere "
            f"(helm template {place.release} {folder} > release.yaml) and name that file in its place"
        )
    for file in place.values:
        if not file.is_file():
            raise BadParameters(f"there is no file {file}, which is to give the chart its values")
    command = [wanted.helm, "template", place.release, str(folder), "--namespace", place.namespace, "--include-crds"]
    command += [word for file in place.values for word in ("--values", str(file))]
    # without the vendor's ending, which a chart's ">=1.25.0" would take for a version before the release
    version = re.match(r"v?\d+\.\d+\.\d+", place.cluster_version)
    command += ["--kube-version", version[0]] if version else []
    problem = f"the chart {folder} cannot be rendered"
    text = _run(command, wanted, problem)
    if _run(command, wanted, problem) != text:
        raise BadParameters(
            f"the chart {folder} is rendered otherwise each time (a made-up password or certificate, a time): what is "
            "shown at the gate would not be what is applied; give such values in a values file"
        )
    told = _first_line(_run((wanted.helm, "version", "--short"), wanted, f"{wanted.helm} does not tell its version"))
    return Rendered((Text(f"{folder.name} as rendered", text),), Path(wanted.helm).name, told, tuple(command))


def _run(command: Sequence[str], wanted: Rendering, problem: str) -> str:
    """What a tool prints; its complaint in one line when it fails."""
    limit = wanted.timeout.total_seconds()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            code = ran_alone(command, limit, output, errors)
        except OSError as error:
            raise BadParameters(f"{problem}: {command[0]} cannot be started ({error.strerror})") from None
        if code is None:
            raise Unreachable(f"{problem}: {command[0]} did not end within {limit:g} s; a remote base may not answer")
        said = [_beginning(output), _beginning(errors)]
    if code:
        raise BadParameters(f"{problem}: {complaint(said[1].decode(errors='replace'))}")
    if len(said[0]) > LARGEST:
        raise BadParameters(f"{problem}: it is larger than {LARGEST // 2**20} MiB")
    try:
        return said[0].decode()
    except UnicodeDecodeError:
        raise BadParameters(f"{problem}: what {command[0]} prints is not UTF-8") from None


def _beginning(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(LARGEST + 1)


def complaint(said: str) -> str:
    """The last words of a tool as one line of moderate length, without the literals that a generator complains of."""
    lines = [
        line.strip()
        for line in said.splitlines()
        if line.strip() and not line.startswith(("WARNING", "# Warning", "walk.go"))
    ]
    text = " ".join(" ".join(lines).split()) or "it says nothing"
    text = re.sub(r"(sources? |invalid line )(?:\[.*?\](?=:)|\S.*?(?=, expected|: |$))", r"\1(hidden)", text)
    text = re.sub(r"^(?:Error|error): ", "", text).rstrip(".")
    return text if len(text) <= 400 else f"{text[:200]} … {text[-190:]}"


def _first_line(said: str) -> str:
    return (said.strip().splitlines() or ["unknown"])[0][:100]
