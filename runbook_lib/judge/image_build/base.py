"""What an image is built on: fixed, from a registry of the house, for the nodes' processors; stages that are there."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.judge.image_build.rule import PRACTICE, REFERENCE, Looked, Rule, every, failed, passed, unknown
from runbook_lib.judge.workload.image import Reference, moves, parse_reference

RELEASE = re.compile(
    r"(jessie|stretch|buster|bullseye|bookworm|trixie|forky|xenial|bionic|focal|jammy|noble|resolute)\b"
)
RESERVED = ("scratch", "context")


def bases(dockerfile: Dockerfile) -> Iterator[tuple[int, str, str]]:
    """Line, instruction and name of every image from elsewhere: FROM, COPY --from and RUN --mount."""
    for position, stage in enumerate(dockerfile.stages):
        if dockerfile.parent(position) is None and stage.image != "scratch":
            yield stage.line, "FROM", stage.image
        earlier = {s.name.lower() for s in dockerfile.stages[:position]} | {str(n) for n in range(position)}
        for instruction in stage.instructions:
            sources = [instruction.flags.get("from", "")] if instruction.name == "COPY" else []
            for mount in instruction.flags.get("mount", "").splitlines() if instruction.name == "RUN" else ():
                sources += [part[5:] for part in mount.split(",") if part.startswith("from=")]
            for source in sources:
                if source and source.lower() not in earlier and source.lower() != stage.name.lower() and _image(source):
                    yield instruction.line, f"{instruction.name} from", source


def _image(source: str) -> bool:
    """A source that cannot be a stage: stages have neither tag nor registry."""
    return any(sign in source for sign in "/:@")


def fixed_base(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for line, what, image in bases(dockerfile):
        reference = parse_reference(image)
        if "$" in image:
            yield unknown(line, f"{what} {image}: the argument has no default")
        elif reference.digest:
            yield passed(line, f"{what} {image} is named by its digest")
        elif moves(reference.tag) and not _is_release(reference):
            yield failed(line, f"{what} {image} moves: the same commit builds another image tomorrow")
        else:
            yield passed(line, f"{what} {image}")


def _is_release(reference: Reference) -> bool:
    """``debian:bookworm-slim`` is a name of 12: it moves as that does, by corrections."""
    distribution = reference.repository.rpartition("/")[2] in ("debian", "ubuntu")
    return distribution and RELEASE.match(reference.tag) is not None


def trusted_base(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """Only where the policy names registries; the docker.io that a short name means counts as named."""
    for line, what, image in bases(dockerfile) if policy.registries else ():
        reference = parse_reference(image)
        name = f"{reference.registry or 'docker.io'}/{reference.repository}"
        if "$" in image:
            yield unknown(line, f"{what} {image}: the argument has no default")
        elif any(name.startswith(allowed.rstrip("/") + "/") for allowed in policy.registries):
            yield passed(line, f"{what} {image}")
        else:
            yield failed(line, f"{what} {image} comes from none of {', '.join(policy.registries)}")


def any_platform(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """A platform that is written down fails; $BUILDPLATFORM and $TARGETPLATFORM are what the builder is asked for."""
    for stage in dockerfile.lineage:
        if stage.platform and "$" not in stage.platform:
            message = f"--platform={stage.platform} is fixed: elsewhere the Pod dies with exec format error"
            yield failed(stage.line, message)
        else:
            yield passed(stage.line, f"built for {stage.platform or 'the platform that is asked for'}")


def stage_names(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    count = Counter(stage.name.lower() for stage in dockerfile.stages if stage.name)
    for stage in dockerfile.stages:
        if count[stage.name.lower()] > 1:
            yield failed(stage.line, f"AS {stage.name} is the name of {count[stage.name.lower()]} stages")
        elif stage.name.lower() in RESERVED:
            yield failed(stage.line, f"AS {stage.name}: that name means something else to the builder")
        elif stage.name:
            yield passed(stage.line, f"stage {stage.name}")


def copied_from(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for position, stage in enumerate(dockerfile.stages):
        earlier = {s.name.lower() for s in dockerfile.stages[:position] if s.name} | {str(n) for n in range(position)}
        for instruction in stage.instructions:
            source = instruction.flags.get("from", "") if instruction.name in ("COPY", "ADD") else ""
            if not source or "$" in source or _image(source):
                continue
            if source.lower() in (stage.name.lower(), str(position)):
                yield failed(instruction.line, f"COPY --from={source} is the stage that copies: the build refuses it")
            elif source.lower() in earlier:
                yield passed(instruction.line, f"COPY --from={source}")
            else:
                message = (
                    f"COPY --from={source}: no stage before it has that name, so an image {source}:latest is fetched"
                )
                yield failed(instruction.line, message)


def once(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """Only the last CMD, ENTRYPOINT or HEALTHCHECK of a stage counts."""
    found = 0
    for stage in dockerfile.stages:
        for name in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
            given = [instruction for instruction in stage.instructions if instruction.name == name]
            found += len(given)
            for instruction in given[:-1]:
                message = f"{name} is given again in line {given[-1].line}: this one never has an effect"
                yield failed(instruction.line, message)
    if found:
        yield passed(dockerfile.stages[-1].line, f"{found} instructions say what runs")


def maintainer(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for i in every(dockerfile, "MAINTAINER"):
        name = json.dumps(i.value.strip("\"'"), ensure_ascii=False)
        mend = f"LABEL org.opencontainers.image.authors={name}"
        yield failed(i.line, "MAINTAINER is no longer read by tools: a label is", mend)


RULES = (
    Rule(
        "base-fixed",
        "The base image never moves",
        "blocking",
        "A rebuild for a rollback must give the same image.",
        PRACTICE + "#pin-base-image-versions",
        fixed_base,
        "built on nothing but itself",
    ),
    Rule(
        "base-registry",
        "The base image comes from a registry of the house",
        "blocking",
        "What is built on an image from elsewhere brings along what its owner puts into it.",
        PRACTICE + "#choose-the-right-base-image",
        trusted_base,
    ),
    Rule(
        "base-platform",
        "The image is built for the platform that is asked for",
        "warning",
        "Nodes with other processors cannot start it.",
        REFERENCE + "#from",
        any_platform,
    ),
    Rule(
        "stage-names",
        "Every stage has a name of its own",
        "blocking",
        "Of two stages with one name the later one hides the other.",
        REFERENCE + "#from",
        stage_names,
    ),
    Rule(
        "copy-from",
        "What is copied comes from a stage that is there",
        "blocking",
        "A misspelt stage becomes an image from the network.",
        REFERENCE + "#copy---from",
        copied_from,
    ),
    Rule(
        "image-once",
        "Nothing that may stand once stands twice",
        "warning",
        "The one that is read first is not the one that runs.",
        REFERENCE + "#cmd",
        once,
    ),
    Rule(
        "image-maintainer",
        "Who answers for the image stands in a label",
        "info",
        "Whoever is called at night looks there.",
        REFERENCE + "#maintainer-deprecated",
        maintainer,
        "no MAINTAINER",
    ),
)
