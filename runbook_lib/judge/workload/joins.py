"""What lies between image and manifests: users, ports, writable paths, Java memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.quantity import number_of, quantity
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_container, unknown
from runbook_lib.judge.workload.pod import image_variables, variable
from runbook_lib.judge.workload.resources import resource
from runbook_lib.judge.workload.security import effective
from runbook_lib.judge.workload.volumes import volume_at
from runbook_lib.judge.workload.world import Container, Workload, World

MIB = 2**20
HEAP = re.compile(r"-Xmx(\d+[kmgtKMGT]?)\b")
SHARE = re.compile(r"-XX:MaxRAMPercentage=(\d+(?:\.\d+)?)")
VERSION = re.compile(r"(?:1\.)?(\d+)(?:[.0]*[._u-]+(\d+))?")
OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "_JAVA_OPTIONS", "CATALINA_OPTS")


def user_fits(world: World) -> Iterator[Seen]:
    """runAsNonRoot without a number: the kubelet refuses an image whose USER is a name, or root."""
    user = next(reversed(world.instructions("USER")), None)
    for workload, container in world.applications():
        asked = effective(workload, container, "runAsNonRoot")
        number = effective(workload, container, "runAsUser").integer()
        name = user.value.split(":")[0] if user else ""
        if not asked.is_true():
            continue
        if number:
            yield passed(
                (workload, container),
                asked,
                f"runAsUser {number} decides, the image says USER {name or 'nothing (root)'}",
            )
        elif name.isdigit() and int(name) > 0:
            yield passed((workload, container), asked, f"the image's USER {name} is a number and not root")
        else:
            where = Node(None, world.dockerfile.file, user.line) if user and world.dockerfile else asked
            message = (
                f"runAsNonRoot, but the image's USER is {name or 'not set, so root'}: "
                "CreateContainerConfigError, a number is needed"
            )
            yield failed((workload, container), where, message)


def ports_agree(world: World) -> Iterator[Seen]:
    exposed = {word.partition("/")[0] for i in world.instructions("EXPOSE") for word in i.value.split()}
    assessed = {str(port) for port in world.assessed.ports}
    for workload, container in world.applications():
        ports = {p.get("containerPort").text(): p for p in container.node.get("ports").elements()}
        for number, node in ports.items():
            if exposed and number not in exposed:
                yield failed(
                    (workload, container),
                    node,
                    f"containerPort {number}, the image exposes {', '.join(sorted(exposed))}",
                )
            elif assessed and number not in assessed:
                yield failed(
                    (workload, container),
                    node,
                    f"containerPort {number}, on the VMs it listens on {', '.join(sorted(assessed))}",
                )
            elif number.isdigit() and 0 < int(number[:6]) < 1024 and not _may_bind(container):
                yield failed(
                    (workload, container),
                    node,
                    f"containerPort {number} is below 1024: a user that is not root may not listen there",
                )
            else:
                yield passed(
                    (workload, container),
                    node,
                    f"containerPort {number}" + (", as the image exposes" if exposed else ""),
                )


def writes_on_read_only(world: World) -> Iterator[Seen]:
    """VOLUME and log folders of the image need a volume when the root file system is read-only."""
    for workload, container in world.applications():
        if not container.node.get("securityContext", "readOnlyRootFilesystem").is_true():
            continue
        paths = [path.strip('",[] ') for i in world.instructions("VOLUME") for path in (i.words or i.value.split())]
        paths += [path for d in world.assessed.demands if d.topic == "local-file" for path in d.captured]
        paths = [path for path in paths if not world.decision(path)]
        for path in dict.fromkeys(path for path in paths if path.startswith("/")):
            volume = volume_at(workload, container, path)
            if volume is None:
                message = f"{path} is written, but the root file system is read-only and no volume is mounted there"
                yield failed((workload, container), container.node.get("volumeMounts"), message)
            else:
                yield passed((workload, container), volume, f"{path} lies in a volume")


def java_memory(world: World) -> Iterator[Seen]:
    """Heap <= 75 % of the limit; before 8u191 a JVM takes the node's memory for its own."""
    if not _is_java(world):
        return
    for workload, container in world.applications():
        limit_node = resource(container, "limits", "memory")
        limit, options, where = number_of(limit_node), *_options(world, workload, container)
        if limit is None:
            yield unknown(
                (workload, container), limit_node, "no memory limit, so no share for the heap can be worked out"
            )
            continue
        heap, sums = _heap(options, limit)
        if heap is None and _sees_the_node(world):
            message = (
                f"Java {world.assessed.runtime} takes a quarter of the node's memory as "
                f"heap, the limit is {limit_node.text()}"
            )
            yield failed((workload, container), where, message, _percentage(workload, container))
        elif heap is None:
            yield failed(
                (workload, container),
                where,
                f"no heap is named: a quarter of {limit_node.text()} is used",
                _percentage(workload, container),
                "info",
            )
        elif heap > 0.75 * limit:
            message = (
                f"heap {sums} = {heap / MIB:.0f} MiB is {heap / limit:.0%} of the limit "
                f"{limit_node.text()}, at most 75 % leaves room for the rest"
            )
            yield failed((workload, container), where, message, _percentage(workload, container))
        else:
            yield passed(
                (workload, container),
                where,
                f"heap {sums} = {heap / MIB:.0f} MiB is {heap / limit:.0%} of the limit {limit_node.text()}",
            )


def _may_bind(container: Container) -> bool:
    added = {item.text().upper() for item in container.node.get("securityContext", "capabilities", "add").elements()}
    return bool(added & {"NET_BIND_SERVICE", "ALL"})


def _is_java(world: World) -> bool:
    image = world.dockerfile.stages[-1].image if world.dockerfile and world.dockerfile.stages else ""
    return "java" in world.assessed.runtime.lower() or bool(
        re.search(r"(?i)(jdk|jre|java|temurin|corretto|tomcat)", image)
    )


def _options(world: World, workload: Workload, container: Container) -> tuple[str, Node]:
    """Everything that can hold JVM flags, and the node to point at."""
    texts: list[str] = []
    where = container.node
    for name in OPTIONS:
        value, node = variable(world, workload, container, name)
        if value:
            texts.append(value)
            where = node
    words = container.node.get("command").elements() + container.node.get("args").elements()
    texts += [word.text() for word in words] or [
        i.value for i in world.instructions("ENTRYPOINT") + world.instructions("CMD")
    ]
    texts += [value for name, value in image_variables(world).items() if name in OPTIONS]
    return " ".join(texts), where


def _heap(options: str, limit: float) -> tuple[float | None, str]:
    if found := HEAP.search(options):
        bytes_ = (
            quantity(found.group(1)[:-1] + found.group(1)[-1].upper() + "i")
            if found.group(1)[-1].isalpha()
            else float(found.group(1))
        )
        return bytes_, f"-Xmx{found.group(1)}"
    if found := SHARE.search(options):
        return limit * float(found.group(1)) / 100, f"MaxRAMPercentage={found.group(1)}"
    return None, ""


def _sees_the_node(world: World) -> bool:
    """Container limits are honoured from 8u191 and from 10 on."""
    found = VERSION.search(world.assessed.runtime)
    if not found:
        return False
    major, update = int(found.group(1)), int(found.group(2) or 0)
    return major < 8 or (major == 8 and update < 191) or major == 9


def _percentage(workload: Workload, container: Container) -> dict[str, object]:
    return patch_container(
        workload, container, {"env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-XX:MaxRAMPercentage=75.0"}]}
    )


CHECKS = (
    Check(
        "user-join",
        "The image's USER satisfies runAsNonRoot",
        "blocking",
        "The Pod never starts: the kubelet cannot prove that a name is not root.",
        DOCS + "tasks/configure-pod-container/security-context/",
        user_fits,
    ),
    Check(
        "port-join",
        "Image, VMs and manifest agree on the port",
        "warning",
        "Probes and users would knock at a closed door.",
        DOCS + "concepts/services-networking/service/",
        ports_agree,
    ),
    Check(
        "writable-paths",
        "What is written lies in a volume",
        "blocking",
        "The service fails at its first write.",
        DOCS + "tasks/configure-pod-container/security-context/",
        writes_on_read_only,
    ),
    Check(
        "java-heap",
        "The Java heap fits the memory limit",
        "blocking",
        "The kernel kills the process (OOMKilled) although Java sees no error.",
        DOCS + "concepts/configuration/manage-resources-containers/",
        java_memory,
    ),
)
