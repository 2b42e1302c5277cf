"""Check a Dockerfile, manifests and scans for a pipeline: no cluster is asked, nothing is changed."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runbook_lib.errors import BadParameters, CriterionFailed, Held
from runbook_lib.model import Outcome, now, worst
from runbook_lib.redact import Redactor

if TYPE_CHECKING:
    from runbook_lib.artefacts import Manifests, Output
    from runbook_lib.judge.fitness import Fitness, Given

app = typer.Typer()


class Format(StrEnum):
    table = "table"
    json = "json"
    sarif = "sarif"


@app.command()
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(help="manifests: files, folders, kustomizations, charts; - is a pipe", metavar="PATH"),
    ],
    dockerfile: Annotated[Path | None, typer.Option(help="the Dockerfile of the application's image")] = None,
    policy: Annotated[Path | None, typer.Option(help="the house's policy, a YAML file")] = None,
    scan: Annotated[
        list[Path] | None, typer.Option(help="a JSON report of Trivy or Grype; once for each image")
    ] = None,
    assessment: Annotated[Path | None, typer.Option(help="assessment.json, as 01_assessment wrote it")] = None,
    namespace: Annotated[str, typer.Option(help="where objects go that name none")] = "default",
    kubernetes_version: Annotated[
        str | None, typer.Option(help="of the cluster, such as 1.34; default: newest")
    ] = None,
    deployment: Annotated[str, typer.Option(help="the application's workload, where several images run")] = "",
    format_: Annotated[Format, typer.Option("--format", help="what is printed")] = Format.table,
    overlay: Annotated[Path | None, typer.Option(help="write all mends together here, a new folder")] = None,
) -> None:
    """Fit for production? Exit 0 yes, 10 something blocks, 76 a blocking question has no answer, 78 unusable input."""
    from runbook_lib.judge.fitness import fitness

    if overlay is not None and overlay.exists() and (not overlay.is_dir() or any(overlay.iterdir())):
        raise BadParameters(f"{overlay} is there already: name a new folder for the overlay")
    with uncollected():
        given = _given(paths, dockerfile, policy, scan or [], assessment, namespace, kubernetes_version, deployment)
        found = fitness(given, now())
        _named(given, found)
        print(_text(found, given.manifests.rendered, format_))
    if overlay is not None:
        _write(found, overlay)
    outcome = worst(found.verdicts)
    if outcome is not Outcome.PASS:
        raise typer.Exit(CriterionFailed.exit_code if outcome is Outcome.FAIL else Held.exit_code)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Python's collector walks all that was read again and again to find rings, and there are none."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _given(
    paths: list[Path],
    dockerfile: Path | None,
    policy: Path | None,
    scans: list[Path],
    assessment: Path | None,
    namespace: str,
    version: str | None,
    deployment: str,
) -> Given:
    from runbook_lib.artefacts import Assessed
    from runbook_lib.judge.fitness import Given
    from runbook_lib.observe.files.assessment import read_assessment
    from runbook_lib.observe.files.hadolint import remarks
    from runbook_lib.observe.files.images import read_dockerfile
    from runbook_lib.observe.files.policy import policy_for
    from runbook_lib.observe.files.scans import read_scan
    from runbook_lib.observe.files.schemas import read_schemas

    manifests = _manifests(paths, namespace, version)
    return Given(
        manifests=manifests,
        dockerfile=read_dockerfile(dockerfile) if dockerfile else None,
        remarks=remarks(dockerfile) if dockerfile else None,
        scans=tuple(read_scan(path) for path in scans),
        assessed=read_assessment(assessment) if assessment else Assessed(),
        policy=policy_for(policy),
        namespace=namespace,
        schemas=read_schemas(manifests.resources, version),
        application=deployment,
    )


def _manifests(paths: list[Path], namespace: str, version: str | None) -> Manifests:
    """The objects of all paths as one, because the mistakes that hurt lie between the files."""
    from runbook_lib.artefacts import Manifests
    from runbook_lib.observe.files.manifests import read_manifests, read_stream
    from runbook_lib.observe.release.rendering import Place

    place = Place(namespace, "release", cluster_version=version or "")
    piped = [path for path in paths if str(path) == "-"]
    apart = dict.fromkeys(path.resolve() for path in paths)
    within = [path for path in paths if path not in piped and not apart.keys() & set(path.resolve().parents)]
    read = [read_manifests(path, None, place) for path in {path.resolve(): path for path in within}.values()]
    read += [read_stream(sys.stdin.buffer.read())] if piped else []
    return Manifests(
        tuple(one for part in read for one in part.resources),
        tuple(one for part in read for one in part.findings),
        tuple(one for part in read for one in part.rendered),
    )


def _named(given: Given, found: Fitness) -> None:
    """A misspelt name would be taken for none, and what was measured of the application be held against another.

    What makes Pods by a kind that no check looks at has a name, too, and what could not be read may have it.
    """
    resources, name = given.manifests.resources, given.application
    there = sorted({r.name for r in resources if found.world.workload(r) or r.node.get("spec", "template").exists})
    if name and name not in there and not given.manifests.findings:
        raise BadParameters(f"--deployment: no workload is called {name}; there are {', '.join(there) or 'none'}")


def _text(found: Fitness, rendered: tuple[Output, ...], format_: Format) -> str:
    """What was rendered no editor opens: its lines are shown beside the findings."""
    from runbook_lib.judge.fitness import asked
    from runbook_lib.observe.files.excerpt import excerpts
    from runbook_lib.pages.findings import as_json, lines
    from runbook_lib.pages.sarif import sarif

    root = Path.cwd()
    if format_ is Format.table:
        width = min(shutil.get_terminal_size((100, 40)).columns, 120)
        names = {one.name for one in rendered}
        seen = excerpts((finding for finding in found.findings if finding.file in names), rendered, around=1)
        return Redactor().text("\n".join(lines(found, root, width, seen)))
    value = as_json(found) if format_ is Format.json else sarif(found.findings, asked(), root, rendered)
    return json.dumps(Redactor().value(value), indent=1, ensure_ascii=False)


def _write(found: Fitness, folder: Path) -> None:
    """The overlay and one sentence about it, which is no part of what a program reads from the output."""
    from runbook_lib.durable import write_whole
    from runbook_lib.judge.overlay.choose import choose
    from runbook_lib.judge.overlay.files import first, problem, written

    chosen = choose(found.world, now().date())
    if said := problem(chosen):
        raise BadParameters(f"no overlay was written: {said}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written(chosen).items():
            write_whole(folder / name, text)
    except OSError as error:
        raise BadParameters(f"no overlay was written: {folder}: {error.strerror}; name a folder of yours") from None
    left = f"{chosen.blocking} blocking findings of the manifests stay failed, {chosen.unanswered} have no answer"
    made = "".join(f"; make {one.said} first: {one.command}" for one in first(chosen))
    typer.echo(f"mends in {folder}: {len(chosen.mends)}; {left}{made}", err=True)
