"""What lies in the image: no tools, no secrets, nothing unchecked, nothing that was not meant to be there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise

from runbook_lib.artefacts import Dockerfile, Instruction, Policy
from runbook_lib.judge.image_build.packages import ASKS, installed, spellings
from runbook_lib.judge.image_build.rule import (
    KUBERNETES,
    PRACTICE,
    REFERENCE,
    Looked,
    Rule,
    all_commands,
    every,
    failed,
    in_image,
)
from runbook_lib.judge.image_build.words import Command, commands, pairs
from runbook_lib.judge.workload.clear_text import URL_PASSWORD, is_secret

TOOLS = re.compile(
    r"^(gcc|g\+\+|clang|make|cmake|maven|mvn|gradle|build-essential|build-base|golang(-go)?|cargo|rustc|nodejs-dev"
    r"|openjdk-?\d+-jdk(-headless)?|java-[\d.]+-openjdk-devel|python3?-dev(el)?|kernel-headers|npm)$"
)
BUILDS = re.compile(
    r"^(mvnw?|gradlew?|go build|cargo build|npm run build|yarn build|make|cmake|dotnet publish|javac)\b"
)
ARCHIVE = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz|zst))$", re.I)
USED = re.compile(r"\$\{?(\w+)")
REMOTE = re.compile(r"^(https?|ftp|git|ssh)://|^git@|\.git(#|$)", re.I)
KEY_FILE = re.compile(
    r"(^|/)(id_(rsa|dsa|ecdsa|ed25519)|\.env(\.[\w-]+)?|\.npmrc|\.pypirc|\.netrc|\.pgpass|\.git-credentials|kubeconfig"
    r"|credentials(\.json)?|.*\.(pem|key|p12|pfx|jks|keystore)|\.aws/?|\.ssh/?|\.kube/?|\.docker/config\.json)$"
)
OPEN_KEY = re.compile(r"(^|/)(ca|ca-bundle|ca-certificates|truststore|.*public.*|.*-ca|ca-.*)\.(pem|crt|jks)$", re.I)
STAND_IN = re.compile(r"(?i)dummy|placeholder|precompil|not[-_]?(a[-_]?)?(real|secret)|^(x|fake|none|unused|build)$")
MOUNT = "--mount=type=secret,id=…"
REMOVES = {"purge", "remove", "autoremove", "del", "erase", "uninstall"}
PASSWORD_OPTION = re.compile(r"^--?(password|passwd|token|api-key|secret)=(?!\$)(.{2,})$", re.I)


def without_tools(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """What the same RUN takes away again is not in the image, nor is what it built from."""
    for instruction, command in all_commands(dockerfile, last_only=True):
        tools = [name for name in installed(command) or () if any(map(TOOLS.match, spellings(name)))]
        built = BUILDS.match(f"{command.program} {' '.join(command.words[1:])}")
        if not tools and not built:
            continue
        taken = _taken_away(instruction)
        names = {spelt for tool in tools for spelt in (tool, *spellings(tool))}
        if tools and not taken & {*names, *_group(command)} and "apt-mark auto" not in instruction.value:
            name = spellings(tools[0])[0]
            yield failed(instruction.line, f"{name} is installed in the image that runs: build in a stage of its own")
            return
        if built and not taken and not _only_asked(command):
            yield failed(
                instruction.line, "the application is built in the image that runs: its sources and tools stay in it"
            )
            return


def _only_asked(command: Command) -> bool:
    """Whether it says its version or how it is used; behind a verb ``-v`` only makes it talk."""
    return command.words[1:2] == ("-v",) or bool({"--version", "-version", "--help"} & set(command.words))


def _taken_away(instruction: Instruction) -> set[str]:
    """The packages, and groups of them, that a RUN removes."""
    found: set[str] = set()
    for command in commands(instruction):
        if command.program in (*ASKS, "apk", "npm") and REMOVES & set(command.words):
            found |= set(command.words[1:])
    return found


def _group(command: Command) -> tuple[str, ...]:
    """The name that apk gives to what it installs together."""
    words = command.text.replace("--virtual=", "--virtual ").split()
    return tuple(after for before, after in pairwise(words) if before in ("--virtual", "-t"))


def no_secret(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """ENV, ARG and LABEL, files that hold keys, and what a RUN is told; a secret mount leaves nothing behind.

    What a stage knows that is left behind is not in the image, but in the builder's cache and its record.
    """
    last = {id(instruction) for instruction in dockerfile.final}
    for instruction in every(dockerfile, "ENV", "ARG", "LABEL"):
        argument = instruction.name == "ARG"
        for key, value in pairs(instruction.value, older=not argument):
            if is_secret(key, value or ("given at the build" if argument else "")):
                where = "in the image's history" if id(instruction) in last else "in the builder's cache and record"
                message = f"{instruction.name} {key} holds a secret: it stays {where}; RUN {MOUNT} does not"
                yield failed(instruction.line, message, "", None if id(instruction) in last else "warning")
    for instruction in in_image(dockerfile, "COPY", "ADD"):
        for source in sources(instruction) if "from" not in instruction.flags else ():
            if KEY_FILE.search(source) and not OPEN_KEY.search(source):
                message = f"{instruction.name} {source} puts a key into the image: mount a Secret in the Pod"
                yield failed(instruction.line, message)
    for instruction in in_image(dockerfile, "RUN"):
        if any(_tells(word.strip("\"'")) for word in f"{instruction.value} {instruction.body}".split()):
            message = f"RUN is told a password: it stays in the image's history; RUN {MOUNT} leaves nothing"
            yield failed(instruction.line, message)


def _tells(word: str) -> bool:
    key, _, value = word.partition("=")
    if STAND_IN.search(value):
        return False
    named = bool(value) and not value.startswith("$") and key.isidentifier() and is_secret(key, value)
    return bool(PASSWORD_OPTION.match(word) or URL_PASSWORD.match(word)) or named


def sources(instruction: Instruction) -> tuple[str, ...]:
    """What COPY and ADD take, without where they put it."""
    return (instruction.words or tuple(instruction.value.split()))[:-1]


def copy_not_add(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """ADD is right for what is fetched with a checksum and for archives to unpack."""
    for instruction in every(dockerfile, "ADD"):
        given = sources(instruction)
        if given and not any(REMOTE.search(s) or ARCHIVE.search(s) or "$" in s for s in given):
            message = f"ADD {given[0]} only copies, and would unpack what happens to be an archive"
            yield failed(instruction.line, message, re.sub("(?i)^add", "COPY", instruction.raw.lstrip()))


def folder_target(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """BuildKit guesses that a folder is meant, ``.`` too; the classic builder and kaniko end there."""
    for instruction in every(dockerfile, "COPY", "ADD"):
        words = instruction.words or tuple(instruction.value.split())
        if len(words) > 2 and not words[-1].endswith("/") and "$" not in words[-1] and not instruction.body:
            message = f"{len(words) - 1} sources into {words[-1]} without / at its end: not every builder sees a folder"
            yield failed(instruction.line, message, "" if instruction.words else instruction.raw.rstrip() + "/")


def absolute_folder(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """A relative WORKDIR needs one before it; a relative target of COPY needs a WORKDIR."""
    for position, stage in enumerate(dockerfile.stages):
        known = dockerfile.parent(position) is not None
        for instruction in stage.instructions:
            value = instruction.value.strip("\"'")
            absolute = value.startswith(("/", "$")) or re.match(r"[A-Za-z]:[\\/]", value) is not None
            if instruction.name == "WORKDIR":
                if not absolute and not known:
                    message = f"WORKDIR {value} lies below whatever folder the base image happens to use"
                    yield failed(instruction.line, message, f"WORKDIR {posixpath.join('/', value)}")
                known = True
            elif instruction.name in ("COPY", "ADD") and not known:
                target = (instruction.words or tuple(value.split()) or ("/",))[-1]
                if not target.startswith(("/", "$")) and not re.match(r"[A-Za-z]:[\\/]", target):
                    message = (
                        f"{instruction.name} to {target} without WORKDIR: below whatever folder the base image uses"
                    )
                    yield failed(instruction.line, message)


def named_content(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction in in_image(dockerfile, "COPY", "ADD"):
        if "from" not in instruction.flags and any(
            source in (".", "./", "*", "./*") for source in sources(instruction)
        ):
            message = f"{instruction.name} {instruction.value} takes everything that .dockerignore does not name"
            yield failed(instruction.line, f"{message}: .git, .env, the tests")


def no_volume(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    for instruction in in_image(dockerfile, "VOLUME"):
        message = f"VOLUME {instruction.value}: each container gets an unnamed, unbounded one"
        yield failed(instruction.line, message)


def order_of_variables(dockerfile: Dockerfile, policy: Policy) -> Iterator[Looked]:
    """In one ENV every value is filled in before any of them is set."""
    all_known: list[set[str]] = []
    for position, stage in enumerate(dockerfile.stages):
        parent = dockerfile.parent(position)
        known = set() if parent is None else set(all_known[parent])
        all_known.append(known)
        for instruction in stage.instructions:
            together: set[str] = set()
            set_here = instruction.name in ("ENV", "ARG")
            for key, value in pairs(instruction.value, instruction.name == "ENV") if set_here else ():
                used = {found.group(1) for found in USED.finditer(value or "")}
                for earlier in sorted(used & together - known - {key}):
                    message = f"ENV {key} uses {earlier} of the same ENV: it takes what that was before"
                    yield failed(instruction.line, message)
                together |= {key} if instruction.name == "ENV" else set()
                known |= {key} if instruction.name == "ARG" else set()
            known |= together


RULES = (
    Rule(
        "image-stages",
        "No build tools in the image that runs",
        "warning",
        "Compilers are what an intruder needs, and what scanners find.",
        "https://docs.docker.com/build/building/multi-stage/",
        without_tools,
        "no build tool in the image that runs",
    ),
    Rule(
        "image-secret",
        "No secret in the image",
        "blocking",
        "Whoever may pull the image reads it.",
        KUBERNETES + "concepts/configuration/secret/",
        no_secret,
        "no secret",
    ),
    Rule(
        "image-add",
        "COPY for what is only copied",
        "info",
        "ADD unpacks and fetches where nobody meant it.",
        PRACTICE + "#add-or-copy",
        copy_not_add,
        "no ADD that only copies",
    ),
    Rule(
        "copy-target",
        "Several files are copied into a folder",
        "warning",
        "The pipeline builds with another builder than the developer.",
        REFERENCE + "#copy",
        folder_target,
        "every target fits its sources",
    ),
    Rule(
        "image-workdir",
        "Folders are named from the root",
        "warning",
        "Another base image puts the files elsewhere, and the process does not find them.",
        PRACTICE + "#workdir",
        absolute_folder,
        "folders are named from the root",
    ),
    Rule(
        "image-context",
        "What goes into the image is named",
        "info",
        "What lies beside the application is in every Pod, too.",
        "https://docs.docker.com/build/concepts/context/#dockerignore-files",
        named_content,
        "what is copied is named",
    ),
    Rule(
        "image-volume",
        "No unnamed volumes",
        "warning",
        "They fill the node's disk and go with the container.",
        KUBERNETES + "concepts/storage/volumes/",
        no_volume,
        "no VOLUME",
    ),
    Rule(
        "env-order",
        "No variable is used where it is set",
        "warning",
        "The service starts with an empty setting.",
        REFERENCE + "#environment-replacement",
        order_of_variables,
        "every variable is set before it is used",
    ),
)
