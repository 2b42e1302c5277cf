"""Whatever is done to an archive is found and named; an archive that nobody touched raises no alarm."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter import jupyter_server, open_trust_and_save
from small_archive import Archive, small_archive
from tampering import MUTATIONS, VIEWS, put_back, writable

from runbook_lib.proof import seal
from runbook_lib.proof.verify import Remark, Report, verify
from runbook_lib.proof.verify.files import REWRITTEN
from runbook_lib.trust.signers import read_signers


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("archive")
    with contextlib.chdir(folder):
        yield small_archive(folder, os.chdir)


@pytest.fixture
def copied(made: Archive, tmp_path: Path) -> Archive:
    """The archive, and a copy beside it that can be tampered with."""
    project = tmp_path / "project"
    shutil.copytree(made.records, project / "records")
    writable(project / "records")
    return Archive(project, made.keys, made.trailer)


def checked(made: Archive) -> Report:
    return verify(made.records, read_signers(made.signers), made.trailer)


def test_an_untouched_archive_raises_no_alarm(made: Archive) -> None:
    report = checked(made)
    assert report.faults == ()
    assert len(report.accepted) == 10 and all(run.sealed for run in report.accepted)
    assert {remark.message.split(":")[0] for remark in report.notes} == {"is unsigned"}


@pytest.mark.heavy
def test_an_archive_that_was_opened_and_trusted_in_jupyter_raises_no_alarm(copied: Archive, tmp_path: Path) -> None:
    notebooks = sorted(copied.records.rglob("notebook.ipynb"))[:4]
    with jupyter_server(copied.records, tmp_path / "server") as contents:
        for path in notebooks:
            open_trust_and_save(f"{contents}/{path.relative_to(copied.records).as_posix()}")
    report = checked(copied)
    assert report.faults == ()
    copies = [remark for remark in report.notes if ".ipynb_checkpoints" in remark.path]
    assert len(copies) == len(notebooks)


def tamper(made: Archive, pristine: Path, seed: int, unharmed: Report) -> str:
    """One mutation, found or told why it was not; the archive is put back."""
    rng = random.Random(seed)
    tampered = MUTATIONS[seed % len(MUTATIONS)](made, rng)
    report = checked(made)
    put_back(made, pristine, tampered)
    new: list[Remark] = [*set(report.faults), *(set(report.notes) - set(unharmed.notes))]
    found = [remark for remark in new if remark.path.startswith(tampered.named)]
    if not found:
        return f"seed {seed}: {tampered.what}: not found; said was {report.faults[:3]}"
    if report.trusted and not (tampered.harmless and all(_says_so(remark) for remark in found)):
        return f"seed {seed}: {tampered.what}: no fault, only {found}"
    return ""


def _says_so(remark: Remark) -> bool:
    """A note that names a view, or a notebook with the same content."""
    return remark.path.split("/")[-1] in VIEWS or remark.message == REWRITTEN


def _all_found(copied: Archive, pristine: Archive, seeds: range) -> None:
    unharmed = checked(copied)
    assert unharmed.trusted
    missed = [why for seed in seeds if (why := tamper(copied, pristine.records, seed, unharmed))]
    assert not missed, f"{len(missed)} of {len(seeds)}:\n" + "\n".join(missed[:20])
    assert checked(copied) == unharmed, "the archive was not put back as it was"


def test_tampering_is_found(made: Archive, copied: Archive) -> None:
    _all_found(copied, made, range(60))


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_tampering_of_every_kind_is_found(made: Archive, copied: Archive) -> None:
    _all_found(copied, made, range(60, 2160))


def test_the_seeds_reach_every_mutation() -> None:
    assert set(Counter(seed % len(MUTATIONS) for seed in range(60))) == set(range(len(MUTATIONS)))


def test_without_the_seal_kept_elsewhere_a_cut_that_takes_the_seals_along_is_not_seen(copied: Archive) -> None:
    """Why `runbook seal` prints a trailer."""
    last = seal.seal_files(copied.records)[-1]
    kept = {entry["path"] for path in seal.seal_files(copied.records)[:-1] for entry in seal.read_seal(path).entries}
    for path in (last, last.with_name(f"{last.name}.sig")):
        path.unlink()
    for name in seal.to_seal(copied.records, kept):
        if "/gates/" in name:
            (copied.records / name).unlink()
        else:
            shutil.rmtree((copied.records / name).parent.parent, ignore_errors=True)
    signers = read_signers(copied.signers)
    assert verify(copied.records, signers, with_views=False).faults == ()
    (fault,) = verify(copied.records, signers, copied.trailer, with_views=False).faults
    assert fault.path == f"{seal.FOLDER}/{last.name}"
