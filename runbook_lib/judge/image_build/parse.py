"""Takes a Dockerfile's text apart: what a stage is built on and does, with variables as the builder fills them."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field

from runbook_lib.artefacts import Dockerfile, Instruction, Stage
from runbook_lib.judge.image_build.lines import Line, logical_lines
from runbook_lib.judge.image_build.words import pairs
from runbook_lib.model import Finding, Outcome

ABOUT_IT = ("LABEL", "MAINTAINER", "EXPOSE", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD", "ONBUILD")
KNOWN = frozenset(("FROM", "RUN", "ENV", "ADD", "COPY", "USER", "WORKDIR", "ARG", "SHELL", *ABOUT_IT))
FILLED = ("USER", "EXPOSE", "WORKDIR", "VOLUME", "STOPSIGNAL", "COPY", "ADD")  # RUN and CMD are the shell's to fill
NOT_LATER = ("FROM", "ONBUILD", "MAINTAINER")  # what an ONBUILD may not hold
FLAG = re.compile(r"--(\w[\w-]*)(?:=(\S+))?\s+")
VARIABLE = re.compile(r"\\?\$(?:\{(\w+)(?::?([-+])((?:[^{}]|\{[^{}]*\})*))?\}|(\w+))")


@dataclass
class _Reading:
    """What was read so far; ``values`` are the variables that the present stage knows, ``fixed`` those of ENV.

    An ARG never changes what ENV set; ``named`` keeps both of every stage, for those that are built on it.
    """

    file: str
    before: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    named: dict[str, tuple[dict[str, str], set[str]]] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def parse_dockerfile(text: str, file: str) -> Dockerfile:
    """The stages of a text; never raises, what is not understood becomes a finding."""
    reading = _Reading(file)
    instructions: list[Instruction] = []  # of the last stage; put into it when the next one begins
    for line in logical_lines(text.removeprefix("\ufeff")):
        instruction = _instruction(line.text, line)
        problem = line.problem or _problem(instruction, bool(reading.stages))
        if problem:
            reading.findings.append(_refused(file, instruction, problem))
        elif instruction.name == "FROM":
            _close(reading, instructions)
            instructions = []
            _open(reading, instruction)
        elif not reading.stages:
            given = pairs(instruction.value, older=False)
            reading.before |= {key: expand(value or "", reading.before) for key, value in given}
        else:
            instructions.append(_filled(instruction, reading))
    _close(reading, instructions)
    return Dockerfile(file, tuple(reading.stages), tuple(reading.findings), text)


def _open(reading: _Reading, instruction: Instruction) -> None:
    words = instruction.value.split()
    image = expand(words[0], reading.before)
    name = words[2] if len(words) >= 3 and words[1].lower() == "as" else ""
    values, given = reading.named.get(image.lower(), ({}, set()))
    reading.values, reading.fixed = dict(values), set(given)
    reading.named[name.lower()] = (reading.values, reading.fixed)
    platform = expand(instruction.flags.get("platform", ""), reading.before)
    reading.stages.append(Stage(name, image, instruction.line, (), platform))


def _close(reading: _Reading, instructions: list[Instruction]) -> None:
    if reading.stages:
        reading.stages[-1] = dataclasses.replace(reading.stages[-1], instructions=tuple(instructions))


def _problem(instruction: Instruction, in_stage: bool) -> str:
    """Why the builder refuses the instruction; empty when it does not."""
    if instruction.name not in KNOWN:
        return "is no instruction"
    if instruction.name == "FROM":
        words = instruction.value.split()
        whole = len(words) == 1 or (len(words) == 3 and words[1].lower() == "as")
        return "" if whole else "wants one image, and AS with one name"
    if not in_stage:
        return "" if instruction.name == "ARG" else "stands before the first FROM"
    if not instruction.value:
        return "says nothing"
    inner = instruction.inner
    if inner is not None and (inner.name in NOT_LATER or inner.name not in KNOWN):
        return f"may not hold {inner.name[:30]}"
    return ""


def _instruction(text: str, line: Line) -> Instruction:
    name, rest = (*text.split(None, 1), "")[:2]
    flags: dict[str, str] = {}
    while found := FLAG.match(rest):
        key, value = found.group(1), found.group(2) or "true"
        flags[key] = f"{flags[key]}\n{value}" if key in flags else value
        rest = rest[found.end() :]
    inner = None
    if name.upper() == "ONBUILD" and rest:
        deeper = rest[:8].upper().startswith("ONBUILD")  # refused, and not gone into
        inner = Instruction("ONBUILD", "", line.number) if deeper else _instruction(rest, line)
    return Instruction(name.upper(), rest.strip(), line.number, _exec_form(rest), flags, line.body, inner, line.raw)


def _exec_form(text: str) -> tuple[str, ...]:
    """The words of a JSON array; nothing for the shell form, which is what broken JSON is."""
    if not text.startswith("["):
        return ()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else ()


def _filled(instruction: Instruction, reading: _Reading) -> Instruction:
    """The instruction with its variables filled in; what ARG and ENV set is known from the next one on."""
    values = reading.values
    if instruction.name == "ARG":
        for key, value in pairs(instruction.value, older=False):
            given = reading.before.get(key) if value is None else expand(value, values)
            if given is not None and key not in reading.fixed:
                values[key] = given
    elif instruction.name == "ENV":
        new = {key: expand(value or "", values) for key, value in pairs(instruction.value)}
        values |= new
        reading.fixed.update(new)
    elif instruction.name in FILLED:
        words = tuple(expand(word, values) for word in instruction.words)
        value = expand(instruction.value, values)
        bare = value if instruction.words or " " in value else value.strip("\"'")
        return dataclasses.replace(instruction, value=bare, words=words)
    return instruction


def expand(text: str, values: dict[str, str]) -> str:
    """``$name``, ``${name}`` and ``${name:-default}`` filled in; an unknown one is left as it stands."""

    def fill(found: re.Match[str]) -> str:
        if found.group().startswith("\\"):
            return found.group()
        value = values.get(found.group(1) or found.group(4), "")
        if found.group(2) == "-":
            return value or expand(found.group(3), values)
        if found.group(2) == "+":
            return expand(found.group(3), values) if value else ""
        return value or found.group()

    return VARIABLE.sub(fill, text) if "$" in text else text


def _refused(file: str, instruction: Instruction, why: str) -> Finding:
    return Finding(
        check="dockerfile-readable",
        title="Every line is an instruction",
        outcome=Outcome.FAIL,
        severity="blocking",
        object="Dockerfile",
        message=f"{instruction.name[:30]} {why}: the build refuses it",
        reason="An image that cannot be built cannot be moved. https://docs.docker.com/reference/dockerfile/",
        file=file,
        line=instruction.line,
    )
