"""Form of the objects where the checks look: fields of the right type, names, what no API server creates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed
from runbook_lib.judge.workload.kinds import group_of, own
from runbook_lib.judge.workload.world import Workload, World

_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
SEGMENT = re.compile(r"(?!\.{1,2}$)[^/%]+")
"""What the names of roles and their bindings are held against: a segment of a path, so that system:x is one."""
LABELS = {("v1", "Service"), ("v1", "Namespace")}
"""Whose names are one label of a domain name; a Service's begins with a letter unless a feature of alpha is on."""
# Where the checks look, and what they expect there: a wrong type would otherwise be read as absent.
SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("metadata",): dict,
    ("metadata", "labels"): dict,
    ("metadata", "annotations"): dict,
    ("metadata", "name"): str,
    ("spec",): dict,
}
WORKLOAD_SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("replicas",): int,
    ("minReadySeconds",): int,
    ("progressDeadlineSeconds",): int,
    ("revisionHistoryLimit",): int,
    ("selector",): dict,
    ("selector", "matchLabels"): dict,
    ("strategy",): dict,
    ("template",): dict,
    ("template", "metadata"): dict,
    ("template", "spec"): dict,
}
POD_SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("containers",): list,
    ("initContainers",): list,
    ("volumes",): list,
    ("terminationGracePeriodSeconds",): int,
    ("securityContext",): dict,
    ("dnsConfig",): dict,
    ("hostNetwork",): bool,
    ("automountServiceAccountToken",): bool,
    ("topologySpreadConstraints",): list,
}
CONTAINER_SHAPES: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("name",): str,
    ("image",): str,
    ("command",): list,
    ("args",): list,
    ("env",): list,
    ("envFrom",): list,
    ("ports",): list,
    ("volumeMounts",): list,
    ("resources",): dict,
    ("resources", "requests"): dict,
    ("resources", "limits"): dict,
    ("securityContext",): dict,
    ("securityContext", "runAsNonRoot"): bool,
    ("securityContext", "readOnlyRootFilesystem"): bool,
    ("securityContext", "allowPrivilegeEscalation"): bool,
    ("securityContext", "privileged"): bool,
    ("securityContext", "runAsUser"): int,
    ("livenessProbe",): dict,
    ("readinessProbe",): dict,
    ("startupProbe",): dict,
    ("livenessProbe", "periodSeconds"): int,
    ("livenessProbe", "failureThreshold"): int,
    ("readinessProbe", "periodSeconds"): int,
    ("startupProbe", "periodSeconds"): int,
    ("startupProbe", "failureThreshold"): int,
    ("lifecycle",): dict,
    ("lifecycle", "preStop"): dict,
}
WORDS = {dict: "a mapping", list: "a list", int: "a number", str: "text", bool: "true or false"}


def right_types(world: World) -> Iterator[Seen]:
    """What the checks rely on; where the whole form is held against a schema, only what no schema says."""
    for resource in world.resources:
        by_schema = held(world, resource)
        wrong = [] if by_schema else [*_mismatches(resource.node, SHAPES), *_no_texts(resource.node)]
        for workload in filter(None, [world.workload(resource)]):
            if not by_schema:
                wrong += _no_texts(workload.template) if workload.template is not resource.node else []
                wrong += _mismatches(workload.spec, WORKLOAD_SHAPES)
                wrong += _mismatches(workload.pod, POD_SHAPES)
            if workload.pod.exists and not workload.pod.get("containers").elements():
                wrong.append((workload.pod, "spec.containers is empty: a Pod needs at least one"))
            for container in workload.containers:
                wrong += _ports(container.node) if by_schema else _container(container.node)
        for node, message in wrong:
            yield failed(resource, node, message)
        if not wrong:
            yield passed(resource, resource.node, "fields have the types that the checks rely on")


def held(world: World, resource: Resource) -> bool:
    """Whether its whole form is held against a schema, by a check of its own."""
    served = world.schemas.kinds.get((resource.api_version, resource.kind)) if world.schemas else None
    return served is not None and served.form is not None


def _container(node: Node) -> list[tuple[Node, str]]:
    if not isinstance(node.value, dict):
        return [(node, f"{node.path or 'a container'} must be a mapping")]
    values = _texts(entry.get("value") for entry in node.get("env").elements())
    return [*_mismatches(node, CONTAINER_SHAPES), *values, *_ports(node)]


def _no_texts(owner: Node) -> list[tuple[Node, str]]:
    """Labels and annotations that are read as numbers or booleans."""
    fields = (owner.get("metadata", field) for field in ("labels", "annotations"))
    return _texts(value for field in fields for _, value in field.entries())


def _texts(values: Iterable[Node]) -> list[tuple[Node, str]]:
    return [
        (value, f"{value.path} is {value.text('no text')}, it must be text: put it in quotes")
        for value in values
        if value.exists and not isinstance(value.value, str)
    ]


def _ports(node: Node) -> list[tuple[Node, str]]:
    wrong = []
    for port in node.get("ports").elements():
        number = port.get("containerPort")
        if number.integer() is None or not 0 < (number.integer() or 0) < 65536:
            wrong.append((number, f"{number.path} is {number.text('not set')!r}, it must be a number from 1 to 65535"))
    return wrong


def valid_names(world: World) -> Iterator[Seen]:
    seen: dict[tuple[str, ...], Resource] = {}
    for resource in world.resources:
        node = resource.node.get("metadata", "name")
        group = "" if own(resource) else group_of(resource.api_version)
        key = (group, resource.kind, world.space(resource), resource.name)
        if wrong := _no_name(resource):
            if not resource.node.get("metadata", "generateName").exists:
                yield failed(resource, node, f"name {resource.name or '(none)'!r} {wrong}: the API server refuses it")
        elif key in seen:
            other = seen[key].node
            yield failed(
                resource, node, f"{resource.title} is given twice ({other.file}:{other.line}): the later one wins"
            )
        else:
            seen[key] = resource
            yield passed(resource, node, f"name {resource.name}")
    for workload in world.workloads():
        for node, wrong in (*_container_names(workload), *_variable_names(workload)):
            yield failed(workload, node, f"{wrong}: the API server refuses it")


def _container_names(workload: Workload) -> Iterator[tuple[Node, str]]:
    """All containers of a Pod, whenever they run, share their names; a patch finds them by these."""
    seen: set[str] = set()
    for container in workload.containers:
        node = container.node.get("name")
        name = node.text()
        if name in seen:
            yield node, f"two containers are called {name}"
        elif name and (len(name) > 63 or not re.fullmatch(_LABEL, name)):
            yield node, f"container name {name[:70]!r} is not a DNS label"
        seen |= {name} if name else set()


def _variable_names(workload: Workload) -> Iterator[tuple[Node, str]]:
    """What every version refuses; older ones take fewer characters still."""
    for container in workload.containers:
        for entry in container.node.get("env").elements():
            node = entry.get("name")
            name = node.text()
            if not name:
                yield node if node.exists else entry, f"an entry of env has no name, in container {container.name}"
            elif "=" in name or not (name.isascii() and name.isprintable()):
                yield node, f"env name {name[:70]!r} has a character that no name of a variable has"


def _no_name(resource: Resource) -> str:
    """What is wrong with the name; empty when it is one."""
    if resource.name and group_of(resource.api_version) == "rbac.authorization.k8s.io":
        return "" if SEGMENT.fullmatch(resource.name) else "has / or %, or is a dot or two"
    if (resource.api_version, resource.kind) in LABELS and resource.name:
        letter = resource.kind != "Service" or resource.name[0].isalpha()
        right = letter and len(resource.name) <= 63 and re.fullmatch(_LABEL, resource.name)
        return "" if right else f"is not a DNS label{' that begins with a letter' * (resource.kind == 'Service')}"
    return "" if NAME.fullmatch(resource.name) else "is not a DNS name in small letters"


def ephemeral(world: World) -> Iterator[Seen]:
    """They are put into a running Pod by kubectl debug; the API server creates nothing that has them."""
    for workload in world.workloads():
        found = workload.pod.get("ephemeralContainers")
        names = ", ".join(one.get("name").text("(no name)") for one in found.elements())
        if names:
            yield failed(
                workload, found, f"ephemeral containers ({names}) cannot be created, only added by kubectl debug"
            )
        else:
            yield passed(workload, workload.pod, "no ephemeral containers")


def _mismatches(node: Node, shapes: dict[tuple[str, ...], type | tuple[type, ...]]) -> Iterator[tuple[Node, str]]:
    for keys, wanted in shapes.items():
        found = node.get(*keys)
        if not found.exists:
            continue
        right = isinstance(found.value, wanted) and not (wanted is int and isinstance(found.value, bool))
        if not right:
            word = WORDS[wanted] if isinstance(wanted, type) else "something else"
            yield found, f"{found.path} is {found.text(type(found.value).__name__)!r:.60}, it must be {word}"


CHECKS = (
    Check(
        "type",
        "Fields have the right type",
        "blocking",
        "The API server refuses it, and a check would have read it as absent.",
        DOCS + "reference/kubernetes-api/",
        right_types,
    ),
    Check(
        "name",
        "Names are valid and given once",
        "blocking",
        "Of two objects with one name the later wins.",
        DOCS + "concepts/overview/working-with-objects/names/",
        valid_names,
    ),
    Check(
        "ephemeral-containers",
        "Nothing is written down that only a running Pod can get",
        "blocking",
        "The API server refuses the object; what was added for debugging stood in the Pod that it was copied from.",
        DOCS + "concepts/workloads/pods/ephemeral-containers/",
        ephemeral,
    ),
)
