"""The kinds of object that the embedded API knows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

Subresource = Literal["status", "scale", "log", "eviction", "binding", "token", "proxy"]


@dataclass(frozen=True)
class Resource:
    """One kind in one group and version, and how its objects behave.

    `generation`: the server counts changes of the spec; `custom`: defined by a CRD, which has no strategic merge.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    generation: bool = False
    custom: bool = False
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """`Deployment.apps`, as messages of validation name it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def prefix(self) -> str:
        """Path of the group and version: `/api/v1` or `/apis/apps/v1`."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


_REVIEW = ("create",)
_ONE_BY_ONE = ("create", "delete", "get", "list", "patch", "update", "watch")
_ALL = ("all",)
_GATEWAY = ("gateway-api",)
_ISTIO = ("istio-io", "networking-istio-io")

RESOURCES: tuple[Resource, ...] = (
    # core
    Resource("", "v1", "ConfigMap", "configmaps", short_names=("cm",)),
    Resource("", "v1", "Endpoints", "endpoints", short_names=("ep",)),
    Resource("", "v1", "Event", "events", short_names=("ev",)),
    Resource("", "v1", "LimitRange", "limitranges", short_names=("limits",)),
    Resource("", "v1", "Namespace", "namespaces", False, ("ns",), ("status",), verbs=_ONE_BY_ONE),
    Resource("", "v1", "Node", "nodes", False, ("no",), ("status",)),
    Resource("", "v1", "PersistentVolume", "persistentvolumes", False, ("pv",), ("status",)),
    Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, ("pvc",), ("status",)),
    Resource(
        "",
        "v1",
        "Pod",
        "pods",
        True,
        ("po",),
        ("status", "log", "eviction", "binding", "proxy"),
        True,
        categories=_ALL,
    ),
    Resource("", "v1", "ResourceQuota", "resourcequotas", True, ("quota",), ("status",)),
    Resource("", "v1", "Secret", "secrets"),
    Resource("", "v1", "Service", "services", True, ("svc",), ("status", "proxy"), categories=_ALL),
    Resource("", "v1", "ServiceAccount", "serviceaccounts", True, ("sa",), ("token",)),
    # workloads
    Resource("apps", "v1", "ControllerRevision", "controllerrevisions"),
    Resource("apps", "v1", "DaemonSet", "daemonsets", True, ("ds",), ("status",), True, categories=_ALL),
    Resource("apps", "v1", "Deployment", "deployments", True, ("deploy",), ("scale", "status"), True, categories=_ALL),
    Resource("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), ("scale", "status"), True, categories=_ALL),
    Resource("apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), ("scale", "status"), True, categories=_ALL),
    Resource("batch", "v1", "CronJob", "cronjobs", True, ("cj",), ("status",), True, categories=_ALL),
    Resource("batch", "v1", "Job", "jobs", True, (), ("status",), True, categories=_ALL),
    Resource(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        True,
        ("hpa",),
        ("status",),
        categories=_ALL,
    ),
    Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), ("status",), True),
    # networking
    Resource("networking.k8s.io", "v1", "Ingress", "ingresses", True, ("ing",), ("status",), True),
    Resource("networking.k8s.io", "v1", "IngressClass", "ingressclasses", False, generation=True),
    Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", True, ("netpol",), (), True),
    Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", generation=True),
    # the rest of what manifests of an application hold
    Resource("coordination.k8s.io", "v1", "Lease", "leases"),
    Resource("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, ("sc",)),
    Resource("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, ("pc",), generation=True),
    Resource("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False),
    Resource("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False),
    Resource("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    Resource("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    # questions: answered, never stored
    Resource("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=_REVIEW),
    Resource("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=_REVIEW),
    Resource("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=_REVIEW),
    Resource("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False, verbs=_REVIEW),
    Resource("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=_REVIEW),
    # custom resources: traffic knobs
    Resource(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        False,
        ("crd", "crds"),
        ("status",),
        True,
        categories=("api-extensions",),
    ),
    Resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", True, (), ("status",), True, True, _GATEWAY),
    Resource(
        "gateway.networking.k8s.io", "v1", "Gateway", "gateways", True, ("gtw",), ("status",), True, True, _GATEWAY
    ),
    Resource(
        "gateway.networking.k8s.io",
        "v1",
        "GatewayClass",
        "gatewayclasses",
        False,
        ("gc",),
        ("status",),
        True,
        True,
        _GATEWAY,
    ),
    Resource(
        "networking.istio.io", "v1", "VirtualService", "virtualservices", True, ("vs",), ("status",), True, True, _ISTIO
    ),
    Resource(
        "networking.istio.io",
        "v1",
        "DestinationRule",
        "destinationrules",
        True,
        ("dr",),
        ("status",),
        True,
        True,
        _ISTIO,
    ),
    # custom resources: backups, as the CRDs of Velero define them; none of them has a status of its own
    Resource("velero.io", "v1", "Backup", "backups", generation=True, custom=True),
    Resource("velero.io", "v1", "BackupStorageLocation", "backupstoragelocations", True, ("bsl",), (), True, True),
    Resource("velero.io", "v1", "Restore", "restores", generation=True, custom=True),
    Resource("velero.io", "v1", "Schedule", "schedules", generation=True, custom=True),
)


@cache
def resource(plural_or_kind: str, group: str | None = None) -> Resource:
    """The resource of that plural or kind; KeyError when the embedded API does not know it."""
    for candidate in RESOURCES:
        if plural_or_kind in (candidate.plural, candidate.kind) and group in (None, candidate.group):
            return candidate
    raise KeyError(plural_or_kind if group is None else f"{plural_or_kind}.{group}")


@cache
def by_path(group: str, version: str, plural: str) -> Resource | None:
    """The resource that a request path names, or None."""
    for candidate in RESOURCES:
        if (candidate.group, candidate.version, candidate.plural) == (group, version, plural):
            return candidate
    return None
