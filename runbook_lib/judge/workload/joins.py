"""What lies between image and manifests: users, ports, the process, health checks, writable paths."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.judge.workload.built import at, base_image, last
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_pod, unknown
from runbook_lib.judge.workload.probes import PROBES
from runbook_lib.judge.workload.security import effective
from runbook_lib.judge.workload.volumes import fixed, volume_at
from runbook_lib.judge.workload.world import Container, Workload, World, repository

CONTEXT = DOCS + "tasks/configure-pod-container/security-context/"
# What official images write before the first request; where several paths stand together, one of them is enough.
IMAGES_WRITE: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    (r"(^|/)nginx(:|@|$)", (("/var/cache/nginx",), ("/var/run", "/run"))),
    (r"(^|/)tomcat(:|@|$)", (("/usr/local/tomcat/work",), ("/usr/local/tomcat/temp",))),
    (r"(^|/)httpd(:|@|$)", (("/usr/local/apache2/logs",),)),
)


def application_is_known(world: World) -> Iterator[Seen]:
    """A cache beside the application has an image, a user and a size of its own."""
    images = {repository(container) for _, container in world.mains}
    if len(images) > 1 and world.named_mains:
        yield from (passed(main, main[1].node, "named as the application") for main in world.named_mains)
    elif not world.one_application:
        titles = ", ".join(workload.title for workload, _ in world.mains[:4])
        called = f"called {world.application}" if world.application else "named as the application"
        message = f"{len(images)} images run ({titles}), and none is {called}: whose Dockerfile and assessment are"
        message += " is not known, so they are held against none; say which (kubernetes.deployment, --deployment)"
        yield unknown(world.mains[0], world.mains[0][1].node, message)


def user_fits(world: World) -> Iterator[Seen]:
    """runAsNonRoot without a number: the kubelet refuses an image whose USER is a name, or root."""
    user = last(world, "USER")
    own = {id(workload) for workload, _ in world.applications} if world.dockerfile else set()
    for workload, container in world.mains:
        known = id(workload) in own
        asked = effective(workload, container, "runAsNonRoot")
        number = effective(workload, container, "runAsUser").integer()
        name = user.value.split(":")[0].strip() if user and known else ""
        if not asked.is_true():
            continue
        where = at(world, user) if name and user else asked
        if number:
            says = f", the image says USER {name or 'nothing'}" if known else ""
            yield passed((workload, container), asked, f"runAsUser {number} decides{says}")
        elif name.isdecimal() and int(name[:9]) > 0:
            yield passed((workload, container), asked, f"the image's USER {name} is a number and not root")
        elif not name and not (known and base_image(world) == "scratch"):
            base = f"the base image {base_image(world)} decides" if known else "no Dockerfile of it tells"
            message = f"runAsNonRoot, and {base} whom it runs as: say it with runAsUser"
            yield unknown((workload, container), where, message, None if known else "warning")
        else:
            message = f"runAsNonRoot, but the image's USER is {name or 'not set, so root'}: CreateContainerConfigError"
            yield failed((workload, container), where, f"{message}, a number is needed")


def ports_agree(world: World) -> Iterator[Seen]:
    exposed = [w.removesuffix("/tcp") for i in world.instructions("EXPOSE") for w in i.value.split()]
    for workload, container in world.applications:
        assessed = {str(port) for port in world.assessed_of(workload).ports}
        for port in container.node.get("ports").elements():
            node = port.get("containerPort")
            number = node.text()
            if exposed and not any(_within(number, port.get("protocol").text("TCP"), word) for word in exposed):
                message = f"containerPort {number}, the image exposes {', '.join(sorted(set(exposed)))}"
                yield failed((workload, container), node, message)
            elif assessed and number not in assessed:
                message = f"containerPort {number}, on the VMs it listens on {', '.join(sorted(assessed))}"
                yield failed((workload, container), node, message)
            else:
                known = ", as the image exposes" if exposed else ", as on the VMs" if assessed else ""
                yield passed((workload, container), node, f"containerPort {number}{known}")


def _within(number: str, protocol: str, word: str) -> bool:
    """EXPOSE takes ranges and a protocol, TCP without one; what a variable stands for is not known."""
    told, _, by = word.partition("/")
    if (by or "tcp").upper() != protocol and "$" not in word:
        return False
    first, dash, end = told.partition("-")
    if dash and all(text.isdecimal() and len(text) < 9 for text in (number, first, end)):
        return int(first) <= int(number) <= int(end)
    return number == told or "$" in word


def process_is_whole(world: World) -> Iterator[Seen]:
    """args alone follow the image's ENTRYPOINT: a shell form never sees them, and without any they are the program.

    Where the Dockerfile says neither, its base does.
    """
    entry, command = world.dockerfile.process if world.dockerfile else (None, None)
    for workload, container in world.applications:
        args = container.node.get("args")
        own = entry is not None or command is not None
        if not own or not args.elements() or container.node.get("command").elements():
            continue
        first = args.elements()[0].text()
        if entry is not None and not entry.words:
            message = f"args are given, but ENTRYPOINT (line {entry.line}) is in shell form: nothing reads them"
            yield failed((workload, container), args, message)
        elif entry is None and first.startswith("-"):
            message = f"args stand in place of the image's CMD, and {first} is no program"
            yield failed((workload, container), args, message)
        else:
            yield passed((workload, container), args, f"args follow {entry.words[0] if entry else 'no ENTRYPOINT'}")


def health_is_asked(world: World) -> Iterator[Seen]:
    """The kubelet does not read HEALTHCHECK."""
    check = last(world, "HEALTHCHECK")
    if check is None or check.value.strip().upper() == "NONE":
        return
    for workload, container in world.applications:
        there = [name for name in PROBES if container.node.get(name).exists]
        if there:
            message = f"{', '.join(there)} ask in place of HEALTHCHECK"
            yield passed((workload, container), container.node.get(there[0]), message)
        else:
            message = f"the image has a HEALTHCHECK (line {check.line}), which Kubernetes does not read, and no probe"
            yield failed((workload, container), container.node, message)


def writes_on_read_only(world: World) -> Iterator[Seen]:
    """VOLUME, written paths of the source and of known base images need a volume when the root is read-only."""
    paths = [path.strip('",[] ') for i in world.instructions("VOLUME") for path in (i.words or i.value.split())]
    paths += [path for d in world.assessed.demands if d.topic == "local-file" for path in d.captured]
    kept = dict.fromkeys(path for path in paths if path.startswith("/") and not world.decision(path))
    scratch = [some for name, groups in IMAGES_WRITE if re.search(name, base_image(world)) for some in groups]
    for workload, container in world.applications:
        if not container.node.get("securityContext", "readOnlyRootFilesystem").is_true():
            continue
        for path in kept:
            yield _writable(workload, container, path)
        for some in scratch:
            found = next((path for path in some if volume_at(workload, container, path) is not None), None)
            yield _writable(workload, container, found) if found else _scratch(workload, container, some[0])


def _writable(workload: Workload, container: Container, path: str) -> Seen:
    volume = volume_at(workload, container, path)
    if volume is None:
        message = f"{path} is written, but the root file system is read-only and no volume is mounted there"
        return failed((workload, container), container.node.get("volumeMounts"), message)
    closed = fixed(container, volume, path)
    if closed is not None:
        return failed((workload, container), closed[0], f"{path} is written, but {closed[1]}")
    return passed((workload, container), volume, f"{path} lies in a volume")


def _scratch(workload: Workload, container: Container, path: str) -> Seen:
    """What the image itself writes at its start is scratch, so a machine can say where it goes."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{container.name}{path}".lower()).strip("-")[:60]
    mount = {"name": container.name, "volumeMounts": [{"mountPath": path, "name": name}]}
    volumes = [{"name": name, "emptyDir": {"sizeLimit": "64Mi"}}]
    mend = patch_pod(workload, {"containers": [mount], "volumes": volumes})
    message = f"the base image writes {path} at its start, but the root file system is read-only: it ends at once"
    return failed((workload, container), container.node, message, mend)


CHECKS = (
    Check(
        "application-known",
        "It is clear which workload is the application",
        "blocking",
        "What is known of the machines is held against the application alone.",
        DOCS + "concepts/workloads/",
        application_is_known,
    ),
    Check(
        "user-join",
        "The image's USER satisfies runAsNonRoot",
        "blocking",
        "The Pod never starts: the kubelet cannot prove that a name is not root.",
        CONTEXT,
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
        "process-join",
        "What the image starts takes the arguments",
        "blocking",
        "The service starts without its settings, or not at all.",
        DOCS + "tasks/inject-data-application/define-command-argument-container/",
        process_is_whole,
    ),
    Check(
        "health-join",
        "The image's health check has a probe as its heir",
        "warning",
        "Docker restarted or marked what did not answer; the kubelet asks probes alone.",
        DOCS + "tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
        health_is_asked,
    ),
    Check(
        "writable-paths",
        "What is written lies in a volume",
        "blocking",
        "The service fails at its first write.",
        CONTEXT,
        writes_on_read_only,
    ),
)
