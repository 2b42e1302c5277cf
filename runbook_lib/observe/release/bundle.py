"""The objects of a release: read whole or refused, in the order in which they are applied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Resource
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.model import digest
from runbook_lib.observe.cluster import LAST_APPLIED
from runbook_lib.observe.files.manifests import parse_manifests
from runbook_lib.observe.release.object_checks import expanded, problem_of
from runbook_lib.observe.release.rendering import Place, Rendered, Text, render
from runbook_lib.parameters import Parameters
from runbook_lib.sections.release import Rendering

# What others stand on comes first, what starts Pods after what the Pods read (the order Helm installs in).
ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicaSet",
    "StatefulSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "HTTPRoute",
)
HOOK = "helm.sh/hook"
_SOURCE = re.compile(r"^# Source: (\S+)", re.M)
_TWICE_LISTED = re.compile(r"items\[\d+\]\.items\[")


@dataclass(frozen=True)
class Manifest:
    """One object and where it stands, as ``file:line``."""

    file: str
    object: dict[str, Any]

    @property
    def name(self) -> str:
        """``Deployment/order-service``."""
        return f"{self.object['kind']}/{self.object['metadata']['name']}"


@dataclass(frozen=True)
class Release:
    """What is to be applied, how it came about, and what of it nobody applies (tests and hooks of a chart)."""

    manifests: tuple[Manifest, ...]
    source: str
    rendered: Rendered = field(repr=False)
    left_out: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """For the record: every object, of Secrets only the names of the keys; the digest is over just that."""
        objects = [_without_values(manifest.object) for manifest in self.manifests]
        how = {"tool": self.rendered.tool, "version": self.rendered.version, "command": self.rendered.command}
        return {"source": self.source, **how, "digest": f"sha256:{digest(objects)}", "left_out": self.left_out} | {
            "objects": objects
        }

    def __str__(self) -> str:
        by = f", rendered by {self.rendered.version}" if self.rendered.tool else ""
        left = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"{len(self.manifests)} objects from {self.source}{by}{left}"


def release(p: Parameters, cluster_version: str = "") -> Release:
    """The release that the parameters name; BadParameters says where and what is wrong, and nothing was applied."""
    return load(p.path(p.kubernetes.manifests), place_of(p, cluster_version), p.kubernetes.rendering)


def place_of(p: Parameters, cluster_version: str = "") -> Place:
    """What a tool has to know to render the release that the parameters name."""
    wanted = p.kubernetes.rendering
    name, values = wanted.release or p.application.name, tuple(p.path(value) for value in wanted.values)
    return Place(p.kubernetes.namespace, name, values, cluster_version)


def read(path: Path, namespace: str) -> tuple[Manifest, ...]:
    """Every object behind a path in the order of application; BadParameters says where and what is wrong."""
    return load(path, Place(namespace, "release"), Rendering()).manifests


def load(path: Path, place: Place, wanted: Rendering) -> Release:
    """Render, read and check; an object stands in the result, in ``left_out`` or in the error, never nowhere."""
    rendered = _rendered(path, wanted, place)
    found = [pair for text in rendered.texts for pair in _resources(text)]
    if not found:
        raise BadParameters(f"no Kubernetes object in {path}; nothing was applied")
    left_out = tuple(name for where, one in found if (name := _hook(where, one, wanted)))
    manifests = [_manifest(where, one, place.namespace) for where, one in found if not _hook(where, one, wanted)]
    _refuse_twice(manifests)
    manifests.sort(key=lambda manifest: _rank(manifest.object["kind"]))
    if not manifests:
        raise BadParameters(f"{path} holds nothing to apply, only {', '.join(left_out)}; nothing was applied")
    return Release(tuple(manifests), str(path), rendered, left_out)


def _rendered(path: Path, wanted: Rendering, place: Place) -> Rendered:
    """What is behind the path, or why nothing: in the words of whoever set the parameters."""
    try:
        return render(path, wanted, place)
    except (BadParameters, Unreachable) as error:
        named = "kubernetes.manifests and kubernetes.rendering tell what is read and how"
        raise type(error)(f"{error} ({named}); nothing was applied") from None


def _resources(text: Text) -> list[tuple[str, Resource]]:
    """The objects of one text and where each stands."""
    parsed = parse_manifests(text.text, text.name)
    for finding in parsed.findings:
        place = "" if text.name in finding.message else f"{finding.file}:{finding.line}: "
        raise BadParameters(f"{place}{finding.message}; nothing was applied")
    return [(_where(text, resource.node.line), resource) for resource in parsed.resources]


def _where(text: Text, line: int) -> str:
    """``file:line``; of a rendered chart the template that the object came from, too."""
    sources = [found for found in _SOURCE.finditer(text.text) if text.text.count("\n", 0, found.start()) < line]
    return f"{sources[-1][1]} ({text.name}:{line})" if sources else f"{text.name}:{line}"


def _hook(where: str, resource: Resource, wanted: Rendering) -> str:
    """The name of a hook that is left out; empty for what is no hook; BadParameters where hooks are refused."""
    kinds = resource.node.get("metadata", "annotations").get(HOOK).text()
    if not kinds:
        return ""
    if "test" in kinds or wanted.hooks == "leave out":
        return f"{resource.title} (hook: {kinds})"
    raise BadParameters(
        f"{where}: {resource.title} is a Helm hook ({kinds}), which only helm install runs: run it by itself and set "
        "kubernetes.rendering.hooks to 'leave out'; nothing was applied"
    )


def _manifest(where: str, resource: Resource, namespace: str) -> Manifest:
    if _TWICE_LISTED.search(resource.node.path):
        raise BadParameters(f"{where}: {resource.title} stands in a List inside a List; write the objects one by one")
    if problem := expanded(resource.node):
        raise BadParameters(f"{where}: {resource.title} {problem}; nothing was applied")
    body = resource.node.plain(1000)
    if problem := problem_of(body, namespace):
        raise BadParameters(f"{where}: {resource.title} {problem}; nothing was applied")
    return Manifest(where, body)


def _refuse_twice(manifests: Iterable[Manifest]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for manifest in manifests:
        # one name in two API versions of a group is one object
        key = (manifest.object["apiVersion"].rpartition("/")[0], manifest.name)
        if key in seen:
            raise BadParameters(
                f"{manifest.name} stands at {seen[key]} and at {manifest.file}; keep one; nothing was applied"
            )
        seen[key] = manifest.file


def _rank(kind: str) -> int:
    # kinds we do not know (ServiceMonitor, …) come last: by then everything they point to is there
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def _without_values(item: Mapping[str, Any]) -> dict[str, Any]:
    """The object as the record keeps it: no Secret value, and no annotation that repeats one."""
    annotations = item["metadata"].get("annotations") or {}
    metadata = dict(item["metadata"])
    if LAST_APPLIED in annotations:
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    kept = dict(item) | {"metadata": metadata}
    if item["kind"] == "Secret":
        keys = sorted({*(item.get("data") or {}), *(item.get("stringData") or {})})
        kept = {key: value for key, value in kept.items() if key not in ("data", "stringData")} | {"keys": keys}
    return kept
