"""Hosts, usage, the assessment's own file: what is broken is named with its place, the rest is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.artefacts import Assessed, Demanded
from runbook_lib.durable import write_json
from runbook_lib.errors import BadParameters
from runbook_lib.model import plain
from runbook_lib.observe.files.assessment import latest_assessment, read_assessment
from runbook_lib.observe.files.located import read_located
from runbook_lib.observe.inventory.usage import read_usage

HEAD = "timestamp,host,cpu_cores,memory_bytes\n"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120))
def test_no_bytes_are_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(HEAD.encode() + content)
    for read in (read_usage, read_assessment, lambda p: read_located(p, "profile")):
        try:
            read(path)
        except BadParameters as error:
            assert str(path) in str(error)


def test_a_profile_with_a_key_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text("owner: a\nkind: web\nowner: b\n")
    with pytest.raises(BadParameters, match=r"profile.yaml:3: owner is given twice"):
        read_located(path, "profile")


ASSESSED = Assessed(
    (8080,), 0.3, 8.0, 0.1, 128.0, 5, "Etc/UTC", True, "python 3.11",
    (Demanded("cron", "blocking", "a CronJob", ("crontab:2",), ("0 1 * * *",)),), {"/data": "object store"},
)  # fmt: skip


def test_what_the_assessment_hands_over_comes_back_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "attempt-1" / "evidence"
    folder.mkdir(parents=True)
    write_json(folder / "assessment.json", plain(ASSESSED))
    assert latest_assessment(tmp_path) == (ASSESSED, str(folder / "assessment.json"))


def test_the_newest_assessment_is_taken_and_none_is_an_empty_one(tmp_path: Path) -> None:
    assert latest_assessment(tmp_path) == (Assessed(), "")
    for number, port in enumerate((1, 2), 1):
        folder = tmp_path / "run" / f"attempt-{number}" / "evidence"
        folder.mkdir(parents=True)
        write_json(folder / "assessment.json", plain(replace(ASSESSED, ports=(port,))))
    assert latest_assessment(tmp_path)[0].ports == (2,)


@pytest.mark.parametrize(
    "value", [[], {"ports": [1], "other": 1}, {"demands": [{"topic": "a"}]}, {"ports": 8080}, {"demands": 1}]
)
def test_a_file_that_is_no_assessment_is_refused(tmp_path: Path, value: object) -> None:
    path = tmp_path / "assessment.json"
    path.write_text(json.dumps(value))
    with pytest.raises(BadParameters, match="run it again"):
        read_assessment(path)
