"""What a rule for Dockerfiles is, what it looked at, and where its documentation stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from runbook_lib.artefacts import Dockerfile, Instruction, Policy
from runbook_lib.judge.image_build.words import Command, commands, without_sudo
from runbook_lib.model import Outcome

Severity = Literal["blocking", "warning", "info"]
REFERENCE = "https://docs.docker.com/reference/dockerfile/"
PRACTICE = "https://docs.docker.com/build/building/best-practices/"
KUBERNETES = "https://kubernetes.io/docs/"
POSIX = ("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox")


@dataclass(frozen=True)
class Looked:
    """One thing a rule looked at; ``mend`` is the instruction that should stand there."""

    outcome: Outcome
    line: int
    message: str
    mend: str = ""
    severity: Severity | None = None


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


def failed(line: int, message: str, mend: str = "", severity: Severity | None = None) -> Looked:
    return Looked(Outcome.FAIL, line, message, mend, severity)


def unknown(line: int, message: str) -> Looked:
    return Looked(Outcome.INCONCLUSIVE, line, message)


def every(dockerfile: Dockerfile, *names: str) -> Iterator[Instruction]:
    """The instructions of these names in all stages."""
    for stage in dockerfile.stages:
        yield from (instruction for instruction in stage.instructions if instruction.name in names)


def in_image(dockerfile: Dockerfile, *names: str) -> list[Instruction]:
    """The instructions of these names that shape the image that runs."""
    return [instruction for instruction in dockerfile.final if instruction.name in names]


def written(instruction: Instruction, value: str) -> str:
    """The instruction with another value, where one line can say it."""
    one_line = not (instruction.flags or instruction.body or instruction.words or "\n" in value)
    return f"{instruction.name} {value}" if one_line else ""


def all_commands(dockerfile: Dockerfile, last_only: bool = False) -> Iterator[tuple[Instruction, Command]]:
    """The commands of every RUN whose shell is a Unix one, each with its instruction; sudo is looked through."""
    for stage in dockerfile.lineage if last_only else dockerfile.stages:
        posix = True
        for instruction in stage.instructions:
            if instruction.name == "SHELL" and instruction.words:
                posix = instruction.words[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe") in POSIX
            elif instruction.name == "RUN" and posix:
                yield from ((instruction, command) for command in without_sudo(commands(instruction)))
