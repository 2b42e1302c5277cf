"""Reads a Dockerfile into its stages: escape directive, continuation lines, here-documents, ARG in FROM, flags."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.artefacts import Dockerfile, Instruction, Stage
from runbook_lib.errors import BadParameters
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.text import read_text

KNOWN = frozenset(
    [
        "FROM",
        "RUN",
        "CMD",
        "LABEL",
        "MAINTAINER",
        "EXPOSE",
        "ENV",
        "ADD",
        "COPY",
        "ENTRYPOINT",
        "VOLUME",
        "USER",
        "WORKDIR",
        "ARG",
        "ONBUILD",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "SHELL",
    ]
)
DIRECTIVE = re.compile(r"^#\s*(\w+)\s*=\s*(\S.*)$")
HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
FLAG = re.compile(r"--(\w[\w-]*)(?:=(\S+))?\s+")
VARIABLE = re.compile(r"\$\{(\w+)(?::([-+])([^}]*))?\}|\$(\w+)")


@dataclass(frozen=True)
class _Line:
    number: int
    text: str
    body: str = ""


def read_dockerfile(path: Path) -> Dockerfile:
    """The stages of a Dockerfile; raises BadParameters when it is missing or has no FROM."""
    parsed = parse_dockerfile(read_text(path, "Dockerfile"), str(path))
    if not parsed.stages:
        seen = parsed.findings[0].message if parsed.findings else "it is empty"
        raise BadParameters(f"Dockerfile {path} has no usable FROM: {seen}")
    return parsed


def parse_dockerfile(text: str, file: str) -> Dockerfile:
    """The same from text; never raises, what is not understood becomes a finding."""
    stages: list[Stage] = []
    findings: list[Finding] = []
    globals_: dict[str, str] = {}
    for line in _logical_lines(text):
        instruction = _instruction(line)
        if instruction.name not in KNOWN:
            findings.append(_unknown(file, instruction))
        elif instruction.name == "FROM":
            stages.append(_stage(instruction, globals_))
        elif not stages:
            _before_from(instruction, globals_, file, findings)
        else:
            last = stages[-1]
            stages[-1] = Stage(last.name, last.image, last.line, (*last.instructions, instruction))
    return Dockerfile(file, tuple(stages), tuple(findings))


def _logical_lines(text: str) -> Iterator[_Line]:
    """Instructions with their continuations joined, comments inside them dropped, here-documents kept apart."""
    lines = text.splitlines()
    escape = _escape(lines)
    position = 0
    while position < len(lines):
        start, joined = position, ""
        while position < len(lines):
            line = lines[position].rstrip()
            position += 1
            if line.lstrip().startswith("#") or (joined and not line):
                continue
            if line.endswith(escape):
                joined += line[: -len(escape)] + " "
                continue
            joined += line
            break
        if not joined.strip():
            continue
        body = ""
        if joined.split(None, 1)[0].upper() in ("RUN", "COPY", "ADD"):
            for _, word in HEREDOC.findall(joined):
                while position < len(lines) and lines[position].strip() != word:
                    body += lines[position] + "\n"
                    position += 1
                position += 1
        yield _Line(_first(lines, start) + 1, joined.strip(), body)


def _escape(lines: list[str]) -> str:
    for line in lines:
        found = DIRECTIVE.match(line)
        if not found:
            break
        if found.group(1).lower() == "escape":
            return found.group(2).strip()[:1]
    return "\\"


def _first(lines: list[str], start: int) -> int:
    """The instruction's own line: comments and empty lines before it are skipped."""
    while start < len(lines) - 1 and (not lines[start].strip() or lines[start].lstrip().startswith("#")):
        start += 1
    return start


def _instruction(line: _Line) -> Instruction:
    name, _, rest = line.text.partition(" ")
    rest = rest.strip()
    flags: dict[str, str] = {}
    while found := FLAG.match(rest):
        flags[found.group(1)] = found.group(2) or "true"
        rest = rest[found.end() :]
    words: tuple[str, ...] = ()
    if rest.startswith("["):
        try:
            value = json.loads(rest)
        except (json.JSONDecodeError, RecursionError):
            value = None
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            words = tuple(value)
    value_text = f"{rest}\n{line.body}".strip() if line.body else rest
    return Instruction(name.upper(), value_text, line.number, words, flags)


def _stage(instruction: Instruction, globals_: dict[str, str]) -> Stage:
    words = instruction.value.split()
    named = len(words) >= 3 and words[1].lower() == "as"
    image = expand(words[0], globals_) if words else ""
    return Stage(words[2] if named else "", image, instruction.line, ())


def _before_from(instruction: Instruction, globals_: dict[str, str], file: str, findings: list[Finding]) -> None:
    if instruction.name == "ARG":
        key, _, value = instruction.value.partition("=")
        globals_[key.strip()] = value.strip().strip("\"'")
    else:
        findings.append(_unknown(file, instruction, "stands before the first FROM"))


def expand(text: str, values: dict[str, str]) -> str:
    """``$name``, ``${name}`` and ``${name:-default}`` filled in; an unknown one is left as it stands."""

    def fill(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(4)
        value = values.get(name, "")
        if found.group(2) == "-" and not value:
            return found.group(3)
        if found.group(2) == "+":
            return found.group(3) if value else ""
        return value or found.group()

    return VARIABLE.sub(fill, text)


def _unknown(file: str, instruction: Instruction, why: str = "is no instruction") -> Finding:
    message = f"{file}:{instruction.line} {instruction.name[:30]} {why}: the build refuses it"
    return Finding(
        check="dockerfile-readable",
        title="Every line is an instruction",
        outcome=Outcome.FAIL,
        severity="blocking",
        object="Dockerfile",
        message=message,
        reason="An image that cannot be built cannot be moved.",
        file=file,
        line=instruction.line,
    )
