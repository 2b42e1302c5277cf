"""What a verification accepts, names as wrong, or only notes: each rule broken by somebody with a key."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_archive import Archive, asked, attempt, empty_archive
from tampering import writable, write_signed
from typer.testing import CliRunner

from runbook_lib.cli import app
from runbook_lib.errors import BadParameters, NotTrusted
from runbook_lib.model import plain
from runbook_lib.proof.trusted import signers_for
from runbook_lib.proof.verify import Report, verify
from runbook_lib.record import archive, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner.passage import Step
from runbook_lib.trust.signers import APPROVER, OPERATOR, read_signers

GATED = Step("gray_stage", 1)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A run through a gate, a run without, a rollback that nobody signed."""
    made = empty_archive(tmp_path_factory.mktemp("archive"))
    with contextlib.chdir(made.project):
        asked(made, "orders", GATED, {"anna": "approved"})
        attempt(made, "orders", "comparison")
        attempt(made, "orders", "rollback", operator=None, mode="rollback")
    return made


@pytest.fixture
def made(master: Archive, tmp_path: Path) -> Iterator[Archive]:
    """A copy to break."""
    project = tmp_path / "project"
    shutil.copytree(master.project, project)
    writable(project / "records")
    with contextlib.chdir(project):
        yield Archive(project, master.keys)


def checked(made: Archive) -> Report:
    return verify(made.records, read_signers(made.signers))


def folder_of(made: Archive, phase: str, number: int = 1) -> Path:
    (found,) = made.records.glob(f"orders/*-{phase}*/attempt-{number}")
    return found


def signed_anew(made: Archive, folder: Path, who: str, change: Callable[[dict[str, Any]], None]) -> None:
    """A record that its owner, or somebody else with a key, wrote anew."""
    statement = json.loads((folder / archive.RECORD).read_bytes())
    change(statement["predicate"])
    write_signed(made, folder / archive.RECORD, statement, who, OPERATOR)


def test_what_is_as_it_was_filed_is_accepted_and_what_nobody_signed_is_said(made: Archive) -> None:
    report = checked(made)
    assert report.faults == ()
    # two runs may begin in one second: then their names decide which comes first
    assert sorted((run.run.split("-")[-1], run.filed_by, run.unsigned, run.sealed) for run in report.accepted) == [
        ("1", ("olga",), 0, False),
        ("comparison", ("olga",), 0, False),
        ("rollback", (), 1, False),
    ]
    assert {note.message.split(";")[0].split(":")[0] for note in report.notes} >= {"is unsigned"}


@pytest.mark.parametrize("key", ["outcome", "message", "changes", "verdicts", "questions", "code", "cells", "who"])
def test_a_record_says_what_its_folder_says_also_when_its_owner_signs_another_one(made: Archive, key: str) -> None:
    others = {"outcome": "failed", "message": "well", "code": None, "who": None}

    def change(predicate: dict[str, Any]) -> None:
        predicate[key] = others.get(key, [])

    folder = folder_of(made, "comparison")
    signed_anew(made, folder, "olga", change)
    faults = [fault for fault in checked(made).faults if fault.path.endswith("comparison/attempt-1/record.json")]
    assert any(f"says {key}" in fault.message for fault in faults)


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("mallory", "a key (SHA256:"),
        ("anna", "the key of anna, which may not sign as operator"),
        ("ernst", "the key of ernst, which may not sign as operator"),
        ("oscar", "is of oscar"),
    ],
)
def test_a_record_is_signed_by_an_operator_of_that_time_and_by_whom_it_says(made: Archive, who: str, said: str) -> None:
    folder = folder_of(made, "rollback")
    signed_anew(made, folder_of(made, "comparison"), who, lambda predicate: None)
    faults = [fault for fault in checked(made).faults if fault.path.endswith(archive.SIGNATURE)]
    assert len(faults) == 1 and said in faults[0].message and folder.is_dir()


def test_only_a_rollback_and_a_dry_run_may_be_unsigned(made: Archive) -> None:
    folder = folder_of(made, "comparison")
    statement = json.loads((folder / archive.RECORD).read_bytes())
    statement["predicate"]["filed_by"] = None
    (folder / archive.RECORD).write_text(json.dumps(statement))
    (folder / archive.SIGNATURE).unlink()
    assert "is not signed by anybody" in [fault.message for fault in checked(made).faults]


def test_a_key_that_expired_does_not_help_to_write_the_past_anew(made: Archive) -> None:
    """The record is dated back to when the key was good; what it names as previous was filed later."""
    folder = folder_of(made, "comparison")

    def change(predicate: dict[str, Any]) -> None:
        predicate |= {"started": "2025-11-21T12:00:00.000Z", "ended": "2025-11-21T12:00:01.000Z"}

    signed_anew(made, folder, "ernst", change)
    said = " ".join(fault.message for fault in checked(made).faults)
    assert "before the record that it names was filed" in said and "its journal goes on after that" in said


def test_a_run_that_was_taken_away_is_missed_by_the_next_one(made: Archive) -> None:
    folder = folder_of(made, "comparison")
    shutil.rmtree(folder.parent)
    place = folder.relative_to(made.records).as_posix()
    assert (f"{place}/record.json", "is missing") in [
        (fault.path, fault.message.split(";")[0]) for fault in checked(made).faults
    ]


def test_an_attempt_that_runs_is_a_note_and_one_that_died_a_fault(made: Archive) -> None:
    parameters = made.parameters("orders", "olga")
    folder = open_attempt(parameters, ("comparison", None, None), None, "runner")
    place = folder.relative_to(made.records).as_posix()
    book = journal.Journal(folder)
    running = checked(made)
    assert running.faults == () and any(n.path == place and "is running" in n.message for n in running.notes)
    book.close()
    (fault,) = checked(made).faults
    assert fault.path == place and "runbook resume" in fault.message


def _question(made: Archive) -> Path:
    (path,) = (path for path in made.records.glob("orders/gates/*.json") if path.name.count(".") == 1)
    return path


def _answer(made: Archive, who: str, role: str = APPROVER, **changes: Any) -> None:
    """The approval of the gate, given by somebody else or with other words, signed."""
    path = _question(made).with_name(f"{_question(made).stem}.answer-1.json")
    said = json.loads(path.read_bytes()) | {"by": who} | changes
    write_signed(made, path, said, who, role)


@pytest.mark.parametrize(
    ("who", "changes"),
    [
        ("olga", {}),  # the initiator
        ("selma", {}),  # may not approve
        ("mallory", {"by": "anna"}),
        ("ben", {"by": "anna"}),
        ("anna", {"gate": "another"}),
        ("anna", {"gate_digest": "0" * 64}),
        ("anna", {"run": "another"}),
        ("anna", {"evidence_digest": "0" * 64}),
        ("anna", {"parameters_digest": "0" * 64}),
        ("anna", {"at": "2026-01-01T00:00:00.000Z"}),
        ("anna", {"at": "2029-01-01T00:00:00.000Z"}),
        ("anna", {"answer": "rejected"}),
        ("anna", {"number": 2}),
    ],
    ids=str,
)
def test_an_approval_that_is_none_is_found_and_the_run_is_not_accepted(
    made: Archive, who: str, changes: dict[str, Any]
) -> None:
    _answer(made, who, **changes)
    report = checked(made)
    assert any(fault.path.startswith("orders/gates/gray_stage-1-") for fault in report.faults)
    assert not any("gray_stage-1" in run.run for run in report.accepted)


def test_the_approver_of_a_gate_does_not_file_what_went_through_it(made: Archive) -> None:
    signers = made.signers.read_text()
    both = signers.replace('anna namespaces="runbook-approver"', 'anna namespaces="runbook-approver,runbook-operator"')
    own = made.project / "signers"
    own.write_text(both)
    folder = folder_of(made, "gray_stage", 2)

    def change(predicate: dict[str, Any]) -> None:
        predicate["filed_by"]["name"] = "anna"

    signed_anew(made, folder, "anna", change)
    report = verify(made.records, read_signers(own))
    assert any("was filed by anna, who approved" in fault.message for fault in report.faults)


def test_what_waits_for_people_is_not_changed_without_them(made: Archive) -> None:
    """An operator takes the gate out of journal and record, and signs that."""
    folder = folder_of(made, "gray_stage", 2)
    lines = [line for line in (folder / journal.NAME).read_text().splitlines() if '"gate_' not in line]
    (folder / journal.NAME).write_text("\n".join(lines) + "\n")

    def change(predicate: dict[str, Any]) -> None:
        predicate["gates"] = []

    signed_anew(made, folder, "olga", change)
    faults = [fault.message for fault in checked(made).faults]
    assert any("waits for people, and went through no gate" in message for message in faults)


def test_a_note_says_that_a_page_lies(made: Archive) -> None:
    page = made.records / "index.html"
    page.write_text(page.read_text() + "<p>all well</p>")
    report = checked(made)
    assert report.trusted and [note.message[:8] for note in report.notes if note.path == "index.html"] == ["does not"]


def test_the_command_names_what_it_accepts_and_exits_with_its_own_code(made: Archive) -> None:
    run = CliRunner().invoke
    good = run(app, ["verify", "--allowed-signers", str(made.signers)])
    assert good.exit_code == 0 and "accepted  orders/" in good.output and "0 faults" in good.output
    as_json = json.loads(run(app, ["verify", "--json", "--allowed-signers", str(made.signers)]).output)
    assert as_json["trusted"] is True and len(as_json["accepted"]) == 3
    (folder_of(made, "comparison") / "notebook.ipynb").unlink()
    bad = run(app, ["verify"])
    assert isinstance(bad.exception, NotTrusted) and bad.exception.exit_code == 65
    assert "FAULT" in bad.output and "notebook.ipynb: is missing" in bad.output


@pytest.mark.parametrize("options", [["--records", "nowhere"], ["--allowed-signers", "nowhere"], ["--seal", "x"]])
def test_the_command_refuses_what_it_cannot_read(made: Archive, options: list[str]) -> None:
    refused = CliRunner().invoke(app, ["verify", *options])
    assert isinstance(refused.exception, BadParameters) and "\n" not in str(refused.exception)


def test_the_command_seals_prints_the_trailer_and_says_when_there_is_nothing_new(
    made: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_SIGNING_KEY", os.pathsep.join(str(made.keys / name) for name in ("olga", "selma")))
    run = CliRunner().invoke
    done = run(app, ["seal", "--allowed-signers", str(made.signers)])
    trailer = done.output.splitlines()[-1]
    assert done.exit_code == 0 and trailer.startswith("Runbook-Seal: 1 ")
    assert run(app, ["verify", "--seal", trailer]).exit_code == 0
    again = run(app, ["seal"])
    assert again.exit_code == 0 and again.output.strip() == "nothing new to seal"


def test_who_is_trusted_is_what_the_records_name_or_what_the_auditor_brings(made: Archive, tmp_path: Path) -> None:
    assert signers_for(made.records, None).path == made.signers
    with pytest.raises(BadParameters, match="--allowed-signers"):
        signers_for(tmp_path / "nothing", None)


def test_moments_are_written_so_that_the_schema_knows_them(made: Archive) -> None:
    facts = json.loads((folder_of(made, "comparison") / archive.RECORD).read_bytes())["predicate"]
    assert plain(facts) == facts and facts["ended"].endswith("Z")
