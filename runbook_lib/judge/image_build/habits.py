"""What a machine needed and a Pod does not: more than one process, settings of a host, accounts with large numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.artefacts import Dockerfile, Policy
from runbook_lib.judge.image_build.packages import installed, spellings
from runbook_lib.judge.image_build.rule import (
    KUBERNETES,
    PRACTICE,
    Looked,
    Rule,
    all_commands,
    failed,
    in_image,
    rewritten,
)
from runbook_lib.judge.image_build.words import Command

HABITS = re.compile(
    r"^(openssh-server|sshd|cron|cronie|crond|dcron|supervisor|supervisord|systemd|rsyslog|postfix|vsftpd)$"
)
DAEMONS: tuple[str, ...] = (
    "service",
    "systemctl",
    "initctl",
    "rc-service",
    "rc-update",
    "update-rc.d",
    "chkconfig",
    "crontab",
)
DAEMONS += ("mount", "sysctl", "shutdown", "ifconfig", "iptables", "swapon", "hostnamectl", "timedatectl")
UNREAD = re.compile(
    r"^/etc/(security/limits(\.conf|\.d/.*)|sysctl(\.conf|\.d/.*)|fstab|hosts|resolv\.conf|hostname|rc\.local"
    r"|crontab|cron\.[^/]+/.*|systemd/.*|init\.d/.*|logrotate\.d/.*|profile(\.d/.*)?)$"
)
SPARSE = 100_000  # from here on the files that are indexed by the number become large


def one_process(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction in in_image(dockerfile, "EXPOSE"):
        if "22" in re.split(r"[\s/]", instruction.value):
            yield failed(instruction.line, "EXPOSE 22: ssh into a Pod is kubectl exec, with its rights and its log")
    for instruction, command in all_commands(dockerfile, last_only=True):
        habits = [name for name in installed(command) or () if any(map(HABITS.match, spellings(name)))]
        if habits:
            message = f"{habits[0]} is installed, a VM's habit: one process a container"
            yield failed(instruction.line, message)
        elif command.program in DAEMONS:
            message = (
                f"{command.program} in a build changes nothing that a Pod would see: no init, no kernel of its own"
            )
            yield failed(instruction.line, message)


def host_files(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """limits.conf is PAM's, which no container goes through; hosts and resolv.conf are written by the kubelet."""
    for instruction, command in all_commands(dockerfile, last_only=True):
        for path in (target for target in _written_to(command) if UNREAD.match(target)):
            yield failed(instruction.line, f"{path} is read by nobody in a container: the setting is lost")
            break
    for instruction in in_image(dockerfile, "COPY", "ADD"):
        target = (instruction.words or instruction.value.split() or ("",))[-1]
        if UNREAD.match(target):
            yield failed(instruction.line, f"{target} is read by nobody in a container: the setting is lost")


def _written_to(command: Command) -> tuple[str, ...]:
    if command.program in ("cp", "mv", "install", "ln"):
        return (*command.to, command.words[-1])
    edits = command.program == "tee" or (command.program == "sed" and command.has("-i", "--in-place"))
    return (*command.to, *(command.words[1:] if edits else ()))


def small_accounts(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction, command in all_commands(dockerfile):
        found = re.search(r"(?:--uid|-u)[= ](\d{1,12})\b", command.text) if command.program == "useradd" else None
        if found and int(found.group(1)) >= SPARSE and not command.has("-l", "--no-log-init"):
            message = (
                f"useradd -u {found.group(1)} without -l: lastlog and faillog grow to that number, gigabytes of layer"
            )
            yield failed(instruction.line, message, rewritten(instruction, r"\buseradd(?=\s)", "useradd -l"))


RULES = (
    Rule(
        "image-process",
        "One process a container",
        "warning",
        "What a VM held beside the service gets a Pod or a CronJob of its own.",
        KUBERNETES + "concepts/workloads/pods/",
        one_process,
        "one process",
    ),
    Rule(
        "image-host-files",
        "No settings that only a host reads",
        "warning",
        "A limit that was raised on the VM is not raised in the Pod, and nobody notices before the load comes.",
        KUBERNETES + "tasks/administer-cluster/sysctl-cluster/",
        host_files,
        "no setting of a host",
    ),
    Rule(
        "image-accounts",
        "Accounts with large numbers leave no large files",
        "info",
        "A Pod waits until its image is there.",
        PRACTICE + "#user",
        small_accounts,
        "no account with a large number",
    ),
)
