"""A Dockerfile as its stages."""

from __future__ import annotations

from dataclasses import dataclass, field

from runbook_lib.model import Finding


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its variables filled in where the builder does.

    ``words`` is the exec form, empty in the shell form; ``body`` what its here-documents hold; a flag that is given
    twice holds both values, a line each; ``inner`` is what an ONBUILD keeps for later; ``raw`` are its lines as they
    stand in the file.
    """

    name: str
    value: str
    line: int
    words: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)
    body: str = ""
    inner: Instruction | None = None
    raw: str = ""


@dataclass(frozen=True)
class Stage:
    """One FROM and what follows it; ``image`` has its ARGs filled in."""

    name: str
    image: str
    line: int
    instructions: tuple[Instruction, ...]
    platform: str = ""


@dataclass(frozen=True)
class Dockerfile:
    """The stages of a build; the last one is the image that runs."""

    file: str
    stages: tuple[Stage, ...]
    findings: tuple[Finding, ...] = ()
    text: str = ""

    def parent(self, position: int) -> int | None:
        """Which earlier stage a stage is built on; None for an image from elsewhere."""
        image = self.stages[position].image.lower()
        return next((n for n in reversed(range(position)) if self.stages[n].name.lower() == image != ""), None)

    @property
    def lineage(self) -> tuple[Stage, ...]:
        """The stages that the image that runs is made of, the lowest first; the others are left behind."""
        position: int | None = len(self.stages) - 1 if self.stages else None
        found: list[Stage] = []
        while position is not None:
            found.insert(0, self.stages[position])
            position = self.parent(position)
        return tuple(found)

    @property
    def final(self) -> tuple[Instruction, ...]:
        """Every instruction that shapes the image that runs, in order."""
        return tuple(instruction for stage in self.lineage for instruction in stage.instructions)

    @property
    def process(self) -> tuple[Instruction | None, Instruction | None]:
        """The ENTRYPOINT and the CMD that count.

        An empty one takes back what was there, and an ENTRYPOINT the CMD of the stages below.
        """
        entry: Instruction | None = None
        command: Instruction | None = None
        for stage in self.lineage:
            own = False
            for instruction in stage.instructions:
                given = instruction if instruction.value.replace(" ", "") != "[]" else None
                if instruction.name == "CMD":
                    command, own = given, True
                elif instruction.name == "ENTRYPOINT":
                    entry, command = given, command if own else None
        return entry, command
