"""The objects of a release: a folder of manifests, read whole or refused, in the order in which they are applied."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.artefacts import Resource
from runbook_lib.errors import BadParameters
from runbook_lib.observe.manifests import read_manifests

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
    "PersistentVolumeClaim",
    "Service",
    "StatefulSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Job",
    "CronJob",
    "Ingress",
    "HTTPRoute",
)


@dataclass(frozen=True)
class Manifest:
    """One object and where it stands, as ``file:line``."""

    file: str
    object: dict[str, Any]

    @property
    def name(self) -> str:
        """``Deployment/order-service``."""
        return f"{self.object['kind']}/{self.object['metadata']['name']}"


def read(folder: Path, namespace: str) -> tuple[Manifest, ...]:
    """Every object below ``folder`` in the order of application; BadParameters says where and what is wrong."""
    if not folder.is_dir():
        raise BadParameters(f"there is no folder {folder}; kubernetes.manifests must name a folder of manifests")
    for file in sorted(folder.rglob("kustomization.y*ml")):
        raise BadParameters(f"{file} is a kustomization; render it first: kustomize build {file.parent} > all.yaml")
    found = read_manifests(folder)
    for finding in found.findings:
        raise BadParameters(f"{finding.message}; nothing was applied")
    manifests = [_manifest(resource, folder, namespace) for resource in found.resources]
    seen: dict[tuple[str, str], str] = {}
    for manifest in manifests:
        # one name in two API versions of a group is one object
        key = (manifest.object["apiVersion"].rpartition("/")[0], manifest.name)
        if key in seen:
            raise BadParameters(f"{manifest.name} stands at {seen[key]} and at {manifest.file}; keep one")
        seen[key] = manifest.file
    return tuple(sorted(manifests, key=lambda m: _rank(m.object["kind"])))


def _rank(kind: str) -> int:
    # kinds we do not know (ServiceMonitor, …) come last: by then everything they point to is there
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def _manifest(resource: Resource, folder: Path, namespace: str) -> Manifest:
    where = f"{Path(resource.node.file).relative_to(folder).as_posix()}:{resource.node.line}"
    if not resource.name:
        raise BadParameters(f"{where}: a {resource.kind} has no metadata.name; what is applied must have a name")
    if (resource.namespace or namespace) != namespace:
        raise BadParameters(
            f"{where}: {resource.title} is for namespace {resource.namespace}, "
            f"kubernetes.namespace is {namespace}; make them one"
        )
    return Manifest(where, resource.node.plain())
