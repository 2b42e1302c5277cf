"""A Dockerfile is read as the builder reads it, and what nobody can know is open."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.judge.dockerfile import check_dockerfile
from runbook_lib.judge.image_build.parse import expand, parse_dockerfile
from runbook_lib.model import Outcome
from runbook_lib.observe.files.images import read_dockerfile

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
    assert [(i.name, i.value) for i in stage.instructions] == [("RUN", "dir c:\\  more"), ("USER", "1")]


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


def test_an_argument_without_default_is_open_and_blocks_nothing() -> None:
    found = check_dockerfile(parse_dockerfile('ARG BASE\nFROM $BASE\nUSER 1\nEXPOSE 1\nENTRYPOINT ["a"]\n', "D"))
    assert [(f.check, f.severity) for f in found if f.outcome is Outcome.INCONCLUSIVE] == [("base-fixed", "warning")]


def instructions(text: str) -> list[tuple[str, str, int]]:
    stages = parse_dockerfile(text, "D").stages
    return [(i.name, i.value, i.line) for i in stages[-1].instructions] if stages else []


# What BuildKit makes of it: frontend/dockerfile/parser.
@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("FROM a:1\nRUN a\\\nb\n", [("RUN", "ab", 2)]),
        ("FROM a:1\nRUN a \\   \n  b\n", [("RUN", "a   b", 2)]),
        ("FROM a:1\nRUN a \\\\\nUSER 1\n", [("RUN", "a \\\\", 2), ("USER", "1", 3)]),
        ("FROM a:1\nRUN a && \\\n\n# told\n  b\n", [("RUN", "a &&   b", 2)]),
        ("FROM a:1\r\n\r\nUSER 1\r\n", [("USER", "1", 3)]),
        ("\ufeffFROM a:1\nuser\t1\n", [("USER", "1", 2)]),
        ("# syntax=x\n# escape=`\nFROM a:1\nRUN a `\nb\n", [("RUN", "a b", 4)]),
        ("# told\n# escape=`\nFROM a:1\nRUN a `\n", [("RUN", "a `", 4)]),
        ("FROM a:1\nRUN cat <<< EOF\nUSER 1\n", [("RUN", "cat <<< EOF", 2), ("USER", "1", 3)]),
        ("FROM a:1\nRUN cat <<<EOF\nUSER 1\n", [("RUN", "cat <<<EOF", 2), ("USER", "1", 3)]),
        ("FROM a:1\nRUN echo $((1<<2)) '<<EOF'\nUSER 1\n", [("RUN", "echo $((1<<2)) '<<EOF'", 2), ("USER", "1", 3)]),
        ("FROM a:1\nRUN a \\", [("RUN", "a", 2)]),
    ],
)
def test_lines_are_joined_as_the_builder_joins_them(text: str, read: list[tuple[str, str, int]]) -> None:
    assert instructions(text) == read


@pytest.mark.parametrize(
    ("opened", "closed", "body"),
    [
        ("RUN <<EOF", "EOF", "a\n# b\n"),
        ("RUN <<'END.1' cat > /x", "END.1", "a\n# b\n"),
        ("COPY <<-EOF /x", "\tEOF", "a\n# b\n"),
        ("RUN <<A cat 3<<B", "A\nB", "a\n# b\n"),
        ("ONBUILD RUN <<EOF", "EOF", "a\n# b\n"),
    ],
)
def test_here_documents_are_kept_apart(opened: str, closed: str, body: str) -> None:
    stage = parse_dockerfile(f"FROM a:1\n{opened}\na\n# b\n{closed}\nUSER 1\n", "D").stages[0]
    assert stage.instructions[0].body == body
    assert stage.instructions[1].name == "USER"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("FROM a:1\nRUN <<EOF\na\n", 2, "has no end"),
        ("FROM a:1\n{{ if x }}\n", 2, "is no instruction"),
        ("USER 1\nFROM a:1\n", 1, "before the first FROM"),
        ("FROM a:1\nFROM a:1 b\n", 2, "AS with one name"),
        ("FROM a:1\nONBUILD FROM b\n", 2, "may not hold FROM"),
        ("FROM a:1\nONBUILD ONBUILD RUN x\n", 2, "may not hold ONBUILD"),
        ("FROM a:1\nUSER\n", 2, "says nothing"),
    ],
)
def test_what_the_builder_refuses_is_a_finding_with_its_line(text: str, line: int, why: str) -> None:
    found = parse_dockerfile(text, "D").findings
    assert [(f.check, f.line, f.outcome) for f in found] == [("dockerfile-readable", line, Outcome.FAIL)]
    assert why in found[0].message


def test_variables_are_those_that_the_builder_knows_at_that_line() -> None:
    text = (
        "ARG REGISTRY=r.example\nARG BASE=$REGISTRY/base\nARG UID=7\n"
        "FROM --platform=$BUILDPLATFORM ${BASE}:1 AS one\nARG UID\nENV PORT=80\nEXPOSE $PORT\nUSER ${UID:-9}\n"
        "FROM one\nEXPOSE ${PORT}\nUSER $OTHER\nFROM $NONE\nUSER $UID\n"
    )
    one, two, three = parse_dockerfile(text, "D").stages
    assert (one.image, one.platform) == ("r.example/base:1", "$BUILDPLATFORM")
    assert [i.value for i in one.instructions if i.name in ("EXPOSE", "USER")] == ["80", "7"]
    assert [i.value for i in two.instructions] == ["80", "$OTHER"]
    assert (three.image, three.instructions[0].value) == ("$NONE", "$UID")


def test_the_image_that_runs_is_made_of_the_stages_below_it() -> None:
    text = "FROM a:1 AS Base\nUSER 7\nFROM b:1 AS side\nUSER root\nFROM base\nEXPOSE 80\n"
    dockerfile = parse_dockerfile(text, "D")
    assert [stage.name for stage in dockerfile.lineage] == ["Base", ""]
    assert [(i.name, i.value) for i in dockerfile.final] == [("USER", "7"), ("EXPOSE", "80")]


def test_a_flag_given_twice_keeps_both_and_onbuild_keeps_what_it_holds() -> None:
    text = "FROM a:1\nRUN --mount=type=cache,target=/a --mount=type=secret,id=b x\nONBUILD COPY . /x\n"
    run, later = parse_dockerfile(text, "D").stages[0].instructions
    assert (run.flags["mount"].splitlines(), run.value) == (["type=cache,target=/a", "type=secret,id=b"], "x")
    assert later.inner is not None and (later.inner.name, later.inner.value) == ("COPY", ". /x")


PIECES = [
    "FROM a:1 AS b\n",
    "FROM ",
    "RUN ",
    "<<EOF",
    "EOF\n",
    "\\\n",
    "\n",
    '["a"',
    "]",
    "$X",
    "${A:-",
    "}",
    "ONBUILD ",
]
PIECES += ["USER 0", "EXPOSE 99999999999", "ENV A=", "ARG ", "'", '"', "|", "apt-get install ", "COPY --from=b ", "\t"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join))
def test_any_text_is_read_and_judged_and_every_finding_has_its_line(text: str) -> None:
    dockerfile = parse_dockerfile(text, "D")
    assert all(finding.line > 0 for finding in check_dockerfile(dockerfile))
    assert (
        dockerfile.stages or dockerfile.findings or not [x for x in text.split("\n") if x.strip()] or "FROM" not in text
    )


def test_megabytes_are_read_in_seconds() -> None:
    text = "FROM a:1\n" + "RUN apt-get update && \\\n  echo 'x' | cat >/etc/hosts\n" * 100_000
    started = time.process_time()
    assert len(parse_dockerfile(text, "D").stages[0].instructions) == 100_000
    assert time.process_time() - started < 60


@pytest.mark.parametrize("name", ["RUN", "ENV", "COPY", "CMD", "LABEL"])
@pytest.mark.parametrize("piece", ['"', "'", "$(", "${a-", "<<E ", "a=b ", "A=", "://a:b@", "apt-get install ", "|"])
def test_a_line_that_was_made_to_take_long_does_not(name: str, piece: str) -> None:
    started = time.process_time()
    check_dockerfile(parse_dockerfile(f"FROM a:1\n{name} {piece * 10_000}\n", "D"))
    assert time.process_time() - started < 20
