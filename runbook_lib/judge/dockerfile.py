"""Checks of a Dockerfile: what the image holds, who it runs as, whether it hears SIGTERM."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from runbook_lib.artefacts import Dockerfile, Instruction, Policy
from runbook_lib.judge.workload.config import is_secret
from runbook_lib.judge.workload.image import MOVING, parse_reference
from runbook_lib.model import Finding, Outcome

BUILD_TOOLS = re.compile(
    r"(?<![\w/.-])(gcc|g\+\+|make|maven|mvn|gradle|build-essential|golang|cargo|openjdk-\d+-jdk|git)(?![\w.-])"
)
INSTALL = re.compile(r"\b(apt-get|apt|apk|yum|dnf|microdnf)\s+(?:-\S+\s+)*(install|add)\b")
DOWNLOAD = re.compile(r"\b(curl|wget)\b[^|;&]*\|\s*(sudo\s+)?(ba|z|da)?sh\b")
SHELLS = ("sh", "bash", "ash", "dash")


@dataclass(frozen=True)
class Rule:
    """One question to the image; the judge yields outcome, line, message, mend."""

    id: str
    title: str
    severity: Literal["blocking", "warning", "info"]
    reason: str
    judge: Callable[[Dockerfile], Iterator[tuple[Outcome, int, str, str]]]


Seen = tuple[Outcome, int, str, str]


def check_dockerfile(dockerfile: Dockerfile, policy: Policy | None = None) -> list[Finding]:
    """All findings of one Dockerfile, passed ones too; what could not be parsed comes first."""
    found = list(dockerfile.findings)
    off = policy.off if policy else ()
    for rule in (rule for rule in RULES if dockerfile.stages and rule.id not in off):
        for outcome, line, message, mend in rule.judge(dockerfile):
            severity = "warning" if outcome is Outcome.INCONCLUSIVE else rule.severity
            seen = (rule.id, rule.title, outcome, severity, "Dockerfile", message, rule.reason, dockerfile.file, line)
            found.append(Finding(*seen, mend))
    return found


def fixed_base(dockerfile: Dockerfile) -> Iterator[Seen]:
    stages: set[str] = set()
    for stage in dockerfile.stages:
        reference = parse_reference(stage.image)
        if stage.image in stages or stage.image == "scratch":
            yield Outcome.PASS, stage.line, f"FROM {stage.image} is a stage of this file", ""
        elif "$" in stage.image:
            yield Outcome.INCONCLUSIVE, stage.line, f"FROM {stage.image}: the argument has no default", ""
        elif reference.digest:
            yield Outcome.PASS, stage.line, "the base is named by its digest", ""
        elif not reference.tag or reference.tag.lower() in MOVING:
            yield (
                Outcome.FAIL,
                stage.line,
                f"FROM {stage.image} moves: the same commit builds another image tomorrow",
                "",
            )
        else:
            yield Outcome.PASS, stage.line, f"FROM {stage.image}", ""
        stages.add(stage.name)


def not_root(dockerfile: Dockerfile) -> Iterator[Seen]:
    last = dockerfile.stages[-1]
    users = [i for i in last.instructions if i.name == "USER"]
    if not users:
        yield Outcome.FAIL, last.line, "no USER in the last stage: it runs as root", "USER 10001:10001"
        return
    name = users[-1].value.split(":")[0].strip()
    if name in ("root", "0"):
        yield Outcome.FAIL, users[-1].line, f"USER {name} is root", "USER 10001:10001"
    elif not name.isdigit():
        message = f"USER {name} is a name: with runAsNonRoot the kubelet cannot prove that it is not root"
        yield Outcome.FAIL, users[-1].line, message, "USER 10001:10001"
    else:
        yield Outcome.PASS, users[-1].line, f"USER {users[-1].value}", ""


def two_stages(dockerfile: Dockerfile) -> Iterator[Seen]:
    last = dockerfile.stages[-1]
    for instruction in last.instructions:
        if (
            instruction.name == "RUN"
            and INSTALL.search(instruction.value)
            and (found := BUILD_TOOLS.search(instruction.value))
        ):
            yield (
                Outcome.FAIL,
                instruction.line,
                f"{found.group(1)} is installed in the image that runs: build in a stage of its own",
                "",
            )
            return
    built = [
        i
        for i in last.instructions
        if i.name == "RUN" and re.search(r"\b(mvn|gradle|go build|npm run build|make)\b", i.value)
    ]
    if built:
        yield (
            Outcome.FAIL,
            built[0].line,
            "the application is built in the image that runs: its sources and tools stay in it",
            "",
        )
    else:
        yield Outcome.PASS, last.line, f"{len(dockerfile.stages)} stages, no build tool in the last one", ""


def hears_signals(dockerfile: Dockerfile) -> Iterator[Seen]:
    last = dockerfile.stages[-1]
    starts = [i for i in last.instructions if i.name in ("ENTRYPOINT", "CMD")]
    entry = next((i for i in reversed(starts) if i.name == "ENTRYPOINT"), None) or (starts[-1] if starts else None)
    if entry is None:
        yield Outcome.INCONCLUSIVE, last.line, "no ENTRYPOINT or CMD: the base image decides what runs", ""
    elif entry.words and _is_shell(entry) and "exec " not in entry.words[-1]:
        yield Outcome.FAIL, entry.line, f"{entry.name} runs a shell, which keeps SIGTERM to itself", ""
    elif not entry.words and not entry.value.startswith("exec "):
        words = ", ".join(f'"{word}"' for word in entry.value.split())
        message = f"{entry.name} in shell form: sh is process 1 and keeps SIGTERM to itself"
        yield Outcome.FAIL, entry.line, message, f"{entry.name} [{words}]"
    else:
        yield Outcome.PASS, entry.line, f"{entry.name} in exec form", ""


def _is_shell(instruction: Instruction) -> bool:
    return instruction.words[0].rpartition("/")[2] in SHELLS and "-c" in instruction.words[1:2]


def no_secret(dockerfile: Dockerfile) -> Iterator[Seen]:
    bad = 0
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            if instruction.name not in ("ENV", "ARG"):
                continue
            for word in instruction.value.split():
                key, _, value = word.partition("=")
                if is_secret(key, value.strip("\"'")):
                    bad += 1
                    yield (
                        Outcome.FAIL,
                        instruction.line,
                        f"{instruction.name} {key} holds a secret: it stays in the image's history",
                        "RUN --mount=type=secret,id=…",
                    )
    if not bad:
        yield Outcome.PASS, dockerfile.stages[0].line, "no secret in ENV or ARG", ""


def nothing_fetched_blindly(dockerfile: Dockerfile) -> Iterator[Seen]:
    bad = 0
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            if (
                instruction.name == "ADD"
                and re.match(r"(https?|git)[:@]", instruction.value)
                and "checksum" not in instruction.flags
            ):
                bad += 1
                yield (
                    Outcome.FAIL,
                    instruction.line,
                    "ADD fetches from the network without a checksum",
                    "ADD --checksum=sha256:…",
                )
            elif instruction.name == "RUN" and DOWNLOAD.search(instruction.value):
                bad += 1
                yield Outcome.FAIL, instruction.line, "runs a script straight from the network", ""
    if not bad:
        yield Outcome.PASS, dockerfile.stages[0].line, "nothing is fetched without a check", ""


def exposes(dockerfile: Dockerfile) -> Iterator[Seen]:
    ports = [i for i in dockerfile.stages[-1].instructions if i.name == "EXPOSE"]
    if ports:
        yield Outcome.PASS, ports[0].line, f"EXPOSE {' '.join(i.value for i in ports)}", ""
    else:
        yield (
            Outcome.FAIL,
            dockerfile.stages[-1].line,
            "no EXPOSE: nothing says which port Service and probes mean",
            "EXPOSE 8080",
        )


def no_volume(dockerfile: Dockerfile) -> Iterator[Seen]:
    for instruction in dockerfile.stages[-1].instructions:
        if instruction.name == "VOLUME":
            yield (
                Outcome.FAIL,
                instruction.line,
                f"VOLUME {instruction.value}: each container gets an unnamed, unbounded one",
                "",
            )


def kubernetes_probes(dockerfile: Dockerfile) -> Iterator[Seen]:
    for instruction in dockerfile.stages[-1].instructions:
        if instruction.name == "HEALTHCHECK" and instruction.value.upper() != "NONE":
            yield Outcome.PASS, instruction.line, "HEALTHCHECK is for Docker alone; Kubernetes does not look at it", ""


def no_ssh(dockerfile: Dockerfile) -> Iterator[Seen]:
    for instruction in dockerfile.stages[-1].instructions:
        ssh_port = instruction.name == "EXPOSE" and "22" in re.split(r"[\s/]", instruction.value)
        if ssh_port or (
            instruction.name == "RUN" and re.search(r"\b(openssh-server|sshd|supervisord?|crond?)\b", instruction.value)
        ):
            message = "brings a VM's habit along (ssh, cron or a supervisor): one process a container"
            yield Outcome.FAIL, instruction.line, message, ""


RULES = (
    Rule(
        "base-fixed",
        "The base image never moves",
        "blocking",
        "A rebuild for a rollback must give the same image.",
        fixed_base,
    ),
    Rule(
        "image-user",
        "The image runs as a numbered user",
        "blocking",
        "Services on VMs often ran as root; the cluster refuses it.",
        not_root,
    ),
    Rule(
        "image-stages",
        "No build tools in the image that runs",
        "warning",
        "Compilers are what an intruder needs, and what scanners find.",
        two_stages,
    ),
    Rule(
        "image-signals",
        "The application hears SIGTERM",
        "blocking",
        "It is killed after the grace period, requests are cut, every rollout takes that long.",
        hears_signals,
    ),
    Rule("image-secret", "No secret in the image", "blocking", "Whoever may pull the image reads it.", no_secret),
    Rule(
        "image-fetch",
        "Nothing is fetched without a check",
        "warning",
        "What is fetched may change, or be changed.",
        nothing_fetched_blindly,
    ),
    Rule(
        "image-port",
        "The image names its port",
        "info",
        "Service, probes and NetworkPolicy are checked against it.",
        exposes,
    ),
    Rule(
        "image-volume",
        "No unnamed volumes",
        "warning",
        "They fill the node's disk and go with the container.",
        no_volume,
    ),
    Rule("image-health", "Health is asked by probes", "info", "See the manifests' probes.", kubernetes_probes),
    Rule(
        "image-process",
        "One process a container",
        "warning",
        "What a VM held beside the service gets a Pod or a CronJob of its own.",
        no_ssh,
    ),
)
