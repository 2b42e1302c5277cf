"""What a rule for Dockerfiles is, what it looked at, and where its documentation stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from runbook_lib.artefacts import Dockerfile, Instruction, Policy, Stage
from runbook_lib.judge.image_build.words import Command, commands, without_sudo
from runbook_lib.model import Outcome

Severity = Literal["blocking", "warning", "info"]
REFERENCE = "https://docs.docker.com/reference/dockerfile/"
PRACTICE = "https://docs.docker.com/build/building/best-practices/"
KUBERNETES = "https://kubernetes.io/docs/"
WINDOWS = re.compile(r"(^|/)windows(/|$)|nanoserver|servercore")
LONGEST = 10_000  # characters of one instruction
POSIX = ("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox")


@dataclass(frozen=True)
class Looked:
    """One thing a rule looked at; ``mend`` are the lines that should stand there, or be ``appended`` at the end."""

    outcome: Outcome
    line: int
    message: str
    mend: str = ""
    severity: Severity | None = None
    appended: bool = False


@dataclass(frozen=True)
class Rule:
    """One question to the image; ``well`` is what is said where nothing was found, nothing where it does not apply."""

    id: str
    title: str
    severity: Severity
    reason: str
    link: str
    judge: Callable[[Dockerfile, Policy], Iterable[Looked]]
    well: str = ""


def passed(line: int, message: str) -> Looked:
    return Looked(Outcome.PASS, line, message)


def failed(line: int, message: str, mend: str = "", severity: Severity | None = None, appended: bool = False) -> Looked:
    return Looked(Outcome.FAIL, line, message, mend, severity, appended)


def unknown(line: int, message: str) -> Looked:
    return Looked(Outcome.INCONCLUSIVE, line, message)


def every(dockerfile: Dockerfile, *names: str) -> Iterator[Instruction]:
    """The instructions of these names in all stages."""
    for stage in dockerfile.stages:
        yield from (instruction for instruction in stage.instructions if instruction.name in names)


def in_image(dockerfile: Dockerfile, *names: str) -> list[Instruction]:
    """The instructions of these names that shape the image that runs."""
    return [instruction for instruction in dockerfile.final if instruction.name in names]


def all_commands(dockerfile: Dockerfile, last_only: bool = False) -> Iterator[tuple[Instruction, Command]]:
    """The commands of every RUN whose shell is a Unix one, each with its instruction; sudo is looked through."""
    kept = {id(stage) for stage in dockerfile.lineage}
    for stage, instruction, shell in shells(dockerfile, "RUN"):
        if (not last_only or id(stage) in kept) and unix(shell):
            yield from ((instruction, command) for command in without_sudo(commands(instruction)))


def rewritten(instruction: Instruction, pattern: str, new: str) -> str:
    """Its lines with what the pattern finds put otherwise; nothing where they are more than a person wrote."""
    return re.sub(pattern, new, instruction.raw) if len(instruction.raw) < LONGEST else ""


def shells(dockerfile: Dockerfile, *names: str) -> Iterator[tuple[Stage, Instruction, tuple[str, ...]]]:
    """The instructions of these names with their stage and the SHELL that holds there; a stage has that of its base."""
    last: list[tuple[str, ...]] = []
    for position, stage in enumerate(dockerfile.stages):
        parent = dockerfile.parent(position)
        own = ("cmd", "/S", "/C") if WINDOWS.search(stage.image) else ()
        shell = own if parent is None else last[parent]
        for instruction in stage.instructions:
            if instruction.name == "SHELL" and instruction.words:
                shell = instruction.words
            elif instruction.name in names:
                yield stage, instruction, shell
        last.append(shell)


def unix(shell: tuple[str, ...]) -> bool:
    return not shell or shell[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe") in POSIX
