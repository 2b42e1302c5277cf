"""Users, groups and low ports: what a service that ran as root, or as a user of its machine, finds changed."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import (
    DOCS,
    Check,
    Seen,
    failed,
    passed,
    patch_container,
    patch_pod,
    unknown,
)
from runbook_lib.judge.workload.security import effective
from runbook_lib.judge.workload.world import LONG_RUNNING, Container, Workload, World

LINK = DOCS + "tasks/configure-pod-container/security-context/"
SYSTEM_USERS = 1000
LOW, SSH = 1024, 22
OPENS_LOW = "net.ipv4.ip_unprivileged_port_start"


def numbers_of_its_own(world: World) -> Iterator[Seen]:
    """A user without a group has the root group, unless the image's passwd file knows the number."""
    for workload, container in world.containers():
        user, group = effective(workload, container, "runAsUser"), effective(workload, container, "runAsGroup")
        number = user.integer() or 0
        if group.integer() == 0:
            yield failed((workload, container), group, "runAsGroup 0 is the group of root")
        elif number == 0:
            continue  # the image decides, or it is root, which is a finding of its own
        elif number < SYSTEM_USERS:
            message = f"runAsUser {number}: below {SYSTEM_USERS} are the system users of nodes and images"
            yield failed((workload, container), user, message)
        elif not group.exists:
            mend = patch_container(workload, container, {"securityContext": {"runAsGroup": number}})
            message = f"runAsUser {number} without runAsGroup: its group is root, unless the image knows the number"
            yield failed((workload, container), user, message, mend)
        else:
            yield passed((workload, container), user, f"user {number}, group {group.text()}")


def owns_its_volumes(world: World) -> Iterator[Seen]:
    """A new volume belongs to root; fsGroup gives it to the group of the Pod where its driver can."""
    for workload in world.workloads(*LONG_RUNNING):
        claims = {v.get("name").text() for v in workload.volumes if v.get("persistentVolumeClaim").exists}
        claims |= {c.get("metadata", "name").text() for c in workload.spec.get("volumeClaimTemplates").elements()}
        for container in workload.containers:
            mounts = [
                mount
                for mount in container.node.get("volumeMounts").elements()
                if mount.get("name").text() in claims and not mount.get("readOnly").is_true()
            ]
            if mounts and not_root(workload, container):
                yield _owned(workload, container, mounts[0])


def _owned(workload: Workload, container: Container, mount: Node) -> Seen:
    group, path = workload.pod.get("securityContext", "fsGroup"), mount.get("mountPath").text()
    if group.exists:
        return passed((workload, container), group, f"fsGroup {group.text()} may write {path}")
    giver = next((c for c in workload.containers if c.kind == "init" and _gives(c)), None)
    if giver is not None:
        return passed((workload, container), giver.node, f"{giver.name} gives {path} away before the start")
    number = (
        effective(workload, container, "runAsGroup").integer() or effective(workload, container, "runAsUser").integer()
    )
    change = {"fsGroup": number, "fsGroupChangePolicy": "OnRootMismatch"}
    mend = patch_pod(workload, {"securityContext": change}) if number else None
    message = f"no fsGroup: {path} belongs to root, and the first write is refused"
    return failed((workload, container), mount, message, mend)


def _gives(container: Container) -> bool:
    words = container.node.get("command").elements() + container.node.get("args").elements()
    return any(word in text for text in (w.text() for w in words) for word in ("chown", "chmod", "chgrp"))


def low_ports(world: World) -> Iterator[Seen]:
    """NET_BIND_SERVICE reaches a user that is not root only through the file's own rights, which a Pod may forbid."""
    for workload, container in world.containers():
        for port in container.node.get("ports").elements():
            number = port.get("containerPort").integer()
            if number is not None and 0 < number < LOW:
                yield _low(workload, container, port.get("containerPort"), number)


def _low(workload: Workload, container: Container, node: Node, number: int) -> Seen:
    begin = next(
        (
            s.get("value")
            for s in workload.pod.get("securityContext", "sysctls").elements()
            if s.get("name").text() == OPENS_LOW
        ),
        None,
    )
    added = {item.text().upper() for item in container.node.get("securityContext", "capabilities", "add").elements()}
    if begin is not None and begin.text().isdecimal() and int(begin.text()[:9]) <= number:
        return passed((workload, container), begin, f"port {number}: {OPENS_LOW} {begin.text()} opens it to everybody")
    if effective(workload, container, "runAsUser").integer() == 0:
        return passed((workload, container), node, f"port {number}: root may listen there")
    if not not_root(workload, container):
        return unknown(
            (workload, container), node, f"port {number}: whether it runs as root is left to the image", "info"
        )
    escalates = container.node.get("securityContext", "allowPrivilegeEscalation")
    if added & {"NET_BIND_SERVICE", "ALL"} and not escalates.is_false():
        message = f"port {number}: NET_BIND_SERVICE helps if the program's file has it, too"
        return unknown((workload, container), node, message, "info")
    void = (
        ", and allowPrivilegeEscalation false makes NET_BIND_SERVICE void"
        if added & {"NET_BIND_SERVICE", "ALL"}
        else ""
    )
    message = f"port {number} is below 1024: a user that is not root may not listen there{void}"
    change = {"securityContext": {"sysctls": [{"name": OPENS_LOW, "value": "0"}]}}
    own = workload.pod.get("hostNetwork").is_true()
    return failed((workload, container), node, message, None if own else patch_pod(workload, change))


def no_ssh(world: World) -> Iterator[Seen]:
    """Who has to get in uses exec, which asks for rights and is written down."""
    for workload, container in world.containers():
        ports = container.node.get("ports").elements()
        by_tcp = [port for port in ports if port.get("protocol").text("TCP") == "TCP"]
        open_ = [port for port in by_tcp if port.get("containerPort").integer() == SSH]
        if open_:
            yield failed(
                (workload, container), open_[0], "port 22: nobody logs in to a Pod, kubectl exec does it with rights"
            )
        elif ports:
            yield passed((workload, container), container.node.get("ports"), "no log-in port")


def not_root(workload: Workload, container: Container) -> bool:
    """Whether the manifest itself says that the container is not root."""
    asked, user = effective(workload, container, "runAsNonRoot"), effective(workload, container, "runAsUser").integer()
    return (user or 0) > 0 or (asked.is_true() and user is None)


CHECKS = (
    Check(
        "user-number",
        "User and group have numbers of their own",
        "info",
        "A number that the node knows, too, opens its files where a container gets out.",
        LINK + "#set-the-security-context-for-a-pod",
        numbers_of_its_own,
    ),
    Check(
        "volume-owner",
        "Who is not root may write its volumes",
        "warning",
        "On the VM the folder was the service's; a new volume is root's.",
        LINK + "#configure-volume-permission-and-ownership-change-policy-for-pods",
        owns_its_volumes,
    ),
    Check(
        "low-port",
        "Low ports are open to the user that listens",
        "warning",
        "On the VM root opened the port and the service went on as somebody else.",
        DOCS + "tasks/administer-cluster/sysctl-cluster/",
        low_ports,
    ),
    Check(
        "ssh-port",
        "Nobody logs in to a Pod",
        "warning",
        "What is changed by hand in one Pod is gone with it, and in no record.",
        DOCS + "tasks/debug/debug-application/get-shell-running-container/",
        no_ssh,
    ),
)
