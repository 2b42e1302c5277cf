"""Words that the API server knows in a field: published schemas do not say them, its validation does."""

from __future__ import annotations

_LISTED = """
AppArmorProfile.type Localhost RuntimeDefault Unconfined
Container.imagePullPolicy Always IfNotPresent Never
Container.terminationMessagePolicy FallbackToLogsOnError File
ContainerPort.protocol SCTP TCP UDP
CronJobSpec.concurrencyPolicy Allow Forbid Replace
DaemonSetUpdateStrategy.type OnDelete RollingUpdate
DeploymentStrategy.type Recreate RollingUpdate
HTTPGetAction.scheme HTTP HTTPS
HTTPIngressPath.pathType Exact ImplementationSpecific Prefix
JobSpec.completionMode Indexed NonIndexed
LabelSelectorRequirement.operator DoesNotExist Exists In NotIn
MetricSpec.type ContainerResource External Object Pods Resource
MetricTarget.type AverageValue Utilization Value
NetworkPolicyPort.protocol SCTP TCP UDP
NetworkPolicySpec.policyTypes Egress Ingress
NodeSelectorRequirement.operator DoesNotExist Exists Gt In Lt NotIn
PersistentVolumeClaimSpec.accessModes ReadOnlyMany ReadWriteMany ReadWriteOnce ReadWriteOncePod
PersistentVolumeClaimSpec.volumeMode Block Filesystem
PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy AlwaysAllow IfHealthyBudget
PodSecurityContext.fsGroupChangePolicy Always OnRootMismatch
PodSpec.dnsPolicy ClusterFirst ClusterFirstWithHostNet Default None
PodSpec.preemptionPolicy Never PreemptLowerPriority
PodSpec.restartPolicy Always Never OnFailure
SeccompProfile.type Localhost RuntimeDefault Unconfined
ServicePort.protocol SCTP TCP UDP
ServiceSpec.externalTrafficPolicy Cluster Local
ServiceSpec.internalTrafficPolicy Cluster Local
ServiceSpec.ipFamilyPolicy PreferDualStack RequireDualStack SingleStack
ServiceSpec.sessionAffinity ClientIP None
ServiceSpec.type ClusterIP ExternalName LoadBalancer NodePort
StatefulSetSpec.podManagementPolicy OrderedReady Parallel
StatefulSetUpdateStrategy.type OnDelete RollingUpdate
Toleration.effect NoExecute NoSchedule PreferNoSchedule
TopologySpreadConstraint.whenUnsatisfiable DoNotSchedule ScheduleAnyway
"""
CHOICES: dict[str, tuple[str, ...]] = {
    name: tuple(words) for name, *words in (line.split() for line in _LISTED.strip().splitlines())
}
"""By definition and field; only what was the same in all versions that are known."""
