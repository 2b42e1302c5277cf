"""What lies between image, manifests and source: users, ports, Java memory, controls that the source asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from runbook_lib.artefacts import Demanded, Instruction, Node
from runbook_lib.judge.quantity import number_of, quantity
from runbook_lib.judge.workload.check import DOCS, Check, Seen, Severity, failed, passed, patch_container, unknown
from runbook_lib.judge.workload.pod import image_variables, session_store, variable, variable_names
from runbook_lib.judge.workload.resources import resource
from runbook_lib.judge.workload.security import effective
from runbook_lib.judge.workload.volumes import volume_at
from runbook_lib.judge.workload.world import LONG_RUNNING, Container, Workload, World

MIB = 2**20
HEAP = re.compile(r"-Xmx(\d+[kmgtKMGT]?)\b")
SHARE = re.compile(r"-XX:MaxRAMPercentage=(\d+(?:\.\d+)?)")
OLD_SHARE = re.compile(r"-XX:(?:\+UseCGroupMemoryLimitForHeap|MaxRAMFraction=\d+)")
VERSION = re.compile(r"(?:1\.)?(\d+)(?:[.0]*[._u-]+(\d+))?")
OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "_JAVA_OPTIONS", "CATALINA_OPTS")


def user_fits(world: World) -> Iterator[Seen]:
    """runAsNonRoot without a number: the kubelet refuses an image whose USER is a name, or root."""
    user = _last(world, "USER")
    for workload, container in _applications(world):
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
    exposed = {word.partition("/")[0] for i in _all(world, "EXPOSE") for word in i.value.split()}
    assessed = {str(port) for port in world.assessed.ports}
    for workload, container in _applications(world):
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
    for workload, container in _applications(world):
        if not container.node.get("securityContext", "readOnlyRootFilesystem").is_true():
            continue
        paths = [path.strip('",[] ') for i in _all(world, "VOLUME") for path in (i.words or i.value.split())]
        paths += [path for d in world.assessed.demands if d.topic == "local-file" for path in d.captured]
        paths = [path for path in paths if not decision(world, path)]
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
    for workload, container in _applications(world):
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


def controls(world: World) -> Iterator[Seen]:
    """Each place in the source that binds the application to its machine, against the control that answers it."""
    for demand in world.assessed.demands:
        answer = ANSWERS.get(demand.topic)
        if answer is None:
            continue
        for workload, container in _applications(world):
            found = answer(world, workload, container, demand)
            place = f"{demand.places[0]}{f' and {len(demand.places) - 1} more' if len(demand.places) > 1 else ''}"
            severity: Severity = "blocking" if demand.topic in AT_ONCE else "warning"
            if found:
                yield passed((workload, container), container.node, f"{demand.topic} ({place}): {found}")
            else:
                message = f"{demand.topic} ({place}) is not answered; what answers it: {demand.control}"
                yield failed((workload, container), container.node, message, severity=severity)


def _volume_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    paths = [path for path in demand.captured if path.startswith("/")]
    answers = {path: _kept(world, workload, container, path) for path in paths}
    return "; ".join(f"{path} {answer}" for path, answer in answers.items()) if paths and all(answers.values()) else ""


def _kept(world: World, workload: Workload, container: Container, path: str) -> str:
    volume = volume_at(workload, container, path)
    if volume is not None:
        return f"lies in a volume ({volume.get('name').text() or volume.get('metadata', 'name').text()})"
    sent = decision(world, path)
    return f"goes to the {sent} by decision" if sent else ""


def decision(world: World, path: str) -> str:
    """Where the profile sends what is written at a path; empty when nobody has decided."""
    for root, target in world.assessed.decided.items():
        if path == root or path.startswith(root.rstrip("/") + "/"):
            return target
    return ""


def _cron_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    jobs = world.of_kind("CronJob")
    return ", ".join(job.title for job in jobs)


def _identity_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    if workload.kind == "StatefulSet":
        return "a StatefulSet keeps the name"
    fields = ("metadata.name", "status.podIP")
    found = [
        name
        for name, entry in container.variables().items()
        if entry.get("valueFrom", "fieldRef", "fieldPath").text() in fields
    ]
    return f"env {', '.join(found)} from the downward API" if found else ""


def _session_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    if world.assessed.shared_sessions:
        return "the profile names a shared session store"
    store = session_store(world, workload, container)
    if store:
        return f"a session store in {', '.join(store[:2])}"
    sticky = [s.title for s in world.services(workload) if s.node.get("spec", "sessionAffinity").text() == "ClientIP"]
    return f"sessionAffinity on {', '.join(sticky)}" if sticky else ""


def _log_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    names = variable_names(world, workload, container)
    console = [name for name in names if re.search(r"(?i)log.*(stdout|console|stream|format|target)|LOG_TO", name)]
    if console:
        return f"{', '.join(console)} sends it to the console"
    return _volume_answers(world, workload, container, demand)


def _secret_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    env = [n for n, entry in container.variables().items() if entry.get("valueFrom", "secretKeyRef").exists]
    sources = [
        s.get("secretRef", "name").text() for s in container.node.get("envFrom").elements() if s.get("secretRef").exists
    ]
    files = [v.get("name").text() for v in workload.pod.get("volumes").elements() if v.get("secret").exists]
    return f"Secrets by {', '.join([*env, *sources, *files][:3])}" if env or sources or files else ""


def _address_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    external = [s.title for s in world.of_kind("Service") if s.node.get("spec", "type").text() == "ExternalName"]
    settings = [
        n
        for n in variable_names(world, workload, container)
        if re.search(r"(?i)(url|host|address|endpoint|database|dsn|broker|server)", n)
    ]
    if external:
        return f"names by {', '.join(external)}"
    return f"addresses by {', '.join(settings[:3])}" if settings else ""


def _zone_answers(world: World, workload: Workload, container: Container, demand: Demanded) -> str:
    value, _ = variable(world, workload, container, "TZ")
    return f"TZ {value}" if value else ""


# Users feel these from the first percent on; the others are due before the old side goes.
AT_ONCE = ("session", "local-file")
ANSWERS: dict[str, Callable[[World, Workload, Container, Demanded], str]] = {
    "local-file": _volume_answers,
    "cron": _cron_answers,
    "identity": _identity_answers,
    "session": _session_answers,
    "log-file": _log_answers,
    "secret": _secret_answers,
    "fixed-address": _address_answers,
    "localhost": _address_answers,
    "time-zone": _zone_answers,
}


def _applications(world: World) -> Iterator[tuple[Workload, Container]]:
    """The one container of each long-running workload that the Dockerfile and the assessment are about."""
    for workload in world.workloads(*LONG_RUNNING):
        apps = [c for c in workload.containers if c.kind == "app"]
        if apps:
            yield workload, next((c for c in apps if c.name == workload.resource.name), apps[0])


def _all(world: World, name: str) -> list[Instruction]:
    stage = world.dockerfile.stages[-1] if world.dockerfile and world.dockerfile.stages else None
    return [i for i in stage.instructions if i.name == name] if stage else []


def _last(world: World, name: str) -> Instruction | None:
    found = _all(world, name)
    return found[-1] if found else None


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
    texts += [word.text() for word in words] or [i.value for i in _all(world, "ENTRYPOINT") + _all(world, "CMD")]
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
    Check(
        "source-control",
        "The manifests answer what the source asks",
        "warning",
        "What the source takes from its machine has to come from somewhere.",
        DOCS + "concepts/workloads/",
        controls,
    ),
)
