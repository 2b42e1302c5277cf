"""Which kinds are Kubernetes' own, and which API versions of them are gone since when."""

from __future__ import annotations

from runbook_lib.artefacts import Resource

HOME = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Service": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Pod": "v1",
    "PersistentVolumeClaim": "v1",
    "PersistentVolume": "v1",
    "Namespace": "v1",
    "ServiceAccount": "v1",
    "LimitRange": "v1",
    "ResourceQuota": "v1",
    "Endpoints": "v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "IngressClass": "networking.k8s.io/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "Lease": "coordination.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
}
"""Where a kind that the checks look at lives; an HPA of autoscaling/v1 is as good."""
EXTENSIONS = frozenset({"ServiceMonitor", "PodMonitor", "ScaledObject"})
"""Kinds that checks look at and that are not Kubernetes' own."""
GATEWAY = "gateway.networking.k8s.io"
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
SHARED = {
    **dict.fromkeys((*ROUTES, "Gateway", "ReferenceGrant"), GATEWAY),
    "Schedule": "velero.io",
    "SnapshotSchedule": "snapscheduler.backube",
}
"""The same, of those whose name others have, too: only what is of this group is looked at."""
_DOTTED = """
admissionregistration apiextensions apiregistration authentication authorization certificates coordination discovery
events flowcontrol.apiserver internal.apiserver networking node rbac.authorization resource scheduling storage
storagemigration
"""
GROUPS = {"", "apps", "autoscaling", "batch", "extensions", "policy"} | {f"{one}.k8s.io" for one in _DOTTED.split()}
"""Kubernetes' own API groups."""
_RBAC, _STORAGE = "rbac.authorization.k8s.io", "storage.k8s.io"
_FLOW = "flowcontrol.apiserver.k8s.io"
_LISTED = f"""
16 extensions/v1beta1 apps/v1 Deployment DaemonSet ReplicaSet
16 apps/v1beta1 apps/v1 Deployment StatefulSet ReplicaSet
16 apps/v1beta2 apps/v1 Deployment DaemonSet StatefulSet ReplicaSet
16 extensions/v1beta1 networking.k8s.io/v1 NetworkPolicy
22 extensions/v1beta1 networking.k8s.io/v1 Ingress
22 networking.k8s.io/v1beta1 networking.k8s.io/v1 Ingress IngressClass
22 admissionregistration.k8s.io/v1beta1 admissionregistration.k8s.io/v1 MutatingWebhookConfiguration
22 admissionregistration.k8s.io/v1beta1 admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration
22 apiextensions.k8s.io/v1beta1 apiextensions.k8s.io/v1 CustomResourceDefinition
22 apiregistration.k8s.io/v1beta1 apiregistration.k8s.io/v1 APIService
22 certificates.k8s.io/v1beta1 certificates.k8s.io/v1 CertificateSigningRequest
22 coordination.k8s.io/v1beta1 coordination.k8s.io/v1 Lease
22 {_RBAC}/v1beta1 {_RBAC}/v1 Role RoleBinding ClusterRole ClusterRoleBinding
22 scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1 PriorityClass
22 {_STORAGE}/v1beta1 {_STORAGE}/v1 CSIDriver CSINode StorageClass VolumeAttachment
25 batch/v1beta1 batch/v1 CronJob
25 discovery.k8s.io/v1beta1 discovery.k8s.io/v1 EndpointSlice
25 events.k8s.io/v1beta1 events.k8s.io/v1 Event
25 autoscaling/v2beta1 autoscaling/v2 HorizontalPodAutoscaler
25 policy/v1beta1 policy/v1 PodDisruptionBudget
25 policy/v1beta1 - PodSecurityPolicy
16 extensions/v1beta1 - PodSecurityPolicy
25 node.k8s.io/v1beta1 node.k8s.io/v1 RuntimeClass
26 autoscaling/v2beta2 autoscaling/v2 HorizontalPodAutoscaler
26 {_FLOW}/v1beta1 {_FLOW}/v1 FlowSchema PriorityLevelConfiguration
27 {_STORAGE}/v1beta1 {_STORAGE}/v1 CSIStorageCapacity
29 {_FLOW}/v1beta2 {_FLOW}/v1 FlowSchema PriorityLevelConfiguration
32 {_FLOW}/v1beta3 {_FLOW}/v1 FlowSchema PriorityLevelConfiguration
"""
# kubernetes.io/docs/reference/using-api/deprecation-guide: since 1.x, the API version, the one in its place, the kinds
GONE: dict[tuple[str, str], tuple[int, str]] = {
    (gone, kind): (int(minor), newer.strip("-"))
    for minor, gone, newer, *kinds in (line.split() for line in _LISTED.split("\n") if line)
    for kind in kinds
}


def group_of(api_version: str) -> str:
    """The group of an API version; empty for the core's."""
    return api_version.rpartition("/")[0]


def foreign(resource: Resource) -> bool:
    """True for somebody else's kind of the same name, as Knative's Service is: no check may take it for that."""
    meant = SHARED.get(resource.kind)
    if meant is not None:
        return group_of(resource.api_version) != meant
    if HOME.get(resource.kind, resource.api_version) == resource.api_version:
        return False  # so it is for nearly all, and they are asked for each copy of everything given
    return "." in group_of(resource.api_version) and not own(resource)


def looked_at(resource: Resource) -> bool:
    """Whether some check knows the kind: one of Kubernetes' own, or an extension of the maker that is meant."""
    known = resource.kind in HOME or resource.kind in EXTENSIONS or resource.kind in SHARED
    return known and not foreign(resource)


def own(resource: Resource) -> bool:
    """True for what is in one of Kubernetes' own API groups, or in one without a dot, which nobody else may have."""
    group = group_of(resource.api_version)
    return group in GROUPS or "." not in group
