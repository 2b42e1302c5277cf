"""hadolint is asked where it is; what breaks it, or makes it look away, is not taken for a good answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.artefacts import Policy
from runbook_lib.judge.dockerfile import RULES, check_dockerfile
from runbook_lib.judge.image_build.hadolint import ANSWERED, Remark, Remarks, check_remarks
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.model import Outcome
from runbook_lib.observe.files.hadolint import parse_remarks, program_at, remarks

DOCKERFILE = parse_dockerfile("FROM a:1\nRUN x\n", "Dockerfile")
SAMPLES = Path(__file__).parents[1] / "judge" / "image_build" / "samples"
installed = pytest.mark.skipif(program_at() is None, reason="hadolint is not installed")


def fake(tmp_path: Path, body: str) -> str:
    program = tmp_path / "hadolint"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_its_remarks_come_with_line_level_and_link(tmp_path: Path) -> None:
    said = [
        {"code": "SC2086", "line": 2, "column": 1, "file": "D", "level": "info", "message": "Double quote"},
        {"code": "DL3059", "line": 2, "column": 1, "file": "D", "level": "error", "message": "Many RUN"},
        {"code": "DL3002", "line": 2, "column": 1, "file": "D", "level": "error", "message": "root"},
    ]
    told = remarks(tmp_path / "Dockerfile", fake(tmp_path, f"echo '{json.dumps(said)}'"))
    found = check_remarks(told, DOCKERFILE)
    assert [(f.check, f.outcome.name, f.severity, f.line) for f in found] == [
        ("SC2086", "FAIL", "info", 2),
        ("DL3059", "FAIL", "warning", 2),
        ("hadolint", "PASS", "info", 1),
    ]
    assert found[0].reason.endswith("shellcheck.net/wiki/SC2086")
    assert "1 of them about what own rules judge" in found[-1].message


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo Invalid option >&2; exit 1", "ended with 1: Invalid option"),
        ("echo not json", "no JSON"),
        ("echo '{}'", "cannot be read"),
        ("echo '[{\"code\": 3}]'", "1 remarks"),
    ],
)
def test_a_linter_that_breaks_is_no_answer(tmp_path: Path, body: str, why: str) -> None:
    told = remarks(tmp_path / "Dockerfile", fake(tmp_path, body))
    assert why in told.problem
    assert [f.outcome for f in check_remarks(told, DOCKERFILE)] == [Outcome.INCONCLUSIVE]


def test_a_linter_that_is_not_there_is_said(tmp_path: Path) -> None:
    told = remarks(tmp_path / "Dockerfile", str(tmp_path / "hadolint"))
    found = check_remarks(told, DOCKERFILE)
    assert [(f.outcome, f.severity) for f in found] == [(Outcome.INCONCLUSIVE, "info")]
    assert "not installed" in found[0].message


def test_its_own_settings_do_not_make_it_look_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3059")
    program = fake(tmp_path, 'env > "$(dirname "$0")/seen"; echo "$@" > "$(dirname "$0")/words"; echo []')
    remarks(tmp_path / "Dockerfile", program)
    seen = (tmp_path / "seen").read_text()
    assert "HADOLINT" not in seen
    assert "\nHOME=" not in seen
    assert "--disable-ignore-pragma" in (tmp_path / "words").read_text()


def test_what_it_does_not_understand_is_open_and_the_policy_holds() -> None:
    told = Remarks(
        (Remark("DL1000", 1, "error", "unexpected"), Remark("SC1", 2, "style", "x"), Remark("SC2", 2, "x", ""))
    )
    found = check_remarks(told, DOCKERFILE, Policy(off=("SC2", "hadolint"), severities={"SC1": "blocking"}))
    assert [(f.check, f.outcome.name, f.severity) for f in found] == [
        ("DL1000", "INCONCLUSIVE", "warning"),
        ("SC1", "FAIL", "blocking"),
    ]


def test_every_code_is_answered_by_a_rule_that_is_there() -> None:
    assert set(ANSWERED.values()) <= {rule.id for rule in RULES} | {"dockerfile-readable"}


JUNK: Any = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "line", "level"]), inner),
)


@given(JUNK)
def test_anything_it_prints_is_read_or_refused(value: Any) -> None:
    told = parse_remarks(json.dumps(value))
    assert told.problem or isinstance(value, list)


# Samples at which hadolint complains and our rule passes: why ours is right.
ONLY_HADOLINT = {
    "base-platform: tools for the machine that builds": "what builds may be fixed; only the image that runs must not",
    "copy-from: by name": "BuildKit compares names of stages without regard to case",
    "image-secret: a mount": "TOKEN_FILE holds a path, and a secret mount leaves nothing in the image",
    "image-workdir: from the root": "a relative WORKDIR below an absolute one is well defined",
    "packages-fixed: tools of the distribution, where it is only built": "they are not in the image that runs",
    "image-pipe: in the RUN itself, and what only prints": "set -o pipefail in the RUN does what SHELL does",
    "image-pipe: SHELL of the stage below": "a stage has the SHELL of the stage it is built on",
    "image-pipe: the shell of Windows": "cmd has no pipefail",
    "image-pipe: PowerShell on Linux": "it has no pipefail, wherever its program lies",
    "image-pipe: patterns of a case, and a last program that looks": "grep fails for what it does not find",
    "image-signals: exec at the end of a shell form": "the shell is gone after exec",
    "image-signals: an init, and a shell that is gone after exec": "the shell is gone after exec",
    "image-signals: an ENTRYPOINT ends the CMD of the stage below": "the builder takes that CMD away",
    "image-user: of the stage below": "the variable is a number when it is filled in",
    "packages-ask: yes answers": "somebody answers",
    "packages-left: nothing was fetched": "what needs no network brings no index",
    "packages-fixed: values of options are no packages": "they name files, and no package",
}
# Rules that see more of what hadolint asks, at any sample of theirs: what it does not look at.
ONLY_OURS = {
    "base-fixed": "images that are only copied from",
    "stage-names": "two spellings of one name",
    "image-secret": "values, files and commands; it goes by names of variables",
    "env-order": "values in quotes with a default",
    "packages-upgrade": "its rules DL3005, 3017, 3031 and 3039 were taken out",
    "packages-fixed": "npm i, which is npm install in short",
    "packages-sudo": "sudo that is installed",
    "image-user": "images without USER, variables, and stages that are left behind",
    "image-signals": "shells, wrappers and scripts in exec form",
    "image-port": "images without EXPOSE, and names of ports",
    "image-process": "packages, services and the port of ssh",
    "image-accounts": "--uid written out",
}


@installed
def test_the_real_one_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a.example/a:1\n# hadolint ignore=SC2086\nRUN rm $X\n")
    (tmp_path / ".hadolint.yaml").write_text("ignored: [SC2086]\n")
    monkeypatch.chdir(tmp_path)
    told = remarks(path)
    assert told.problem == ""
    assert "SC2086" in {remark.code for remark in told.remarks}


@installed
def test_every_disagreement_with_the_real_one_is_explained(tmp_path: Path) -> None:
    theirs: set[str] = set()
    ours: set[str] = set()
    for source in sorted(SAMPLES.glob("*.yaml")):
        for entry in yaml.safe_load(source.read_text()):
            for sample in [*entry.get("fails", ()), *entry["passes"]]:
                sees, fails = opinions(entry["check"], sample["dockerfile"], tmp_path / "Dockerfile")
                theirs |= {f"{entry['check']}: {sample['name']}"} if sees and not fails else set()
                ours |= {entry["check"]} if fails and not sees else set()
    assert theirs == set(ONLY_HADOLINT)
    assert ours & set(ANSWERED.values()) == set(ONLY_OURS)


def opinions(check: str, text: str, path: Path) -> tuple[bool, bool]:
    """Whether hadolint remarks something that the rule is about, and whether the rule fails."""
    path.write_text(text)
    told = remarks(path)
    assert told.problem == ""
    sees = any(ANSWERED.get(remark.code) == check for remark in told.remarks)
    found = check_dockerfile(parse_dockerfile(text, "Dockerfile"))
    return sees, any(f.check == check and f.outcome is Outcome.FAIL for f in found)
