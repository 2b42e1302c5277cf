"""Why a Pod is not made, not scheduled, or cannot mount: the words of Kubernetes, and what to do about them."""

from __future__ import annotations

import re

from runbook_lib.observe.cluster import Object
from runbook_lib.observe.workload.trouble import Trouble

_SCHEDULING = (
    (
        r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim .* not found|didn't find available persistent",
        "look at its PersistentVolumeClaims and their StorageClass (kubectl get pvc)",
    ),
    (r"untolerated taint", "give it a toleration, or add a node without the taint"),
    (
        r"affinity|node selector|topology spread",
        "correct its nodeSelector, affinity or topology spread, or label a node",
    ),
    (r"Insufficient", "free room or add a node, or lower resources.requests"),
    (r"Too many pods", "add a node: those that are there take no more Pods"),
    (r"free ports", "another Pod has its hostPort: take that out of the manifest"),
    (r"were unschedulable", "let a node take Pods again (kubectl uncordon)"),
)
_CREATION = (
    (r"exceeded quota", "raise the ResourceQuota, free some of it, or lower what the Pods ask for"),
    (r"failed quota|must specify", "give each container the requests and limits that the ResourceQuota asks for"),
    (r"LimitRange|(minimum|maximum) (cpu|memory)", "keep resources within the LimitRange of the namespace"),
    (r"PodSecurity", "correct the securityContext, or have the namespace's Pod security level changed"),
    (r"serviceaccount .* not found", "create the ServiceAccount, or correct serviceAccountName"),
    (r"admission webhook", "ask whoever owns the admission webhook"),
)


def unscheduled(pod: Object, condition: Object) -> Trouble:
    """A Pod that no node takes: what it asks for, and what each node lacks."""
    said = re.split(r"\.? (?:no new claims|preemption:)", str(condition.get("message") or "no node was found"))[0]
    asked = _asked(pod)
    return Trouble(
        "scheduling",
        f"Pod/{pod['metadata']['name']}",
        f"no node takes it{f', it asks for {asked}' if asked else ''}: {said.rstrip('.')}",
        _advice(said, _SCHEDULING, "look at the nodes (kubectl describe nodes)"),
        since=str(condition.get("lastTransitionTime") or ""),
        lasting=True,  # the scheduler tries again by itself; a new Pod would only queue anew
    )


def _asked(pod: Object) -> str:
    asked = [
        f"{name} {size}"
        for container in pod["spec"]["containers"]
        for name, size in sorted(((container.get("resources") or {}).get("requests") or {}).items())
    ]
    return ", ".join(asked)


def uncreated(replica_set: Object) -> Trouble | None:
    """A ReplicaSet whose Pods are refused: quota, Pod security, a missing ServiceAccount; None when they are not."""
    conditions = (replica_set.get("status") or {}).get("conditions") or []
    failure = next((c for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True"), None)
    if failure is None:
        return None
    said = re.sub(r'^pods? "[^"]*" is forbidden: ', "", str(failure.get("message") or ""))
    quota = re.match(r"exceeded quota: (\S+), requested: (.+), used: (.+), limited: (.+)", said)
    if quota:
        name, requested, used, limited = quota.groups()
        said = f"quota {name} is used up: a Pod asks for {requested}, {used} of {limited} is used"
    return Trouble(
        "quota",
        f"ReplicaSet/{replica_set['metadata']['name']}",
        f"its Pods are refused: {said}",
        _advice(str(failure.get("message")), _CREATION, "correct what is refused and apply again"),
        since=str(failure.get("lastTransitionTime") or ""),
        lasting=True,
    )


def unmounted(pod: Object, event: Object) -> Trouble:
    """A volume that does not mount or attach."""
    said = str(event.get("message") or "").replace(" : ", ": ")
    missing = re.search(r'(configmap|secret) "([^"]+)" not found', said)
    key = re.search(r"references non-existent (?:config|secret) key: (\S+)", said)
    following = "look at the volume, its driver and its node (kubectl describe pod)"
    if missing:
        following = f"create the {missing[1]} {missing[2]}, or correct its name; the Pod goes on by itself then"
    elif key:
        following = f"put the key {key[1]} there, or correct its name; the Pod goes on by itself then"
    elif "Multi-Attach" in said:
        following = "the volume is still on another node: end the Pod there, or use a volume that may be shared"
    since = str(event.get("firstTimestamp") or event.get("eventTime") or "")
    where = f"Pod/{pod['metadata']['name']}"
    return Trouble("volume", where, f"a volume does not mount: {said}", following, since, lasting=bool(missing or key))


def _advice(said: str, table: tuple[tuple[str, str], ...], otherwise: str) -> str:
    found = [advice for pattern, advice in table if re.search(pattern, said)]
    return ", or ".join(found[:2]) or otherwise
