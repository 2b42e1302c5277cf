"""A batch's YAML file -> its members with their parameters; every fault is one sentence, and nothing is begun."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from runbook_lib.batch.order import ring, users_of, waves
from runbook_lib.errors import BadParameters
from runbook_lib.parameters import Parameters, load, project_root, read_yaml, told
from runbook_lib.redact.search import secret_places
from runbook_lib.sections.section import Section

EXAMPLE = "parameters/batch.example.yaml"
WAY_ON = "mend it or take it out of the batch; one application goes back with runbook rollback NAME"
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class Member(Section):
    parameters: str
    """Its parameters file, a path from the project's root."""
    depends_on: list[Name] = Field(default_factory=list)
    """The members that it uses: they go forward before it and back after it."""


class Batch(Section):
    """Applications that are rolled back as one."""

    name: Name
    """Names the folder of its records; no application may have the same name."""
    at_once: Annotated[int, Field(ge=1, le=50)] = 10
    """So many members are worked on at the same time."""
    members: dict[Name, Member]
    """By the name of the application."""

    @model_validator(mode="after")
    def _members_wait_for_members(self) -> Batch:
        if not self.members:
            raise ValueError("members: there are none; name at least one application with its parameters")
        if self.name in self.members:
            raise ValueError(f"name: {self.name!r} is the name of a member, too; their records would be mixed up")
        for name, member in self.members.items():
            where, needs = f"members.{name}.depends_on", member.depends_on
            if unknown := [one for one in needs if one not in self.members]:
                there = ", ".join(sorted(self.members))
                raise ValueError(f"{where}: {unknown[0]!r} is no member of this batch; members are {there}")
            if twice := [one for one in needs if needs.count(one) > 1]:
                raise ValueError(f"{where}: {twice[0]} is named twice")
        if found := ring({name: member.depends_on for name, member in self.members.items()}):
            way = " -> ".join(found)
            raise ValueError(f"members: {way} depend on each other in a ring, so that none can go first; take one out")
        return self


@dataclass(frozen=True)
class Loaded:
    """A batch with the parameters of its members."""

    batch: Batch
    path: Path
    parameters: Mapping[str, Parameters]
    dry_run: bool = False

    @property
    def name(self) -> str:
        return self.batch.name

    @cached_property
    def depends_on(self) -> dict[str, list[str]]:
        """For each member what it depends on."""
        return {name: member.depends_on for name, member in self.batch.members.items()}

    @cached_property
    def before(self) -> dict[str, frozenset[str]]:
        """For each member who must be back before it."""
        return users_of(self.depends_on)

    @cached_property
    def order(self) -> list[str]:
        """The members in the order in which they go back."""
        return [name for wave in waves(self.before) for name in wave]

    @cached_property
    def own(self) -> Parameters:
        """The parameters under which the batch itself is recorded and signed: its first member's, in its own name."""
        first = next(iter(self.parameters.values()))
        application = first.application.model_copy(update={"name": self.name})
        return first.model_copy(update={"application": application, "dry_run": self.dry_run})

    @property
    def home(self) -> Path:
        """The folder of the batch's own records, beside those of its first member."""
        return self.own.path(self.own.records) / self.name


def read(path: Path) -> Batch:
    """The batch as its file says, without looking at the members' files; BadParameters in one sentence."""
    data = read_yaml(path, EXAMPLE)
    if places := secret_places(data):
        raise BadParameters(f"{path}: {', '.join(places)}: this holds a secret; a batch needs none, take it out")
    try:
        return Batch.model_validate(data)
    except ValidationError as error:
        raise BadParameters(f"{path}: {told(error, EXAMPLE)}") from None


def load_batch(path: Path, dry_run: bool = False) -> Loaded:
    """The batch with its members' parameters; BadParameters names the member whose file is not usable."""
    batch = read(path)
    parameters = {name: _member(path, name, member) for name, member in batch.members.items()}
    return Loaded(batch, path, parameters, dry_run)


def unlike(loaded: Loaded, known: Mapping[str, Collection[str]]) -> str:
    """How the file differs from the batch as it was begun, name by name; empty when it does not."""
    here = {name: sorted(needs) for name, needs in loaded.depends_on.items()}
    parts = {
        "added": sorted(here.keys() - known.keys()),
        "taken out": sorted(known.keys() - here.keys()),
        "with other dependencies": sorted(n for n in here.keys() & known.keys() if here[n] != sorted(known[n])),
    }
    return "; ".join(f"{', '.join(names)} {what}" for what, names in parts.items() if names)


def _member(path: Path, name: str, member: Member) -> Parameters:
    file = project_root() / Path(member.parameters).expanduser()
    where = f"{path}: members.{name}.parameters"
    if not file.is_file():
        raise BadParameters(f"{where}: there is no file {file}; {WAY_ON}")
    try:
        found = load(file)
    except BadParameters as error:
        raise BadParameters(f"{where}: {error}; {WAY_ON}") from None
    if found.application.name != name:
        raise BadParameters(f"{where}: {file} is of the application {found.application.name!r}, not of {name!r}")
    return found
