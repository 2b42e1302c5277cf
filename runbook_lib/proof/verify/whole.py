"""A whole archive, or one application of it: everything is looked at for itself, side by side, and then together."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from runbook_lib.gate.states import Gate
from runbook_lib.pages import index, views
from runbook_lib.proof.seal import seal_files
from runbook_lib.proof.verify import attempt, chain, gates, places, seals
from runbook_lib.proof.verify.looked import Looked
from runbook_lib.proof.verify.report import Accepted, Remark, Remarks, Report, once
from runbook_lib.record import archive
from runbook_lib.trust.signers import Signers

MANY = 64
"""From so many attempts on, processes are worth their start."""
CHUNK = 16
PIECES = 8
One = TypeVar("One")
Two = TypeVar("Two")


def verify(
    records: Path,
    signers: Signers,
    kept: str | None = None,
    only: Collection[str] | None = None,
    with_views: bool = True,
) -> Report:
    """The verdict on an archive; ``kept`` is a seal that was kept elsewhere, ``only`` names applications."""
    said = Remarks()
    homes = [home for home in places.applications(records, said) if only is None or home.name in only]
    folders = [folder for home in homes for folder in places.attempts(home, said)]
    asked = [(home / "gates", gate) for home in homes for gate in gates.questions(home / "gates", said)]
    places.seals(records, said)
    with _workers(len(folders) + len(asked)) as pool:
        pages = pool.submit(_views, records) if with_views and only is None else None
        looked = list(_each(pool, partial(attempt.look, signers=signers), folders))
        read = list(_each(pool, partial(_gate, signers=signers), asked))
        sealings = list(_each(pool, partial(seals.look, signers=signers), seal_files(records)))
    for remarks in (*(one.remarks for one in looked), *(r for _, r in read), *(r for *_, r in sealings)):
        said.add(remarks)
    for home in homes:
        mine = [one for one in looked if one.application == home.name]
        chain.check(mine, said)
        own = [gate for (folder, _), (gate, _) in zip(asked, read, strict=True) if gate and folder.parent == home]
        gates.check(own, mine, said)
    found = [(path, seal, proof) for path, (seal, proof, _) in zip(seal_files(records), sealings, strict=True)]
    sealed = seals.check(records, found, {one.place: one for one in looked}, only, said)
    if kept is not None:
        seals.named([seal for _, seal, _ in found], kept, said)
    if pages is not None:
        said.add(pages.result())
    _not_sealed(looked, sealed, said)
    faults = once(said.faults)
    return Report(
        str(records), str(signers.path), tuple(_accepted(looked, faults, read, sealed)), faults, once(said.notes)
    )


def _gate(asked: tuple[Path, str], signers: Signers) -> tuple[Gate | None, Remarks]:
    return gates.look(*asked, signers)


def _workers(jobs: int) -> Executor:
    count = _processes()
    return ProcessPoolExecutor(count) if jobs >= MANY else ThreadPoolExecutor(count)


def _processes() -> int:
    return (os.cpu_count() or 1) + 1  # one more works while another waits for its ssh-keygen


def _each(pool: Executor, work: Callable[[One], Two], jobs: Sequence[One]) -> Iterator[Two]:
    # of few jobs each process is given several small pieces, so that none waits for another's last large one
    return pool.map(work, jobs, chunksize=max(1, min(CHUNK, len(jobs) // (PIECES * _processes()))))


def _views(records: Path) -> Remarks:
    """Pages are no evidence: one that lies, or that a crash left half, is made anew from the records."""
    said = Remarks()
    for view in views.differing_views(records):
        said.note(view, "does not say what the records say: it is only a view, `runbook records` writes it anew")
    listed = records / index.NAME
    if listed.is_file() and listed.read_bytes().rpartition(b"\n")[2] != index.OPEN_END:
        said.note(index.NAME, "ends in something that is no line of it; no page shows that; `runbook records` mends it")
    return said


def _not_sealed(looked: Sequence[Looked], sealed: set[str], said: Remarks) -> None:
    left = [one.place for one in looked if one.digests and f"{one.place}/{archive.RECORD}" not in sealed]
    if left:
        others = f"and {len(left) - 1} more are" if len(left) > 1 else "is"
        said.note(left[0], f"{others} not sealed yet; `runbook seal` does it")


def _accepted(
    looked: Sequence[Looked],
    faults: Iterable[Remark],
    read: Sequence[tuple[Gate | None, Remarks]],
    sealed: set[str],
) -> Iterator[Accepted]:
    """The runs in which nothing is wrong: in none of their folders, and in none of their gates."""
    runs: dict[tuple[str, str], list[Looked]] = {}
    for one in looked:
        runs.setdefault((one.application, one.run), []).append(one)
    spoilt = spoilt_runs(faults, [gate for gate, _ in read if gate is not None])
    for (application, run), attempts in runs.items():
        if f"{application}/{run}" in spoilt or not any(one.facts for one in attempts):
            continue
        filed = sorted((one for one in attempts if one.facts), key=lambda one: one.number)
        yield Accepted(
            f"{application}/{run}",
            str(filed[-1].facts["outcome"]),
            len(filed),
            tuple(sorted({one.filer for one in filed if one.filer})),
            sum(one.filer is None for one in filed),
            all(f"{one.place}/{archive.RECORD}" in sealed for one in filed),
        )


def spoilt_runs(faults: Iterable[Remark], found: Iterable[Gate]) -> set[str]:
    """The runs, as application/run, that a fault touches: in their folders, or in a gate that they asked."""
    asked_by = {f"{gate.asked.application}/gates/{gate.id}": gate.asked.run for gate in found}
    spoilt = set()
    for fault in faults:
        parts = fault.path.split("/")
        if len(parts) >= 3 and parts[1] == "gates":
            run = asked_by.get(f"{parts[0]}/gates/{parts[2].split('.')[0]}")
            spoilt |= {f"{parts[0]}/{run}"} if run else set()
        elif len(parts) >= 2:
            spoilt.add("/".join(parts[:2]))
    return spoilt
