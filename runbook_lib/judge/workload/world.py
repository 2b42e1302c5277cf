"""What the checks look at: all objects given, their Pods and containers, the Dockerfile, the assessment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from runbook_lib.artefacts import Assessed, Dockerfile, Instruction, Node, Policy, Resource

TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet")


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

    @property
    def labels(self) -> dict[str, str]:
        return self.template.get("metadata", "labels").labels()


@dataclass(frozen=True)
class World:
    """Everything given to the checks at once, because the mistakes that hurt lie between the objects."""

    resources: tuple[Resource, ...]
    dockerfile: Dockerfile | None = None
    assessed: Assessed = field(default_factory=Assessed)
    policy: Policy = field(default_factory=Policy)
    namespace: str = "default"

    def of_kind(self, *kinds: str) -> tuple[Resource, ...]:
        return tuple(resource for resource in self.resources if resource.kind in kinds)

    def workloads(self, *kinds: str) -> tuple[Workload, ...]:
        """The objects that make Pods, of these kinds or of all."""
        return tuple(workload_of(r) for r in self.resources if r.kind in (kinds or tuple(TEMPLATES)))

    def containers(self, *kinds: str) -> Iterator[tuple[Workload, Container]]:
        """Every container of these kinds of workload, or of all."""
        for workload in self.workloads(*kinds):
            for container in workload.containers:
                yield workload, container

    def space(self, resource: Resource) -> str:
        return resource.namespace or self.namespace

    def named(self, kind: str, name: str, like: Resource) -> Resource | None:
        """The object of that kind and name in the namespace of another."""
        space = self.space(like)
        return next((r for r in self.of_kind(kind) if r.name == name and self.space(r) == space), None)

    def services(self, workload: Workload) -> tuple[Resource, ...]:
        """The Services whose selector takes in the workload's Pods."""
        return tuple(
            service
            for service in self.of_kind("Service")
            if self.space(service) == self.space(workload.resource)
            and includes(service.node.get("spec", "selector").labels(), workload.labels)
        )

    def selected(self, resource: Resource, selector: Node) -> tuple[Workload, ...]:
        """The long-running workloads in the object's namespace that a label selector takes in."""
        space = self.space(resource)
        return tuple(
            w for w in self.workloads(*LONG_RUNNING) if self.space(w.resource) == space and selects(selector, w.labels)
        )

    def scaler(self, workload: Workload) -> Resource | None:
        """The HPA that targets the workload."""
        for scaler in self.of_kind("HorizontalPodAutoscaler"):
            target = scaler.node.get("spec", "scaleTargetRef")
            same = (target.get("kind").text(), target.get("name").text()) == (workload.kind, workload.resource.name)
            if same and self.space(scaler) == self.space(workload.resource):
                return scaler
        return None

    def replicas(self, workload: Workload) -> int:
        """How many Pods there are at the quietest: the HPA's minimum, else replicas, else 1 as Kubernetes does."""
        scaler = self.scaler(workload)
        if scaler is not None:
            return scaler.node.get("spec", "minReplicas").integer(1) or 1
        given = workload.spec.get("replicas").integer(1)
        return 1 if given is None else given

    def applications(self) -> Iterator[tuple[Workload, Container]]:
        """The one container of each long-running workload that the Dockerfile and the assessment are about."""
        for workload in self.workloads(*LONG_RUNNING):
            apps = [container for container in workload.containers if container.kind == "app"]
            if apps:
                yield workload, next((c for c in apps if c.name == workload.resource.name), apps[0])

    def instructions(self, name: str) -> list[Instruction]:
        """The instructions of that name in the stage that runs; none without a Dockerfile."""
        stages = self.dockerfile.stages if self.dockerfile else ()
        return [i for i in stages[-1].instructions if i.name == name] if stages else []

    def decision(self, path: str) -> str:
        """Where the profile sends what is written at a path today; empty when nobody has decided."""
        for root, target in self.assessed.decided.items():
            if path == root or path.startswith(root.rstrip("/") + "/"):
                return target
        return ""


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


def includes(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """A Service's selector: every pair must be there; an empty one selects nothing."""
    return bool(selector) and selector.items() <= labels.items()


def selects(selector: Node, labels: dict[str, str]) -> bool:
    """A LabelSelector: matchLabels and matchExpressions must all hold; an empty one selects everything."""
    if not isinstance(selector.value, dict):
        return False
    wanted = selector.get("matchLabels").labels()
    return wanted.items() <= labels.items() and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions").elements()
    )


def _holds(expression: Node, labels: dict[str, str]) -> bool:
    key = expression.get("key").text()
    values = {value.text() for value in expression.get("values").elements()}
    operator = expression.get("operator").text()
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) == (operator == "Exists")
