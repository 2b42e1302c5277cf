"""A record is signed before it lies there, always written, and closed to writing afterwards."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from throwaway import demo, make_project

from runbook_lib.errors import CannotSign
from runbook_lib.model import Change, Outcome, Verdict, now
from runbook_lib.record import archive, filing, journal, statement
from runbook_lib.record.attempt import Run
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner.filed import file_abandoned
from runbook_lib.trust.identity import signers_of
from runbook_lib.trust.signature import verify
from runbook_lib.trust.signers import OPERATOR

STEP: tuple[str, int | None, str | None] = ("gray_stage", 1, None)
SCHEMA = json.loads((Path(statement.__file__).parent / "attempt.v1.schema.json").read_bytes())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return tmp_path / "project"


def worked(project: Path) -> Path:
    """An attempt that did something and is not filed yet."""
    parameters = demo(project)
    attempt = open_attempt(parameters, STEP, project / "notebooks" / "04_gray_stage.ipynb", "runner")
    begun = Run(parameters, attempt, STEP)
    begun.verdict(Verdict("errors", Outcome.PASS, "error rate 0.1 % < limit 1.0 %", {"rate": 0.001}))
    begun.change("users: 0 % -> 1 %", lambda: Change("users", 0, 1, True, now()))
    begun.evidence("counts", {"requests": 900})
    begun.finish()
    begun.close()
    return attempt


def filed(project: Path) -> tuple[Path, filing.Filed]:
    attempt = worked(project)
    return attempt, filing.file(attempt, statement.ending_of(journal.read(attempt)), "05_comparison.ipynb")


def test_a_record_is_signed_by_the_operator_whose_key_is_at_hand(project: Path) -> None:
    attempt, done = filed(project)
    content = (attempt / archive.RECORD).read_bytes()
    proof = verify(content, attempt / archive.SIGNATURE, signers_of(demo(project)), OPERATOR, now())
    assert done.unsigned == ""
    assert json.loads(content) == done.statement
    assert done.statement["predicate"]["filed_by"] == {"name": "practice-operator", "key": proof.fingerprint}
    assert proof.name == "practice-operator"


@pytest.mark.parametrize("missing", ["key", "allowed_signers", "parameters"])
def test_a_record_that_nobody_can_sign_is_written_all_the_same_and_says_why(project: Path, missing: str) -> None:
    attempt = worked(project)
    keys = project / ".range" / "keys"
    lost = {
        "key": keys / "operator",
        "allowed_signers": keys / "allowed_signers",
        "parameters": attempt / "parameters.json",
    }
    lost[missing].unlink()
    (attempt / archive.SIGNATURE).write_text("of a process that died before it wrote the record")
    done = filing.file(attempt, statement.ending_of(journal.read(attempt)))
    assert done.unsigned and "\n" not in done.unsigned
    assert json.loads((attempt / archive.RECORD).read_bytes())["predicate"]["filed_by"] is None
    assert not (attempt / archive.SIGNATURE).exists()


def test_the_signature_lies_there_before_the_record(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = worked(project)
    written: list[str] = []

    def write(path: Path, content: Any) -> None:
        written.append(path.name)
        path.write_text(content)

    monkeypatch.setattr(filing, "write_whole", write)
    filing.file(attempt, statement.ending_of(journal.read(attempt)))
    assert written == [archive.SIGNATURE, archive.RECORD]


def test_a_filed_attempt_is_read_only_and_the_next_one_goes_on_beside_it(project: Path) -> None:
    attempt, _ = filed(project)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (attempt, *attempt.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o555}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o444}
    assert stat.S_IMODE(attempt.parent.stat().st_mode) & stat.S_IWUSR
    following = open_attempt(demo(project), STEP, None, "runner")
    assert stat.S_IMODE(following.stat().st_mode) & stat.S_IWUSR


def test_each_record_names_the_one_before_it(project: Path) -> None:
    first, _ = filed(project)
    second, done = filed(project)
    before = {"run": first.parent.name, "attempt": 1, "sha256": statement.sha256(first / archive.RECORD)}
    assert statement.compose(first, statement.Ending("passed", 0, ""))["predicate"]["previous"] is None
    assert done.statement["predicate"]["previous"] == before
    third = open_attempt(demo(project), STEP, None, "runner")
    assert journal.read(third)[0].data["previous"]["run"] == second.parent.name


def test_who_approved_a_gate_does_not_file_what_went_through_it(project: Path) -> None:
    attempt = worked(project)
    book = journal.Journal(attempt)
    book.write("gate_decided", gate="g", answers=[{"by": "practice-operator"}, {"by": "anna"}])
    book.close()
    with pytest.raises(CannotSign, match="operator"):
        filing.may_file(attempt)
    assert "operator" in filing.file(attempt, statement.ending_of(journal.read(attempt))).unsigned


def test_what_died_is_left_to_somebody_who_can_sign_for_it(project: Path) -> None:
    attempt = worked(project)
    filing.may_file(attempt)
    (project / ".range" / "keys" / "operator").unlink()
    (project / ".range" / "keys" / "operator.pub").unlink()
    with pytest.raises(CannotSign):
        filing.may_file(attempt)
    said: list[str] = []
    assert file_abandoned(attempt.parent.parent, said.append) == []
    assert "not filed yet" in said[0] and not (attempt / archive.RECORD).exists()


@pytest.mark.parametrize("by", ["notebook", "command", "batch"])
def test_what_is_alive_between_two_writers_of_its_journal_is_not_taken_for_dead(
    project: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """An abort, a dry run, a batch beside a runner of another machine: none of them holds the application."""
    step = ("pilot_deploy", None, "abort")
    attempt = open_attempt(demo(project), step, None, by)
    assert file_abandoned(attempt.parent.parent) == []
    monkeypatch.setattr(socket, "gethostname", lambda: "another-machine")
    assert file_abandoned(attempt.parent.parent) == []
    monkeypatch.undo()
    monkeypatch.chdir(project)
    monkeypatch.setattr(archive, "lives", lambda pid: pid != os.getpid())  # it was killed
    (result,) = file_abandoned(attempt.parent.parent)
    assert result.ending.outcome == "crashed"


def test_what_nobody_wrote_to_for_a_minute_is_filed_whatever_has_its_process_number_now(project: Path) -> None:
    attempt = open_attempt(demo(project), ("pilot_deploy", None, "abort"), None, "command")
    for path in (attempt, attempt / journal.NAME):
        os.utime(path, (0, 0))
    assert len(file_abandoned(attempt.parent.parent)) == 1


def test_a_rollback_that_died_is_filed_by_anybody(project: Path) -> None:
    (project / ".range" / "keys" / "operator").unlink()
    (project / ".range" / "keys" / "operator.pub").unlink()
    rollback = ("rollback", None, "rollback")
    attempt = open_attempt(demo(project), rollback, None, "runner")
    (result,) = file_abandoned(attempt.parent.parent)
    assert result.unsigned and (attempt / archive.RECORD).exists()


def test_a_real_record_is_what_the_schema_says(project: Path) -> None:
    _, done = filed(project)
    fastjsonschema.compile(SCHEMA)(done.statement)
    assert set(SCHEMA["definitions"]["attempt"]["required"]) == set(done.statement["predicate"])


def test_an_attempt_whose_journal_is_empty_is_filed_and_fits_the_schema(project: Path) -> None:
    attempt = project / "records" / "order-service" / "20261121t120000z-gray_stage-1" / "attempt-1"
    attempt.mkdir(parents=True)
    done = filing.file(attempt, statement.ending_of(journal.read(attempt)))
    fastjsonschema.compile(SCHEMA)(done.statement)
    assert done.statement["predicate"]["outcome"] == "crashed" and done.unsigned


def test_the_documentation_names_every_key_of_the_predicate() -> None:
    words = set(re.findall(r"[a-z_]+", statement.__doc__ or ""))
    assert SCHEMA["definitions"]["attempt"]["properties"].keys() <= words
    assert SCHEMA["definitions"]["attempt"]["properties"].keys() == set(SCHEMA["definitions"]["attempt"]["required"])
