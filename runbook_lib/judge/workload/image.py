"""Image references: a tag that never moves, a pull policy that fits, a registry that is trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, Subject, failed, passed, patch_container
from runbook_lib.judge.workload.world import World

LINK = DOCS + "concepts/containers/images/"
NO_VERSION = re.compile(r"[a-z._-]*|.*[.-](?:snapshot|latest)", re.IGNORECASE)
COMMIT = re.compile(r"[a-f]{7,40}")
COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
PATH = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")


@dataclass(frozen=True)
class Reference:
    """registry/repository:tag@digest; ``registry`` is empty when Docker Hub is implied."""

    registry: str
    repository: str
    tag: str
    digest: str


def parse_reference(text: str) -> Reference:
    """``registry:5000/app`` has a registry with a port and no tag."""
    name, _, digest = text.partition("@")
    head, slash, tail = name.rpartition("/")
    tail, _, tag = tail.partition(":")
    first = head.split("/")[0]
    registry = first if slash and ("." in first or ":" in first or first == "localhost") else ""
    return Reference(registry, f"{head}{slash}{tail}".removeprefix(f"{registry}/"), tag, digest)


def moves(tag: str) -> bool:
    """Whether a tag names what is newest: latest, stable, lts, 1.0-SNAPSHOT; a version has digits."""
    return bool(NO_VERSION.fullmatch(tag)) and not COMMIT.fullmatch(tag)


def _images(world: World) -> Iterator[tuple[Subject, Node, Node]]:
    """Whose an image is, what names it, and its reference: those of containers and those mounted as volumes."""
    for workload, container in world.containers():
        yield (workload, container), container.node, container.node.get("image")
    for workload in world.workloads():
        for volume in workload.volumes:
            if volume.get("image").exists:
                yield workload, volume.get("image"), volume.get("image", "reference")


def well_formed(world: World) -> Iterator[Seen]:
    """What the kubelet cannot read it never pulls: the Pod stays in InvalidImageName."""
    for subject, _, node in _images(world):
        if not node.text():
            continue
        wrong = malformed(node.text())
        if wrong:
            yield failed(subject, node, f"image {node.text()[:120]!r}: {wrong}")
        else:
            yield passed(subject, node, f"{node.text()} is a reference")


def malformed(text: str) -> str:
    """Why the text is no image reference; empty when it is one."""
    reference = parse_reference(text)
    if text != text.strip():
        return "white space at an end, the API server refuses it"
    if "$" in text:
        return "a variable in it was not filled in"
    if not PATH.fullmatch(reference.repository):
        lower = reference.repository != reference.repository.lower()
        return "a repository is written in lower case" if lower else f"{reference.repository!r} is no repository"
    if len(text.partition("@")[0]) > 255 + 129:
        return "the name is longer than 255 characters"
    if reference.tag and not TAG.fullmatch(reference.tag):
        return f"{reference.tag[:40]!r} is no tag"
    if (text.partition("@")[0].endswith(":")) or ("@" in text and not DIGEST.fullmatch(reference.digest)):
        return "the tag is empty" if "@" not in text else "the digest is not sha256: and 64 digits"
    return ""


def fixed_tag(world: World) -> Iterator[Seen]:
    for subject, named, node in _images(world):
        reference = parse_reference(node.text())
        if reference.digest:
            yield passed(subject, node, "the digest names one image for ever")
        elif not node.text():
            yield failed(subject, named, "no image is named")
        elif not reference.tag:
            yield failed(subject, node, f"{node.text()} has no tag: it means latest")
        elif moves(reference.tag):
            yield failed(subject, node, f"tag {reference.tag} moves: two Pods may run different code")
        else:
            yield passed(subject, node, f"tag {reference.tag}")


def tag_policy(world: World) -> Iterator[Seen]:
    """<branch>-<sha>-<time>: from the tag alone one finds the code."""
    for workload, container in world.containers(*APPLICATION_KINDS):
        node = container.node.get("image")
        reference = parse_reference(node.text())
        if container.kind != "app" or reference.digest or not reference.tag or moves(reference.tag):
            continue
        if re.search(world.policy.tag_pattern, reference.tag):
            yield passed((workload, container), node, f"tag {reference.tag} names branch, commit and time")
        else:
            yield failed((workload, container), node, f"tag {reference.tag} is not {world.policy.tag_example}")


def pull_policy(world: World) -> Iterator[Seen]:
    """IfNotPresent is right for what never moves; Always hides a moving tag and needs the registry at each start."""
    for workload, container in world.containers():
        node = container.node.get("imagePullPolicy")
        reference = parse_reference(container.node.get("image").text())
        moving = not reference.digest and (not reference.tag or moves(reference.tag))
        policy = node.text("Always" if moving and (not reference.tag or reference.tag == "latest") else "IfNotPresent")
        if moving and policy == "IfNotPresent":
            message = (
                f"IfNotPresent with the moving tag {reference.tag or 'latest'}: each "
                "node keeps the image it happens to have"
            )
            yield failed((workload, container), node if node.exists else container.node, message)
        elif policy == "Never":
            message = "Never: the Pod starts only where somebody has put the image by hand"
            mend = None if moving else patch_container(workload, container, {"imagePullPolicy": "IfNotPresent"})
            yield failed((workload, container), node, message, mend)
        elif policy == "Always" and not moving:
            mend = patch_container(workload, container, {"imagePullPolicy": "IfNotPresent"})
            message = "Always with a tag that never moves: no Pod starts, and no rollback, while the registry is away"
            yield failed((workload, container), node, message, mend, "info")
        else:
            yield passed((workload, container), node, f"pull policy {policy}")


def trusted_registry(world: World) -> Iterator[Seen]:
    for subject, _, node in _images(world):
        reference = parse_reference(node.text())
        registry, allowed = reference.registry or "docker.io", world.policy.registries
        if not node.text():
            continue
        if allowed and registry not in allowed:
            yield failed(
                subject,
                node,
                f"registry {registry} is not among {', '.join(allowed)}",
                severity="blocking",
            )
        elif not allowed and not reference.registry:
            yield failed(
                subject,
                node,
                f"{node.text()} names no registry: it comes from Docker Hub, with its rate limits",
            )
        else:
            yield passed(subject, node, f"from {registry}")


APPLICATION_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job")

CHECKS = (
    Check(
        "image-reference",
        "The image is a reference that can be read",
        "blocking",
        "The Pod stays in InvalidImageName, and nothing says so before it is applied.",
        LINK + "#image-names",
        well_formed,
    ),
    Check(
        "image-fixed",
        "The image is one that never moves",
        "blocking",
        "A rollback to a moving tag goes to an image nobody knows.",
        LINK + "#image-names",
        fixed_tag,
    ),
    Check(
        "image-tag-policy",
        "The tag tells branch, commit and time",
        "warning",
        "The record of a stage must lead to the code that ran.",
        LINK,
        tag_policy,
    ),
    Check(
        "pull-policy",
        "The pull policy fits the tag",
        "warning",
        "Nodes must agree on the image, and a rollback must not depend on the registry.",
        LINK + "#image-pull-policy",
        pull_policy,
    ),
    Check(
        "registry",
        "The registry is named and trusted",
        "warning",
        "What production pulls has to be in the house.",
        LINK,
        trusted_registry,
    ),
)
