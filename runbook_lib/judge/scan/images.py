"""Which images the manifests name, and which of them a scan is of."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.artefacts import Node
from runbook_lib.judge.scan.seen import Scan
from runbook_lib.judge.workload.image import parse_reference
from runbook_lib.judge.workload.world import World

HUB = ("", "docker.io", "index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True)
class Named:
    """An image that a manifest names, and where; ``main`` for the application's own."""

    image: str
    object: str
    node: Node
    main: bool


def named(world: World) -> tuple[Named, ...]:
    """Every image of the manifests once, the application's own first."""
    own = {container.node.get("image").text() for _, container in world.applications}
    found: dict[str, Named] = {}
    for workload, container in world.containers():
        node = container.node.get("image")
        if node.text():
            title = f"{workload.title}, container {container.name}"
            found.setdefault(node.text(), Named(node.text(), title, node, node.text() in own))
    return tuple(sorted(found.values(), key=lambda item: not item.main))


def is_of(scan: Scan, image: str) -> bool:
    """A digest decides where the manifest has one; else registry, path and tag, Docker Hub's names being one."""
    wanted = parse_reference(image)
    if wanted.digest:
        return wanted.digest in scan.digests
    return whole(image) in {whole(name) for name in scan.names}


def whole(image: str) -> tuple[str, str, str]:
    """Registry, path and tag as a node completes them."""
    reference = parse_reference(image)
    hub = reference.registry in HUB
    path = f"library/{reference.repository}" if hub and "/" not in reference.repository else reference.repository
    return ("docker.io" if hub else reference.registry, path, reference.tag or ("" if reference.digest else "latest"))
