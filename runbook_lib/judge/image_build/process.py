"""What runs in the image: as whom, how it is stopped, and at which port."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.judge.image_build.rule import (
    KUBERNETES,
    REFERENCE,
    WINDOWS,
    Looked,
    Rule,
    all_commands,
    failed,
    in_image,
    passed,
    unknown,
)
from runbook_lib.judge.image_build.signals import hears_signals

STOP = KUBERNETES + "concepts/workloads/pods/pod-lifecycle/#pod-termination"
SOMEBODY = "USER 10001:10001"
NO_ROOT = re.compile(r"non-?root|unprivileged|rootless|chiseled|^cgr\.dev/chainguard/")
ADDS_USER: tuple[str, ...] = ("-u", "-g", "-G", "-s", "-h", "-d", "-c", "-k", "-e", "-f", "-b", "-K", "--uid")
ADDS_USER += ("--gid", "--home", "--shell", "--ingroup", "--home-dir", "--comment", "--gecos", "--group", "--groups")
SIGNALS = re.compile(r"^(SIG)?(KILL|STOP)$|^(9|19)$", re.I)


def not_root(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """A name is mended where the build gives it a number; which one a base image gives nobody sees here."""
    users, base = in_image(dockerfile, "USER"), dockerfile.lineage[0].image
    line = dockerfile.stages[-1].line
    if WINDOWS.search(base):
        yield unknown(line, "users of Windows have no numbers: the Pod names one in windowsOptions.runAsUserName")
        return
    if not users:
        if NO_ROOT.search(base):
            yield unknown(line, f"no USER: {base} seems not to run as root, a number says so where the kubelet looks")
        else:
            message = "no USER in the image that runs: it is root, unless its base says otherwise"
            yield failed(line, message, SOMEBODY, appended=True)
        return
    (name, sign, group), at = users[-1].value.strip().partition(":"), users[-1].line
    if "$" in name:
        yield unknown(at, f"USER {name}: nothing here sets it, unless the base image does")
    elif name == "root" or (name.isdecimal() and int(name[:20]) == 0):
        yield failed(at, f"USER {name} is root", SOMEBODY, appended=True)
    elif not name.isdecimal():
        message = f"USER {name} is a name: with runAsNonRoot the kubelet cannot prove that it is not root"
        number = _number_of(name, dockerfile)
        yield failed(at, message, f"USER {number}{sign}{group}" if number else "")
    else:
        yield passed(at, f"USER {users[-1].value}")


def _number_of(name: str, dockerfile: Dockerfile) -> str:
    """The number that useradd or adduser gives to an account; empty where the system chooses."""
    for _, command in all_commands(dockerfile, last_only=True):
        if command.program in ("useradd", "adduser") and command.plain(*ADDS_USER)[:1] == (name,):
            found = re.search(r"\s(?:--uid|-u)[= ]([1-9]\d{0,8})(?=\s|$)", command.text)
            return found.group(1) if found else ""
    return ""


def stop_signal(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    given = in_image(dockerfile, "STOPSIGNAL")
    if given and SIGNALS.match(given[-1].value.strip()):
        message = f"STOPSIGNAL {given[-1].value}: no process can react to it, every stop cuts requests"
        yield failed(given[-1].line, message, "STOPSIGNAL SIGTERM")
    elif given and "$" in given[-1].value:
        yield unknown(given[-1].line, f"STOPSIGNAL {given[-1].value}: the argument has no default")


def exposes(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """Docker's ``8080:80`` is taken by the builder, without what stands before the port of the container."""
    ports = in_image(dockerfile, "EXPOSE")
    for instruction in ports:
        words = [word.strip("\"'") for word in instruction.value.split() if "$" not in word]
        wrong = [word for word in words if not _port(word.rpartition(":")[2])]
        if wrong:
            yield failed(instruction.line, f"EXPOSE {wrong[0]} is no port: the build refuses it", "", "blocking")
        elif any(":" in word for word in words):
            yield failed(instruction.line, f"EXPOSE {instruction.value}: a port of the host means nothing in a Pod")
        elif "$" in instruction.value:
            yield unknown(instruction.line, f"EXPOSE {instruction.value}: the argument has no default")
        else:
            yield passed(instruction.line, f"EXPOSE {instruction.value}")
    if not ports:
        yield failed(dockerfile.stages[-1].line, "no EXPOSE: nothing says which port Service and probes mean")


def _port(word: str) -> bool:
    numbers, _, protocol = word.partition("/")
    ends = numbers.split("-")
    right = len(ends) <= 2 and all(end.isdecimal() and 0 < int(end[:9]) <= 65535 for end in ends)
    return right and int(ends[0]) <= int(ends[-1]) and protocol.lower() in ("", "tcp", "udp", "sctp")


def kubernetes_probes(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction in in_image(dockerfile, "HEALTHCHECK"):
        if instruction.value.strip().upper() != "NONE":
            yield passed(instruction.line, "HEALTHCHECK is for Docker alone; Kubernetes does not look at it")


RULES = (
    Rule(
        "image-user",
        "The image runs as a numbered user",
        "blocking",
        "Services on VMs often ran as root; the cluster refuses it.",
        KUBERNETES + "tasks/configure-pod-container/security-context/",
        not_root,
    ),
    Rule(
        "image-signals",
        "The application hears SIGTERM",
        "blocking",
        "It is killed after the grace period, requests are cut, every rollout takes that long.",
        STOP,
        hears_signals,
    ),
    Rule(
        "stop-signal",
        "The signal that stops it can be heard",
        "blocking",
        "Kubernetes sends the image's signal; what ends at once ends with requests inside.",
        STOP,
        stop_signal,
        "SIGTERM, or one that can be heard",
    ),
    Rule(
        "image-port",
        "The image names its port",
        "info",
        "Service, probes and NetworkPolicy are checked against it.",
        REFERENCE + "#expose",
        exposes,
    ),
    Rule(
        "image-health",
        "Health is asked by probes",
        "info",
        "See the manifests' probes.",
        KUBERNETES + "concepts/configuration/liveness-readiness-startup-probes/",
        kubernetes_probes,
    ),
)
