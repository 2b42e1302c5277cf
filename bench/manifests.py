"""Manifests as teams write them, good and bad by chance but the same for a seed: for the bench and for a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import yaml

Plain = dict[str, Any]
Dumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
KINDS = ("Deployment", "Deployment", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod")
IMAGES = (
    "registry.example/shop:main-4f2a91c-20261112",
    "registry.example/shop@sha256:" + "a" * 64,
    "registry.example/shop:1.2@sha256:" + "b" * 64,
    "registry.example/shop:latest",
    "registry.example:5000/shop",
    "shop",
    "shop:1.2",
)
PROBES: tuple[Plain | None, ...] = (
    None,
    {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
    {"tcpSocket": {"port": "http"}, "failureThreshold": 6},
    {"exec": {"command": ["cat", "/tmp/ready"]}},
)
ENTRIES: tuple[Plain, ...] = (
    {"name": "TZ", "value": "Asia/Shanghai"},
    {"name": "DATABASE_PASSWORD", "value": "hunter2-in-clear"},
    {"name": "DATABASE_PASSWORD_FILE", "value": "/run/secrets/password"},
    {"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "password"}}},
    {"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx400m"},
)
RULES: tuple[Plain, ...] = (
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "watch"]},
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]},
    {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "clusterroles"], "verbs": ["escalate", "bind"]},
    {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"], "verbs": ["create", "bind"]},
    {"apiGroups": [""], "resources": ["users", "groups", "serviceaccounts"], "verbs": ["impersonate"]},
    {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch"]},
)


def applications(count: int, seed: int) -> Iterator[tuple[str, list[Plain]]]:
    """So many applications, each with its name and objects."""
    for number in range(count):
        yield f"app-{number:04d}", application(Random(f"{seed}-{number}"), f"app-{number:04d}")


def write(folder: Path, count: int, seed: int) -> int:
    """A file for each application; returns the number of objects."""
    objects = 0
    for name, parts in applications(count, seed):
        objects += len(parts)
        (folder / f"{name}.yaml").write_text(yaml.dump_all(parts, Dumper=Dumper, sort_keys=False))
    return objects


def application(rng: Random, name: str) -> list[Plain]:
    """A workload and what stands beside it: three in four have a Service, every second one the rest."""
    space = rng.choice(("web", "web", "default", ""))
    workload = _workload(rng, name, space, rng.choice(KINDS))
    beside = [
        (0.75, _object("v1", "Service", name, space, _service(rng, name))),
        (0.5, _object("v1", "ConfigMap", name, space, {}) | {"data": {"LOG_TO": "console"}}),
        (0.5, _object("policy/v1", "PodDisruptionBudget", name, space, {"maxUnavailable": 1, "selector": _by(name)})),
        (0.3, _scaler(rng, name, space, workload["kind"])),
        (0.5, _object("networking.k8s.io/v1", "NetworkPolicy", name, space, _policy(rng, name))),
        (0.3, _ingress(rng, name, space)),
        (0.3, _object("v1", "ServiceAccount", rng.choice((name, name, "default")), space, {})),
        (0.4, _role(rng, name, space)),
        (0.4, _binding(rng, name, space)),
    ]
    made = [workload]
    for chance, plain in beside:
        made += [plain] if rng.random() < chance else []
    return made


def _object(version: str, kind: str, name: str, space: str, spec: Plain) -> Plain:
    metadata = {"name": name} | ({"namespace": space} if space else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata} | ({"spec": spec} if spec else {})


def _by(name: str) -> Plain:
    return {"matchLabels": {"app": name}}


def _some(rng: Random, chance: float, **fields: Any) -> Plain:
    """Each of the fields by the same chance of its own."""
    return {key: value for key, value in fields.items() if rng.random() < chance}


def _workload(rng: Random, name: str, space: str, kind: str) -> Plain:
    pod = _pod(rng, kind)
    if kind == "Pod":
        made = _object("v1", kind, name, space, pod)
        made["metadata"]["labels"] = {"app": name}
        return made
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    if kind == "Job":
        return _object("batch/v1", kind, name, space, {"template": template})
    if kind == "CronJob":
        spec = {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": template}}}
        return _object("batch/v1", kind, name, space, spec)
    spec = {"selector": _by(name), "template": template} | ({"serviceName": name} if kind == "StatefulSet" else {})
    if kind != "DaemonSet":
        spec |= _some(rng, 0.7, replicas=rng.choice((1, 2, 3)))
    if kind == "Deployment":
        spec |= _some(rng, 0.3, strategy={"type": rng.choice(("RollingUpdate", "Recreate"))}, minReadySeconds=5)
    return _object("apps/v1", kind, name, space, spec)


def _pod(rng: Random, kind: str) -> Plain:
    pod: Plain = {"restartPolicy": "Never"} if kind in ("Job", "CronJob") else {}
    pod |= _some(rng, 0.15, hostPID=rng.random() < 0.5, hostIPC=rng.random() < 0.5, hostNetwork=rng.random() < 0.5)
    pod |= _some(rng, 0.5, automountServiceAccountToken=rng.random() < 0.2)
    security = _some(rng, 0.5, runAsNonRoot=rng.random() < 0.8, runAsUser=rng.choice((0, 1000, 10001)))
    security |= _some(rng, 0.5, seccompProfile={"type": rng.choice(("RuntimeDefault", "RuntimeDefault", "Unconfined"))})
    pod |= {"securityContext": security} if security else {}
    pod["containers"] = [_container(rng, "web")] + ([_container(rng, "log")] if rng.random() < 0.2 else [])
    if rng.random() < 0.3:
        more = {"restartPolicy": "Always"} if rng.random() < 0.5 else {}
        pod["initContainers"] = [_container(rng, "before") | more]
    mounted = _some(
        rng,
        0.2,
        socket={"hostPath": {"path": "/var/run/docker.sock"}},
        logs={"hostPath": {"path": "/var/log/shop"}},
        scratch={"emptyDir": {}},
    )
    if mounted:
        pod["volumes"] = [{"name": name} | volume for name, volume in mounted.items()]
        pod["containers"][0]["volumeMounts"] = [{"name": name, "mountPath": f"/mnt/{name}"} for name in mounted]
    return pod


def _container(rng: Random, name: str) -> Plain:
    made: Plain = {"name": name, "image": rng.choice(IMAGES)}
    made |= _some(rng, 0.6, imagePullPolicy=rng.choice(("Always", "IfNotPresent", "Never")))
    made["ports"] = [{"name": "http", "containerPort": 8080} | _some(rng, 0.1, hostPort=8080)]
    if name != "before":
        made |= {f"{kind}Probe": probe for kind in ("liveness", "readiness") if (probe := rng.choice(PROBES))}
    parts = {
        part: _some(rng, 0.6, cpu="200m", memory="512Mi", **{"ephemeral-storage": "1Gi"})
        for part in ("requests", "limits")
    }
    made |= {"resources": {part: given for part, given in parts.items() if given}} if any(parts.values()) else {}
    entries = [entry for entry in ENTRIES if rng.random() < 0.2]
    made |= {"env": entries} if entries else {}
    security = _some(
        rng,
        0.5,
        allowPrivilegeEscalation=rng.random() < 0.2,
        readOnlyRootFilesystem=rng.random() < 0.8,
        runAsNonRoot=rng.random() < 0.8,
        runAsUser=rng.choice((0, 1000, 10001)),
        capabilities=rng.choice(
            (
                {"drop": ["ALL"]},
                {"drop": ["NET_RAW"]},
                {"drop": ["all"], "add": ["NET_BIND_SERVICE"]},
                {"add": ["SYS_ADMIN"]},
                {"drop": ["ALL"], "add": []},
            )
        ),
    )
    security |= _some(rng, 0.1, privileged=rng.random() < 0.5, seccompProfile={"type": "RuntimeDefault"})
    return made | ({"securityContext": security} if security else {})


def _service(rng: Random, name: str) -> Plain:
    return {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": rng.choice(("http", 8080, 9090))}]}


def _scaler(rng: Random, name: str, space: str, kind: str) -> Plain:
    target = {"type": "Utilization", "averageUtilization": 70}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
        "minReplicas": rng.choice((1, 2, 3)),
        "maxReplicas": 6,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", name, space, spec)


def _policy(rng: Random, name: str) -> Plain:
    ingress = [{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}]
    return {"podSelector": _by(rng.choice((name, name, "nobody"))), "policyTypes": ["Ingress"], "ingress": ingress}


def _ingress(rng: Random, name: str, space: str) -> Plain:
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rules = [{"host": f"{name}.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    made = _object("networking.k8s.io/v1", "Ingress", name, space, {"rules": rules})
    snippet = rng.choice((None, "alias /etc;", "content_by_lua 'x';", "add_header X-Frame-Options DENY;"))
    if snippet:
        made["metadata"]["annotations"] = {"nginx.ingress.kubernetes.io/configuration-snippet": snippet}
    return made


def _role(rng: Random, name: str, space: str) -> Plain:
    kind = rng.choice(("Role", "ClusterRole"))
    made = _object("rbac.authorization.k8s.io/v1", kind, name, space if kind == "Role" else "", {})
    return made | {"rules": [rng.choice(RULES)]}


def _binding(rng: Random, name: str, space: str) -> Plain:
    kind = rng.choice(("Role", "ClusterRole"))
    made = _object("rbac.authorization.k8s.io/v1", f"{kind}Binding", name, space if kind == "Role" else "", {})
    account = rng.choice((name, "default"))
    role = rng.choice((name, name, "cluster-admin")) if kind == "ClusterRole" else name
    return made | {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": space or "default"}],
    }
