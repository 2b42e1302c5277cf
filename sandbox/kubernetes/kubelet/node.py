"""The Node object of the range."""

from __future__ import annotations

import asyncio
import os
import platform
from typing import Any

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.kubelet import images
from sandbox.kubernetes.kubelet.host import Host
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import timestamp

JsonObject = dict[str, Any]

NODES = resource("nodes", "")
LEASES = resource("leases")
HOME = "kube-node-lease"
RENEW_SECONDS, LEASE_SECONDS = 10, 40
VERSION = "v1.36.2"
HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def register(host: Host) -> None:
    """Creates the Node, or leaves the one that is there."""
    try:
        created = host.store.create(NODES, _node(host), "kubelet")
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
        return
    host.store.update(NODES, created | {"status": _status(host)}, "status", "kubelet")


async def beat(host: Host) -> None:
    """Tells every ten seconds that the node is alive, in its Lease, and which images it has; until cancelled."""
    while True:
        _renew(host)
        found = host.store.find(NODES, None, host.options.node)
        if found is not None and found["status"].get("images") != (now := _images(host)):
            host.store.update(NODES, found | {"status": found["status"] | {"images": now}}, "status", "kubelet")
        await asyncio.sleep(RENEW_SECONDS)


def _renew(host: Host) -> None:
    name = host.options.node
    moment = host.store.clock().isoformat(timespec="microseconds").replace("+00:00", "Z")
    spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": moment}
    found = host.store.find(LEASES, HOME, name)
    try:
        if found is None:
            host.store.create(LEASES, {"metadata": {"name": name, "namespace": HOME}, "spec": spec}, "kubelet")
        else:
            host.store.update(LEASES, found | {"spec": spec}, manager="kubelet")
    except ApiError as error:
        if error.code != 404:  # a cluster of tests may lack the namespace
            raise


def _images(host: Host) -> list[JsonObject]:
    return [{"names": [name], "sizeBytes": 0} for name in images.known(host.settings.images_file)]


def _node(host: Host) -> JsonObject:
    labels = {
        "kubernetes.io/hostname": host.options.node,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
    }
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": host.options.node, "labels": labels},
        "spec": {},
        "status": _status(host),
    }


def _status(host: Host) -> JsonObject:
    now = timestamp(host.store.clock())
    size = {
        "cpu": host.options.cpu,
        "memory": host.options.memory,
        "pods": str(host.options.pods),
        "ephemeral-storage": "100Gi",
    }
    conditions = [
        {
            "type": kind,
            "status": truth,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for kind, truth, reason, message in HEALTHY
    ]
    return {
        "capacity": size,
        "allocatable": size,
        "conditions": conditions,
        "addresses": [
            {"type": "InternalIP", "address": host.settings.host},
            {"type": "Hostname", "address": host.options.node},
        ],
        "images": _images(host),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": host.settings.kubelet_port}},
        "nodeInfo": {
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kernelVersion": os.uname().release,
            "osImage": "practice range",
            "containerRuntimeVersion": "process://1",
            "kubeletVersion": VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": platform.machine(),
        },
    }
