"""Writes a Dockerfile for an application that has none: two stages, a numbered user, exec form, no secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from runbook_lib.errors import BadParameters
from runbook_lib.judge.image_build.recipes import BUILT, CUSTOM, ENVIRONMENT, RECIPES, Recipe
from runbook_lib.judge.image_build.tree import Base, ImageTree, Wanted, choose, parts
from runbook_lib.judge.workload.clear_text import is_secret

INSTALL = {
    "apt": ("apt-get update", "apt-get install -y --no-install-recommends {}", "rm -rf /var/lib/apt/lists/*"),
    "apk": ("apk add --no-cache {}",),
    "dnf": ("dnf install -y {}", "dnf clean all"),
    "microdnf": ("microdnf install -y {}", "microdnf clean all"),
    "yum": ("yum install -y {}", "yum clean all"),
}


def dockerfile_text(tree: ImageTree, application: str) -> str:
    """The Dockerfile of an application of the tree; the same tree gives the same text.

    Raises BadParameters when the tree does not know it, has no image for it, or is asked to write down a secret.
    """
    wanted = tree.wanted.get(application)
    if wanted is None:
        there = ", ".join(sorted(tree.wanted)) or "none"
        raise BadParameters(f"image tree {tree.file} has no application {application}; it has {there}")
    base = choose(tree, wanted)
    language = wanted.language or base.language
    tool = wanted.tool or (CUSTOM.get(language, BUILT) if base.build_image else BUILT)
    recipe = RECIPES.get((language, tool))
    if recipe is None and tool != BUILT:
        known = ", ".join(sorted({t for _, t in RECIPES} | {BUILT}))
        raise BadParameters(
            f"image tree {tree.file}:{wanted.line}: {language} is not built by {tool}; known are {known}"
        )
    if recipe and not base.build_image:
        raise BadParameters(f"image tree {tree.file}:{base.line}: {base.name} names no build_image, which {tool} needs")
    lines = ["# syntax=docker/dockerfile:1", f"# Written from the image tree for {wanted.name}: change it there."]
    lines += [*_build(wanted, base, recipe), ""] if recipe else []
    lines += _run(wanted, base, recipe, tree)
    return "\n".join(lines) + "\n"


def _build(wanted: Wanted, base: Base, recipe: Recipe) -> Iterator[str]:
    mounts = f"--mount=type=cache,target={recipe.cache}"
    for id_, target in sorted(wanted.secrets.items()):
        mounts += f" --mount=type=secret,id={id_},target={target}"
    sources = wanted.sources or recipe.sources
    build = wanted.build or recipe.build
    whole = bool(wanted.build and recipe.fetch_all)
    yield f"FROM {base.build_image} AS build"
    yield "USER 0"  # whose caches are mounted, and who reads the secrets
    yield "WORKDIR /build"
    yield f"COPY {' '.join(recipe.first)} ./"
    yield f"RUN {mounts} {recipe.fetch_all if whole else recipe.fetch}"
    yield from (f"COPY {source} ./{source}" for source in sources)
    if build:
        yield f"RUN {mounts} {_named(build, wanted)}{f' && {recipe.drop}' if whole else ''}"


def _run(wanted: Wanted, base: Base, recipe: Recipe | None, tree: ImageTree) -> Iterator[str]:
    yield f"FROM {base.image}"
    yield f'LABEL org.opencontainers.image.title="{wanted.name}"'
    yield from _environment(wanted, base, tree)
    user = wanted.user or base.user
    if wanted.packages:
        yield "USER 0"
        yield _install(wanted, base, tree)
    yield "WORKDIR /app"
    yield from _content(wanted, recipe, tree)
    yield f"USER {user}:{user}"
    if wanted.port:
        yield f"EXPOSE {wanted.port}"
    yield "STOPSIGNAL SIGTERM"
    command = wanted.command or (recipe.command if recipe else ())
    if not command:
        raise BadParameters(f"image tree {tree.file}:{wanted.line}: {wanted.name} names no command")
    yield f"ENTRYPOINT {json.dumps([_named(word, wanted) for word in command], ensure_ascii=False)}"


def _environment(wanted: Wanted, base: Base, tree: ImageTree) -> Iterator[str]:
    """What the base has is set there already: only what is new or other."""
    zone = wanted.time_zone or base.time_zone or "Etc/UTC"
    values = {"TZ": zone, "LANG": "C.UTF-8", **_custom(wanted, base), **base.environment, **wanted.environment}
    for key, value in values.items():
        if is_secret(key, value):
            where = f"image tree {tree.file}:{wanted.line}"
            raise BadParameters(f"{where}: {key} is a secret: whoever may pull the image reads it; give it to the Pod")
    quoted = [f"{key}={_quoted(value)}" for key, value in values.items()]
    yield "ENV " + " \\\n    ".join(quoted)


def _custom(wanted: Wanted, base: Base) -> Mapping[str, str]:
    """What the language needs; Java before 8u191, and 9, do not start with an option that they do not know."""
    language = wanted.language or base.language
    major, update, *_ = (int(part) if part.isdecimal() else 0 for part in (*parts(base.version), "", ""))
    old = major in (6, 7, 9) or (major == 8 and 0 < update < 191)
    return {} if language == "java" and old else ENVIRONMENT.get(language, {})


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./:=+,@%-]+", text) else '"' + re.sub(r'(["\\$])', r"\\\1", text) + '"'


def _install(wanted: Wanted, base: Base, tree: ImageTree) -> str:
    if base.packages not in INSTALL:
        known = ", ".join(INSTALL)
        message = f"{base.name} does not say what installs packages: packages must be one of {known}"
        raise BadParameters(f"image tree {tree.file}:{base.line}: {message}")
    sign = "=" if base.packages in ("apt", "apk") else "-"
    names = [f"{name}{sign}{version}" if version else name for name, version in sorted(wanted.packages.items())]
    return "RUN " + " \\\n    && ".join(step.format(" ".join(names)) for step in INSTALL[base.packages])


def _content(wanted: Wanted, recipe: Recipe | None, tree: ImageTree) -> Iterator[str]:
    if recipe is None:
        if not wanted.artefact:
            raise BadParameters(f"image tree {tree.file}:{wanted.line}: {wanted.name} names no artefact to be copied")
        yield f"COPY {_named(wanted.artefact, wanted)} ./"
        return
    own = 0 if recipe.build else len(recipe.keep) - 1  # what is built, or else the sources
    for number, (source, target) in enumerate(recipe.keep):
        path = wanted.artefact if wanted.artefact and number == own else source
        if path != source and target == f"./{source}":
            target = f"./{path}"
        whole = path if path.startswith("/") else f"/build/{path}"
        yield f"COPY --from=build {_named(whole, wanted)} {_named(target, wanted)}"


def _named(text: str, wanted: Wanted) -> str:
    return text.replace("{name}", wanted.name).replace("{module}", wanted.name.replace("-", "_"))
