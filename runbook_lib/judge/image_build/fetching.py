"""How things are fetched during a build: verified, by a pipe that tells of a failure, and not by whoever is root."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from runbook_lib.artefacts import Dockerfile, Instruction, Policy
from runbook_lib.judge.image_build.content import REMOTE, sources
from runbook_lib.judge.image_build.packages import installed, spellings
from runbook_lib.judge.image_build.rule import (
    KUBERNETES,
    PRACTICE,
    REFERENCE,
    Looked,
    Rule,
    all_commands,
    every,
    failed,
    shells,
    unix,
)
from runbook_lib.judge.image_build.words import commands, without_sudo

VERIFY_OFF = re.compile(
    r"(?i)^(NODE_TLS_REJECT_UNAUTHORIZED=0|PYTHONHTTPSVERIFY=0|GIT_SSL_NO_VERIFY=(1|true)|GOINSECURE=.+|GONOSUMDB=\*"
    r"|NPM_CONFIG_STRICT_SSL=false|PIP_TRUSTED_HOST=.+)$"
)
PIPES = ("|", "|&")
PRINTS = ("echo", "printf", "yes", "cat", "true", "done", "fi", "esac", "}")
LOOKS = ("grep", "egrep", "fgrep", "sha256sum", "sha512sum", "sha1sum", "md5sum", "shasum", "gpg", "gpgv")
UNVERIFIED = (
    "--no-check-certificate --allow-unauthenticated --force-yes --no-gpg-checks --nogpgcheck --no-gpgcheck "
    "--nosignature --trusted-host --allow-untrusted --allow-insecure-repositories --insecure"
)


def verified(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """Certificates and signatures that nobody looks at; in ENV it holds for the service, too."""
    for instruction in every(dockerfile, "ENV"):
        for word in instruction.value.split():
            if VERIFY_OFF.match(word.replace('"', "").replace("'", "")):
                yield failed(instruction.line, f"ENV {word}: the service trusts whoever answers", "", "blocking")
    for instruction, command in all_commands(dockerfile):
        off = [word for word in command.words[1:] if word.partition("=")[0] in UNVERIFIED.split()]
        off += ["-k"] if command.program == "curl" and command.has("-k") else []
        off += ["strict-ssl false"] if re.search(r"strict-ssl[ =]false", command.text) else []
        off += ["sslverify=0"] if re.search(r"(?i)sslverify[ =](0|false)", command.text) else []
        if off or VERIFY_OFF.match(command.text.removeprefix("export ")):
            shown = off[0] if off else command.text
            yield failed(instruction.line, f"{command.program} {shown}: it takes what anybody on the way puts there")


def no_sudo(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction in every(dockerfile, "RUN"):
        if any(command.program == "sudo" for command in commands(instruction)):
            message = "sudo in a build: whoever may build is root already, and where no-new-privileges holds it fails"
            yield failed(instruction.line, message, "", "info")
    for instruction, command in all_commands(dockerfile, last_only=True):
        if any("sudo" in spellings(name) for name in installed(command) or ()):
            message = "sudo is installed: with allowPrivilegeEscalation false it never works, without it it is a way up"
            yield failed(instruction.line, message)


def whole_pipe(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """A pipe answers with its last command: a download that fails passes for one that did not."""
    for _, instruction, shell in shells(dockerfile, "RUN"):
        if not unix(shell) or any("pipefail" in text for text in (*shell, instruction.value, instruction.body)):
            continue
        piped = _first_of_pipe(instruction)
        if piped:
            message = f"{piped} | …: when {piped} fails the build goes on with half of it"
            yield failed(instruction.line, message)


def _first_of_pipe(instruction: Instruction) -> str:
    """The program before the first pipe whose failure matters: what only prints does not fail.

    A last program that finds nothing in what is missing fails for it.
    """
    found = commands(instruction) if not instruction.words else []
    end = first = ""
    for before, after in reversed(list(pairwise(found))):
        end = (end or after.program) if after.after in PIPES else ""
        if end and end not in LOOKS and before.program not in PRINTS:
            first = before.program
    return first


def nothing_fetched_blindly(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction in every(dockerfile, "ADD"):
        remote = [source for source in sources(instruction) if REMOTE.search(source)]
        plain = [source for source in remote if not re.search(r"\.git(#|$)|^git@", source)]
        if plain and "checksum" not in instruction.flags:
            yield failed(instruction.line, "ADD fetches from the network without a checksum: --checksum=sha256:…")
        elif remote and not plain and not re.search(r"#\w", remote[0]):
            yield failed(instruction.line, f"ADD {remote[0]} takes whatever the branch holds on that day")
    for instruction in every(dockerfile, "RUN"):
        for before, after in pairwise(without_sudo(commands(instruction))):
            fetches = before.program in ("curl", "wget") and after.after in PIPES
            if fetches and after.program in ("sh", "bash", "ash", "dash", "zsh", "python", "python3", "perl"):
                yield failed(instruction.line, "runs a script straight from the network")


RULES = (
    Rule(
        "packages-verified",
        "What is fetched is verified",
        "warning",
        "Whoever sits between builder and registry decides what runs.",
        KUBERNETES + "concepts/security/cloud-native-security/",
        verified,
        "certificates and signatures are looked at",
    ),
    Rule(
        "packages-sudo",
        "No sudo",
        "warning",
        "It hides who runs what, and is refused in a Pod.",
        PRACTICE + "#user",
        no_sudo,
        "no sudo",
    ),
    Rule(
        "image-pipe",
        "A pipe that fails ends the build",
        "warning",
        "An image with half a download is pushed, and fails in the cluster.",
        PRACTICE + "#using-pipes",
        whole_pipe,
        "no pipe hides a failure",
    ),
    Rule(
        "image-fetch",
        "Nothing is fetched without a check",
        "warning",
        "What is fetched may change, or be changed.",
        REFERENCE + "#add---checksum",
        nothing_fetched_blindly,
        "nothing is fetched without a check",
    ),
)
