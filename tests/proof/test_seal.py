"""A seal stands for everything that was filed before it, is made by somebody else, and by one at a time."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from small_archive import Archive, attempt, empty_archive

from runbook_lib.durable import write_whole
from runbook_lib.errors import BadParameters, CannotSign, NotTrusted
from runbook_lib.proof import seal
from runbook_lib.proof.sealing import Sealed, seal_new
from runbook_lib.proof.verify import verify
from runbook_lib.record import archive
from runbook_lib.trust.identity import Identity, me
from runbook_lib.trust.signers import SEALER, read_signers


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive with one record that is not sealed yet."""
    empty = empty_archive(tmp_path_factory.mktemp("archive"))
    with contextlib.chdir(empty.project):
        attempt(empty, "orders", "assessment")
    return empty


@pytest.fixture
def made(master: Archive, tmp_path: Path) -> Iterator[Archive]:
    """A copy of it, to go on with."""
    shutil.copytree(master.keys, tmp_path / "keys")
    shutil.copytree(master.project, tmp_path / "project")
    with contextlib.chdir(tmp_path / "project"):
        yield Archive(tmp_path / "project", tmp_path / "keys")


def sealed(made: Archive, *keys: str) -> Sealed:
    def choose(others: Collection[str]) -> Identity:
        return me(made.parameters("orders", *(keys or ("selma",))), SEALER, other_than=others)

    return seal_new(made.records, read_signers(made.signers), choose)


def test_a_seal_holds_what_is_new_and_the_next_one_only_what_came_after(made: Archive) -> None:
    first = sealed(made).seal
    attempt(made, "stock", "comparison")
    second = sealed(made).seal
    assert first and second
    names = [archive.RECORD, archive.SIGNATURE]
    assert (
        [Path(entry["path"]).name for entry in first.entries] == names == [Path(e["path"]).name for e in second.entries]
    )
    assert (first.number, second.number) == (1, 2) and second.previous == (1, first.root)
    assert second.trailer == f"Runbook-Seal: 2 2 {second.root}"
    report = verify(made.records, read_signers(made.signers), second.trailer)
    assert report.trusted and all(run.sealed for run in report.accepted)


def test_nothing_new_is_no_seal(made: Archive) -> None:
    sealed(made)
    assert sealed(made) == Sealed(None, ())
    assert [path.name for path in seal.seal_files(made.records)] == ["1.json"]


def test_what_does_not_verify_is_left_out_and_named(made: Archive) -> None:
    bad = attempt(made, "orders", "comparison")
    (bad / "evidence" / "counts.json").chmod(0o644)
    (bad / "evidence" / "counts.json").write_text("{}")
    done = sealed(made)
    assert done.seal and not any("comparison" in entry["path"] for entry in done.seal.entries)
    assert [fault.path for fault in done.left_out] == [f"orders/{bad.parent.name}/attempt-1/evidence/counts.json"]


def test_nothing_is_sealed_on_a_seal_that_is_not_as_it_was(made: Archive) -> None:
    sealed(made)
    attempt(made, "orders", "comparison")
    path = made.records / seal.FOLDER / "1.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"count": 2', '"count": 3'))
    with pytest.raises(NotTrusted, match=r"seals"):
        sealed(made)


def test_who_filed_a_record_does_not_seal_it(made: Archive) -> None:
    signers = made.signers.read_text().replace('olga namespaces="runbook-operator"', 'olga namespaces="runbook-*"')
    made.signers.write_text(signers)
    with pytest.raises(CannotSign, match="sealer"):
        sealed(made, "olga")


def test_a_seal_that_broke_off_is_made_anew(made: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(path: Path, content: str) -> None:
        if path.name == "1.json":
            raise KeyboardInterrupt
        write_whole(path, content)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(seal, "write_whole", dies)
        sealed(made)
    report = verify(made.records, read_signers(made.signers))
    assert report.trusted and any(note.path == "seals/1.json.sig" for note in report.notes)
    assert sealed(made).seal and verify(made.records, read_signers(made.signers)).trusted


def test_of_two_who_seal_at_once_one_finds_nothing_left(made: Archive) -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        done = pool.map(_seal_in_a_process, [made, made])
    assert sorted(done) == [0, 2]
    assert verify(made.records, read_signers(made.signers)).trusted


def _seal_in_a_process(made: Archive) -> int:
    done = sealed(made).seal
    return done.count if done else 0


@pytest.mark.parametrize("form", ["{trailer}", "{numbers}", "{file}", "  {trailer}\n"])
def test_a_seal_kept_elsewhere_is_named_by_its_trailer_its_numbers_or_its_file(
    made: Archive, tmp_path: Path, form: str
) -> None:
    done = sealed(made).seal
    assert done
    kept = tmp_path / "kept.json"
    shutil.copy(made.records / seal.FOLDER / "1.json", kept)
    numbers = done.trailer.removeprefix("Runbook-Seal: ")
    text = form.format(trailer=done.trailer, numbers=numbers, file=kept)
    assert seal.names_in(text) == (1, 2, done.root)


@pytest.mark.parametrize("text", ["", "1 2", "1 2 abc", f"0x1 2 {'0' * 64}", "/nowhere/1.json"])
def test_what_names_no_seal_is_refused(text: str) -> None:
    with pytest.raises(BadParameters, match="runbook seal"):
        seal.names_in(text)


@pytest.mark.parametrize("change", ["path", "order", "count", "space", "no json", "type"])
def test_a_seal_is_read_only_as_it_was_written(made: Archive, change: str) -> None:
    sealed(made)
    path = made.records / seal.FOLDER / "1.json"
    value = json.loads(path.read_bytes())
    if change == "path":
        value["entries"][0]["path"] = "../../outside"
    elif change == "order":
        value = dict(reversed(value.items()))
    elif change == "count":
        value["count"] = "2"
    elif change == "type":
        value = [value]
    text = json.dumps(value, indent=2 if change == "space" else 1) + "\n"
    path.chmod(0o644)
    path.write_text(text if change != "no json" else "{")
    with pytest.raises(BadParameters, match="find out who changed it"):
        seal.read_seal(path)
