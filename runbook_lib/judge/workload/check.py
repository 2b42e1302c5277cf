"""What a check is, what it sees, and how its patch is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.world import TEMPLATES, Container, Workload, World
from runbook_lib.model import Outcome

Severity = Literal["blocking", "warning", "info"]
DOCS = "https://kubernetes.io/docs/"


@dataclass(frozen=True)
class Seen:
    """One thing a check looked at; ``mend`` is a strategic merge patch or a whole new object."""

    outcome: Outcome
    object: str
    node: Node
    message: str
    mend: dict[str, Any] | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Check:
    """One question to everything given; it sees nothing where it does not apply."""

    id: str
    title: str
    severity: Severity
    reason: str
    link: str
    judge: Callable[[World], Iterable[Seen]]


Subject = Workload | Resource | tuple[Workload, Container]


def passed(subject: Subject, node: Node, message: str) -> Seen:
    return Seen(Outcome.PASS, title(subject), node, message)


def failed(
    subject: Subject, node: Node, message: str, mend: dict[str, Any] | None = None, severity: Severity | None = None
) -> Seen:
    return Seen(Outcome.FAIL, title(subject), node, message, mend and _plain(mend), severity)


def _plain(value: Any) -> Any:
    """A mend of JSON's types only: what it takes from a manifest may be a list where a number belongs."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.plain() if isinstance(value, Node) else value


def unknown(subject: Subject, node: Node, message: str, severity: Severity | None = None) -> Seen:
    return Seen(Outcome.INCONCLUSIVE, title(subject), node, message, None, severity)


def title(subject: Subject) -> str:
    """How a person names it: Deployment/shop, or Deployment/shop, container web."""
    if isinstance(subject, tuple):
        return f"{subject[0].title}, container {subject[1].name}"
    return subject.title


def patch(resource: Resource, change: dict[str, Any]) -> dict[str, Any]:
    """A strategic merge patch for one object."""
    metadata = {"name": resource.name} | ({"namespace": resource.namespace} if resource.namespace else {})
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **change}


def patch_template(workload: Workload, change: dict[str, Any]) -> dict[str, Any]:
    """The same for the Pod template of any kind of workload."""
    for key in reversed(TEMPLATES[workload.kind]):
        change = {key: change}
    return patch(workload.resource, change)


def patch_pod(workload: Workload, change: dict[str, Any]) -> dict[str, Any]:
    return patch_template(workload, {"spec": change})


def patch_container(workload: Workload, container: Container, change: dict[str, Any]) -> dict[str, Any]:
    """The same for one container, found by its name."""
    field = "containers" if container.kind == "app" else "initContainers"
    return patch_pod(workload, {field: [{"name": container.name, **change}]})


def own_pods(workload: Workload) -> dict[str, Any]:
    """A LabelSelector of its Pods: its own, else all labels that they have."""
    given = workload.spec.get("selector").plain()
    return given if isinstance(given, dict) and given else {"matchLabels": dict(workload.labels)}


def free_name(world: World, kind: str, like: Resource, suffix: str = "") -> str:
    """The name of an object, or that with a number when there is one of the kind already: a patch would change it."""
    base = f"{like.name}{suffix}"
    names = [base, *(f"{base}-{number}" for number in range(2, 100))]
    return next((name for name in names if world.named(kind, name, like) is None), names[-1])


def new_object(api_version: str, kind: str, like: Resource, spec: dict[str, Any], name: str = "") -> dict[str, Any]:
    """A whole object beside an existing one, in its namespace."""
    metadata = {"name": name or like.name} | ({"namespace": like.namespace} if like.namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
