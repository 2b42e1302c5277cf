"""An object that makes Pods, and the containers in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from runbook_lib.artefacts import Node, Resource

TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}


@dataclass(frozen=True)
class Container:
    """A container as it runs: an init container with restartPolicy Always is a sidecar, which runs on."""

    node: Node
    name: str
    kind: Literal["app", "sidecar", "init"]

    @property
    def runs_on(self) -> bool:
        return self.kind != "init"

    def variables(self) -> dict[str, Node]:
        """The entries of env by name; a later one hides an earlier one, as in the process."""
        return {entry.get("name").text(): entry for entry in self.node.get("env").elements()}


@dataclass(frozen=True)
class Workload:
    """An object that makes Pods."""

    resource: Resource
    template: Node
    containers: tuple[Container, ...]

    @property
    def kind(self) -> str:
        return self.resource.kind

    @property
    def title(self) -> str:
        return self.resource.title

    @property
    def spec(self) -> Node:
        return self.resource.node.get("spec")

    @property
    def pod(self) -> Node:
        return self.template.get("spec")

    @cached_property
    def main(self) -> Container | None:
        """The container that it is there for: the one with its name, else the first."""
        apps = [container for container in self.containers if container.kind == "app"]
        return next((c for c in apps if c.name == self.resource.name), apps[0] if apps else None)

    @cached_property
    def volumes(self) -> tuple[Node, ...]:
        """The Pod's volumes, without one that bears the name of a StatefulSet's claim: the claim takes its place."""
        claims = {claim.get("metadata", "name").text() for claim in self.spec.get("volumeClaimTemplates").elements()}
        return tuple(v for v in self.pod.get("volumes").elements() if v.get("name").text() not in claims)

    @property
    def account(self) -> Node:
        """The account's name; serviceAccount is its older field, which still holds where the newer one is missing."""
        named = self.pod.get("serviceAccountName")
        return named if named.text() else self.pod.get("serviceAccount")

    @cached_property
    def labels(self) -> dict[str, str]:
        return self.template.get("metadata", "labels").labels()


def repository(container: Container) -> str:
    """An image without tag and digest; what follows a colon before a slash is a registry's port."""
    return re.sub(r"(:[^/:@]*)?(@.*)?$", "", container.node.get("image").text())


def workload_of(resource: Resource) -> Workload:
    template = resource.node.get(*TEMPLATES[resource.kind])
    pod = template.get("spec")
    apps = [Container(node, node.get("name").text("(no name)"), "app") for node in pod.get("containers").elements()]
    inits = [
        Container(
            node,
            node.get("name").text("(no name)"),
            "sidecar" if node.get("restartPolicy").text() == "Always" else "init",
        )
        for node in pod.get("initContainers").elements()
    ]
    return Workload(resource, template, tuple(apps + inits))
