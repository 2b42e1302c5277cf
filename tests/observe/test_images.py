"""A Dockerfile is read as the builder reads it, and each check of it has a failing and a passing sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.judge.dockerfile import RULES, check_dockerfile
from runbook_lib.model import Outcome
from runbook_lib.observe.files.images import expand, parse_dockerfile, read_dockerfile

SOUND = """\
# syntax=docker/dockerfile:1
ARG TAG=3.11.9
FROM registry.example/python:${TAG} AS build
RUN apt-get update \\
 # a comment in between
 && apt-get install -y gcc
FROM registry.example/python:3.11.9
COPY --from=build /opt /opt
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["/opt/app"]
"""


def failed(text: str) -> set[str]:
    return {f.check for f in check_dockerfile(parse_dockerfile(text, "Dockerfile")) if f.outcome is Outcome.FAIL}


def test_stages_arguments_flags_and_lines_are_kept() -> None:
    build, last = parse_dockerfile(SOUND, "Dockerfile").stages
    assert (build.name, build.image, build.line) == ("build", "registry.example/python:3.11.9", 3)
    assert (build.instructions[0].line, build.instructions[0].value.endswith("install -y gcc")) == (4, True)
    assert last.instructions[0].flags == {"from": "build"}
    assert [(i.name, i.line, i.words) for i in last.instructions][-1] == ("ENTRYPOINT", 11, ("/opt/app",))


def test_a_here_document_is_text_and_no_instruction() -> None:
    text = "FROM a:1\nRUN <<EOF\nFROM nothing\nUSER root\nEOF\nUSER 1\n"
    dockerfile = parse_dockerfile(text, "Dockerfile")
    assert [(i.name, i.line) for i in dockerfile.stages[0].instructions] == [("RUN", 2), ("USER", 6)]


def test_the_escape_directive_is_obeyed() -> None:
    stage = parse_dockerfile("# escape=`\nFROM a:1\nRUN dir c:\\ `\n more\nUSER 1\n", "D").stages[0]
    assert [(i.name, i.value) for i in stage.instructions] == [("RUN", "dir c:\\   more"), ("USER", "1")]


@pytest.mark.parametrize(
    ("text", "filled"),
    [("$A", "1"), ("${A}-x", "1-x"), ("${B:-2}", "2"), ("${A:+3}", "3"), ("${B:+3}", ""), ("$B", "$B")],
)
def test_arguments_are_filled_in_as_the_builder_does(text: str, filled: str) -> None:
    assert expand(text, {"A": "1"}) == filled


@pytest.mark.parametrize("content", [None, "", "RUN a\n", "half a line"])
def test_a_file_without_from_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "Dockerfile"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadParameters, match="Dockerfile"):
        read_dockerfile(path)


def test_a_sound_dockerfile_fails_nothing() -> None:
    assert failed(SOUND) == set()


DAMAGES: list[tuple[str, str, str]] = [
    ("base-fixed", "FROM registry.example/python:3.11.9\n", "FROM registry.example/python\n"),
    ("base-fixed", "FROM registry.example/python:3.11.9\n", "FROM registry.example/python:latest\n"),
    ("image-user", "USER 10001:10001\n", ""),
    ("image-user", "USER 10001:10001", "USER root"),
    ("image-user", "USER 10001:10001", "USER app"),
    ("image-stages", "USER 10001", "RUN apt-get install -y make\nUSER 10001"),
    ("image-stages", "USER 10001", "RUN mvn package\nUSER 10001"),
    ("image-signals", 'ENTRYPOINT ["/opt/app"]', "ENTRYPOINT /opt/app --port 8080"),
    ("image-signals", 'ENTRYPOINT ["/opt/app"]', 'ENTRYPOINT ["sh", "-c", "/opt/app"]'),
    ("image-secret", "USER 10001", "ENV API_KEY=abcdef\nUSER 10001"),
    ("image-fetch", "USER 10001", "RUN curl -s https://example.com/x | sh\nUSER 10001"),
    ("image-fetch", "USER 10001", "ADD https://example.com/x /x\nUSER 10001"),
    ("image-port", "EXPOSE 8080\n", ""),
    ("image-volume", "USER 10001", "VOLUME /data\nUSER 10001"),
    ("image-process", "EXPOSE 8080", "EXPOSE 8080 22"),
    ("image-process", "USER 10001", "RUN apt-get install -y openssh-server\nUSER 10001"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "old", "new"), DAMAGES, ids=[f"{d[0]}-{n}" for n, d in enumerate(DAMAGES)])
def test_the_damage_a_check_is_about_makes_exactly_it_fail(check: str, old: str, new: str) -> None:
    assert old in SOUND
    assert failed(SOUND.replace(old, new)) == {check}


def test_every_check_but_the_note_on_health_is_damaged() -> None:
    assert {rule.id for rule in RULES} - {"image-health"} == {damage[0] for damage in DAMAGES}


def test_an_argument_without_default_is_open_and_blocks_nothing() -> None:
    found = check_dockerfile(parse_dockerfile('ARG BASE\nFROM $BASE\nUSER 1\nEXPOSE 1\nENTRYPOINT ["a"]\n', "D"))
    assert [(f.check, f.severity) for f in found if f.outcome is Outcome.INCONCLUSIVE] == [("base-fixed", "warning")]
