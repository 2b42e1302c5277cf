"""What runs in the image: as whom, how it is stopped, and at which port."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Dockerfile, Instruction, Policy
from runbook_lib.judge.image_build.rule import (
    KUBERNETES,
    REFERENCE,
    Looked,
    Rule,
    failed,
    in_image,
    passed,
    unknown,
)
from runbook_lib.judge.image_build.words import SHELLS, script

STOP = KUBERNETES + "concepts/workloads/pods/pod-lifecycle/#pod-termination"
INITS = ("tini", "dumb-init", "catatonit", "docker-init")
WRAPPERS: tuple[str, ...] = (
    "npm",
    "yarn",
    "pnpm",
    "mvn",
    "mvnw",
    "gradle",
    "gradlew",
    "sudo",
    "su",
    "nohup",
    "service",
    "systemctl",
)
WRAPPERS += ("supervisord", "init", "systemd", "runsvdir")
SIGNALS = re.compile(r"^(SIG)?(KILL|STOP)$|^(9|19)$", re.I)


def not_root(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    users = in_image(dockerfile, "USER")
    line = dockerfile.stages[-1].line
    if not users:
        yield failed(
            line, "no USER in the image that runs: it is root, unless its base says otherwise", "USER 10001:10001"
        )
        return
    name, at = users[-1].value.split(":")[0].strip(), users[-1].line
    if "$" in name:
        yield unknown(at, f"USER {name}: the argument has no default")
    elif name == "root" or (name.isdecimal() and int(name[:20]) == 0):
        yield failed(at, f"USER {name} is root", "USER 10001:10001")
    elif not name.isdecimal():
        message = f"USER {name} is a name: with runAsNonRoot the kubelet cannot prove that it is not root"
        yield failed(at, message, "USER 10001:10001")
    else:
        yield passed(at, f"USER {users[-1].value}")


def hears_signals(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """An ENTRYPOINT outweighs every CMD, which becomes its arguments."""
    entry = _process(dockerfile)
    if entry is None:
        yield unknown(dockerfile.stages[-1].line, "no ENTRYPOINT or CMD: the base image decides what runs")
    elif not entry.words:
        yield _shell_form(entry)
    else:
        yield _exec_form(entry, dockerfile)
        command = next(reversed(in_image(dockerfile, "CMD")), None)
        if entry.name == "ENTRYPOINT" and command and not command.words and command.value.replace(" ", "") != "[]":
            words = ", ".join(f'"{word}"' for word in command.value.split())
            message = f"CMD in shell form: the ENTRYPOINT is given /bin/sh, -c and {command.value} as its arguments"
            yield failed(command.line, message, f"CMD [{words}]")


def _process(dockerfile: Dockerfile) -> Instruction | None:
    found = [i for i in in_image(dockerfile, "ENTRYPOINT", "CMD") if i.value.replace(" ", "") != "[]"]
    entries = [i for i in found if i.name == "ENTRYPOINT"]
    return next(reversed(entries or found), None)


def _shell_form(entry: Instruction) -> Looked:
    if entry.value.startswith("exec "):
        return passed(entry.line, f"{entry.name} hands over by exec")
    if entry.value.startswith("["):
        message = f"{entry.name} is no JSON (double quotes are), so it is the shell form: sh is process 1"
        return failed(entry.line, message, f"{entry.name} {entry.value}".replace("'", '"'))
    words = ", ".join(f'"{word}"' for word in entry.value.split())
    plain = not re.search(r"[;&|$<>`'\"\\*]", entry.value)
    message = f"{entry.name} in shell form: sh is process 1 and keeps SIGTERM to itself"
    return failed(entry.line, message, f"{entry.name} [{words}]" if plain else "")


def _exec_form(entry: Instruction, dockerfile: Dockerfile) -> Looked:
    words = list(entry.words)
    names = [word.rpartition("/")[2] for word in words]
    if names and names[0] in INITS:
        skip = next((n for n, word in enumerate(words) if n and not word.startswith("-")), len(words))
        words, names = words[skip:], names[skip:]
    if not names:
        return unknown(entry.line, f"{entry.name} names an init and nothing to run")
    if names[0] in SHELLS and "-c" in words[1:3]:
        last = script(words[-1])
        if not re.search(r"(^|[;&|]\s*)exec\s", words[-1]) and last:
            return failed(
                entry.line, f"{entry.name} runs a shell, which keeps SIGTERM to itself: exec before the last command"
            )
    elif names[0] in WRAPPERS:
        message = f"{entry.name} runs {names[0]}, which starts the service as its child and passes no SIGTERM on"
        return failed(entry.line, message)
    elif names[0].endswith(".sh") or (names[0] in SHELLS and len(names) > 1):
        return _script(entry, next(word for word in words if word.rpartition("/")[2] not in SHELLS), dockerfile)
    return passed(entry.line, f"{entry.name} in exec form")


def _script(entry: Instruction, path: str, dockerfile: Dockerfile) -> Looked:
    """A script is read where a here-document holds it; elsewhere nobody knows how it ends."""
    for instruction in in_image(dockerfile, "COPY"):
        if instruction.body and instruction.value.split()[-1] == path:
            if re.search(r"(?m)^\s*exec\s", instruction.body):
                return passed(entry.line, f"{path} hands over by exec")
            return failed(
                instruction.line, f"{path} starts the service without exec: the shell keeps SIGTERM to itself"
            )
    return unknown(entry.line, f"{path} is not seen here: make sure that it ends in exec")


def stop_signal(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    given = in_image(dockerfile, "STOPSIGNAL")
    if given and SIGNALS.match(given[-1].value.strip()):
        message = f"STOPSIGNAL {given[-1].value}: no process can react to it, every stop cuts requests"
        yield failed(given[-1].line, message, "STOPSIGNAL SIGTERM")
    elif given and "$" in given[-1].value:
        yield unknown(given[-1].line, f"STOPSIGNAL {given[-1].value}: the argument has no default")


def exposes(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    ports = in_image(dockerfile, "EXPOSE")
    for instruction in ports:
        wrong = [word for word in instruction.value.split() if "$" not in word and not _port(word)]
        if wrong:
            yield failed(instruction.line, f"EXPOSE {wrong[0]} is no port: the build refuses it", "", "blocking")
        elif "$" in instruction.value:
            yield unknown(instruction.line, f"EXPOSE {instruction.value}: the argument has no default")
        else:
            yield passed(instruction.line, f"EXPOSE {instruction.value}")
    if not ports:
        line = dockerfile.stages[-1].line
        yield failed(line, "no EXPOSE: nothing says which port Service and probes mean", "EXPOSE 8080")


def _port(word: str) -> bool:
    numbers, _, protocol = word.partition("/")
    ends = numbers.split("-")
    right = len(ends) <= 2 and all(end.isdecimal() and 0 < int(end[:9]) <= 65535 for end in ends)
    return right and protocol.lower() in ("", "tcp", "udp", "sctp")


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
