"""Security context: what a container may do beyond its own process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_container, patch_pod
from runbook_lib.judge.workload.world import Container, Workload, World

LINK = DOCS + "concepts/security/pod-security-standards/"
CONFINED = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")
ADMINISTRATORS = ("containeradministrator", "administrator", "system")


def effective(workload: Workload, container: Container, key: str) -> Node:
    """The container's own setting, else the Pod's."""
    own = container.node.get("securityContext", key)
    return own if own.exists else workload.pod.get("securityContext", key)


def on_windows(workload: Workload) -> bool:
    """Whether its Pods run on Windows, where the API server refuses the fields that only Linux has."""
    told = workload.pod.get("os", "name").text(workload.pod.get("nodeSelector", "kubernetes.io/os").text())
    return told == "windows"


def _on_linux(world: World) -> Iterator[tuple[Workload, Container]]:
    return ((workload, container) for workload, container in world.containers() if not on_windows(workload))


def _of_windows(workload: Workload, container: Container, key: str) -> Node:
    own = container.node.get("securityContext", "windowsOptions", key)
    return own if own.exists else workload.pod.get("securityContext", "windowsOptions", key)


def not_root(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        asked, user = effective(workload, container, "runAsNonRoot"), effective(workload, container, "runAsUser")
        name = _of_windows(workload, container, "runAsUserName")
        if name.text().lower().rpartition("\\")[2] in ADMINISTRATORS:
            yield failed((workload, container), name, f"runAsUserName {name.text()} may do everything in its container")
        elif name.exists:
            yield passed((workload, container), name, f"runs as {name.text()}")
        elif user.integer() == 0:
            yield failed((workload, container), user, "runAsUser 0 is root")
        elif asked.is_true() or (user.integer() or 0) > 0:
            yield passed((workload, container), asked if asked.exists else user, f"runs as {_user(user)}")
        else:
            mend = _mend(workload, container, {"runAsNonRoot": True})
            yield failed((workload, container), container.node, "nothing keeps it from running as root", mend)


def no_escalation(world: World) -> Iterator[Seen]:
    for workload, container in _on_linux(world):
        node = container.node.get("securityContext", "allowPrivilegeEscalation")
        if node.is_false() and container.node.get("securityContext", "privileged").is_true():
            message = "allowPrivilegeEscalation false beside privileged true: the API server refuses it"
            mend = _mend(workload, container, {"privileged": False})
            yield failed((workload, container), node, message, mend, "blocking")
        elif node.is_false() and "CAP_SYS_ADMIN" in (added := _added(container)):  # it looks for this spelling alone
            message = "allowPrivilegeEscalation false beside CAP_SYS_ADMIN added: the API server refuses it"
            others = [name for name in added if name != "CAP_SYS_ADMIN"]
            mend = _mend(workload, container, {"capabilities": {"add": others or None}})
            yield failed((workload, container), node, message, mend, "blocking")
        else:
            harm = "a setuid program makes it root"
            yield _must_be_false(workload, container, "allowPrivilegeEscalation", harm, default=True)


def _added(container: Container) -> list[str]:
    return [one.text() for one in container.node.get("securityContext", "capabilities", "add").elements()]


def not_privileged(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        host = _of_windows(workload, container, "hostProcess")
        if host.is_true():
            yield failed((workload, container), host, "hostProcess is true: it runs on the node itself")
        else:
            yield _must_be_false(workload, container, "privileged", "it owns the node", default=False)


def no_capabilities(world: World) -> Iterator[Seen]:
    dangerous = {"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYS_MODULE", "DAC_READ_SEARCH", "BPF", "ALL"}
    for workload, container in _on_linux(world):
        node = container.node.get("securityContext", "capabilities")
        dropped = {item.text().upper().removeprefix("CAP_") for item in node.get("drop").elements()}
        added = {item.text().upper().removeprefix("CAP_") for item in node.get("add").elements()}
        if added & dangerous:
            message = f"adds {', '.join(sorted(added & dangerous))}"
            yield failed((workload, container), node.get("add"), message, severity="blocking")
        elif added - {"NET_BIND_SERVICE"}:
            more = ", ".join(sorted(added - {"NET_BIND_SERVICE"}))
            message = f"adds {more}: restricted namespaces allow NET_BIND_SERVICE alone"
            yield failed((workload, container), node.get("add"), message)
        elif "ALL" in dropped:
            yield passed(
                (workload, container), node, "drops ALL" + (f", adds {', '.join(sorted(added))}" if added else "")
            )
        else:
            mend = _mend(workload, container, {"capabilities": {"drop": ["ALL"]}})
            yield failed(
                (workload, container), node, "keeps capabilities that a web service never needs: drop ALL", mend
            )


def read_only_root(world: World) -> Iterator[Seen]:
    for workload, container in _on_linux(world):
        node = container.node.get("securityContext", "readOnlyRootFilesystem")
        if node.is_true():
            yield passed((workload, container), node, "the root file system cannot be written")
        else:
            mend = _mend(workload, container, {"readOnlyRootFilesystem": True})
            yield failed(
                (workload, container), container.node, "the root file system can be written: state may hide there", mend
            )


def system_calls(world: World) -> Iterator[Seen]:
    runtime = {"seccompProfile": {"type": "RuntimeDefault"}}
    for workload, container in _on_linux(world):
        own, node = (
            container.node.get("securityContext", "seccompProfile"),
            effective(workload, container, "seccompProfile"),
        )
        kind = node.get("type")
        if kind.text() == "Localhost" and not node.get("localhostProfile").text():
            yield failed((workload, container), kind, "Localhost without localhostProfile: the API server refuses it")
        elif kind.text() in ("RuntimeDefault", "Localhost"):
            yield passed((workload, container), kind, f"seccomp {kind.text()}")
        else:
            mend = (
                _mend(workload, container, runtime) if own.exists else patch_pod(workload, {"securityContext": runtime})
            )
            message = f"seccomp is {kind.text('not set')}: every system call is open"
            yield failed((workload, container), kind if kind.exists else container.node, message, mend)


def confined(world: World) -> Iterator[Seen]:
    """AppArmor by field or by its older annotation, SELinux by its types; neither is needed, but none may be lifted."""
    for workload, container in world.containers():
        note = f"container.apparmor.security.beta.kubernetes.io/{container.name}"
        older = workload.template.get("metadata", "annotations", note)
        kind, selinux = (
            effective(workload, container, "appArmorProfile").get("type"),
            effective(workload, container, "seLinuxOptions"),
        )
        foreign = [selinux.get(key) for key in ("user", "role") if selinux.get(key).text()]
        foreign += [selinux.get("type")] if selinux.get("type").text() not in ("", *CONFINED) else []
        if kind.text(older.text()).lower() == "unconfined":
            yield failed(
                (workload, container),
                kind if kind.exists else older,
                "AppArmor is lifted: baseline namespaces refuse it",
            )
        elif foreign:
            yield failed(
                (workload, container), foreign[0], f"seLinuxOptions {foreign[0].text()}: baseline namespaces refuse it"
            )
        else:
            yield passed(
                (workload, container), kind if kind.exists else container.node, "what the node confines stays confined"
            )


def own_token(world: World) -> Iterator[Seen]:
    """A Pod that never speaks to the API server needs no token; one that does has an account of its own."""
    for workload in world.workloads():
        node, name = workload.pod.get("automountServiceAccountToken"), workload.account
        account = world.named("ServiceAccount", name.text("default"), workload.resource)
        told = account.node.get("automountServiceAccountToken") if account and not node.exists else node
        if told.is_false():
            yield passed(workload, told, "no token is mounted")
        elif name.text("default") != "default":
            yield passed(workload, name, f"account {name.text()} of its own")
        else:
            mend = patch_pod(workload, {"automountServiceAccountToken": False})
            message = "the token of the account default is mounted, and nothing needs it"
            yield failed(workload, name if name.exists else workload.pod, message, mend)


def own_namespaces(world: World) -> Iterator[Seen]:
    for workload in world.workloads():
        shared = [name for name in ("hostNetwork", "hostPID", "hostIPC") if workload.pod.get(name).is_true()]
        for name in shared:
            message = f"{name}: the Pod shares it with the node and its neighbours"
            yield failed(workload, workload.pod.get(name), message, patch_pod(workload, {name: None}))
        for container in workload.containers:
            for port in container.node.get("ports").elements():
                if port.get("hostPort").integer():
                    message = (
                        f"hostPort {port.get('hostPort').text()}: one Pod a node, and the address "
                        "of the node is part of the service again"
                    )
                    yield failed((workload, container), port, message)
                    shared.append("hostPort")
        if not shared:
            yield passed(workload, workload.pod, "network, processes and IPC of its own")


def _must_be_false(workload: Workload, container: Container, key: str, harm: str, default: bool) -> Seen:
    node = container.node.get("securityContext", key)
    if node.is_true() or (default and not node.is_false()):
        mend = _mend(workload, container, {key: False})
        return failed((workload, container), node, f"{key} is {node.text('not set')}: {harm}", mend)
    return passed((workload, container), node, f"{key} is {node.text('not set, so false')}")


def _mend(workload: Workload, container: Container, change: dict[str, Any]) -> dict[str, Any]:
    return patch_container(workload, container, {"securityContext": change})


def _user(node: Node) -> str:
    return f"user {node.text()}" if node.exists else "a user that is not root"


CHECKS = (
    Check(
        "non-root",
        "No container runs as root",
        "blocking",
        "Services on VMs often ran as root, and files, ports and limits rely on it.",
        LINK,
        not_root,
    ),
    Check(
        "privilege-escalation",
        "No process gains rights",
        "warning",
        "Restricted namespaces refuse the Pod.",
        LINK,
        no_escalation,
    ),
    Check(
        "privileged",
        "No container is privileged",
        "blocking",
        "It would own the node and all who live there.",
        LINK,
        not_privileged,
    ),
    Check(
        "capabilities",
        "Capabilities are dropped",
        "warning",
        "Restricted namespaces refuse the Pod.",
        LINK,
        no_capabilities,
    ),
    Check(
        "read-only-root",
        "The root file system is read-only",
        "warning",
        "Shows at once what the service writes to its machine.",
        LINK,
        read_only_root,
    ),
    Check(
        "seccomp", "A seccomp profile is set", "warning", "Restricted namespaces refuse the Pod.", LINK, system_calls
    ),
    Check(
        "confinement",
        "AppArmor and SELinux stay in force",
        "warning",
        "Baseline namespaces refuse the Pod.",
        LINK + "#baseline",
        confined,
    ),
    Check(
        "account-token",
        "No unneeded account token",
        "warning",
        "A stolen token of default may be more than nothing.",
        DOCS + "tasks/configure-pod-container/configure-service-account/",
        own_token,
    ),
    Check(
        "host-namespaces",
        "The Pod shares nothing with the node",
        "blocking",
        "It ties the service to a node, as it was tied to a VM.",
        LINK,
        own_namespaces,
    ),
)
