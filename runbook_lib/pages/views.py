"""What people look at: the archive's list and a page for each run. Views of the records, never evidence themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runbook_lib.durable import write_whole
from runbook_lib.pages import incident, index, page
from runbook_lib.record.archive import Attempt, read_attempt
from runbook_lib.record.incident import is_incident

log = logging.getLogger(__name__)


def opened(attempt: Path) -> None:
    """Show in the list that an attempt has begun."""
    _show(attempt, with_page=False)


def filed(attempt: Path) -> None:
    """Show an attempt that was just filed: the page of its run, and its line in the list; no other run is read."""
    _show(attempt, with_page=True)


def write(records: Path) -> Path:
    """Write the list and all pages anew from the records; returns the page to open."""
    with index.rewriting(records) as rewrite:
        rewrite([entry for run in _runs(records) for entry in _write_run(run)])
    _refresh(records / page.NAME, page.render_list())
    return records / page.NAME


def summaries(records: Path, application: str | None = None) -> list[dict[str, Any]]:
    """Every attempt of one application or of all in a line, oldest first."""
    found = [
        (attempt.order, index.summary(attempt)) for run in _runs(records, application) for attempt in _attempts(run)
    ]
    return [line for _, line in sorted(found, key=lambda one: one[0])]


def differing_views(records: Path) -> list[str]:
    """The views that do not say what the records say, by their paths in the archive; `runbook records` mends them.

    A view that another version of this library made differs, too, when the versions do not look the same.
    """
    differing = [] if _says(records / page.NAME, page.render_list()) else [records / page.NAME]
    seen = index.read(records)
    wrong: list[Attempt] = []
    lines: set[bytes] = set()
    for run in _runs(records):
        known = _attempts(run)
        for path, wanted in _pages(run, known):
            if wanted is not None and not _says(path, wanted):
                differing.append(path)
        if not any(map(is_incident, known)) and (run / incident.NAME).exists():
            differing.append(run / incident.NAME)
        wrong += [attempt for attempt in known if not _listed(seen or {}, attempt)]
        lines.update(*(index.lines_of(index.entry(attempt)) for attempt in known))
    if seen is None or seen or wrong or index.altered(records, lines):
        differing.append(records / index.NAME)
    return sorted(path.relative_to(records).as_posix() for path in differing)


def _show(attempt: Path, with_page: bool) -> None:
    """A page that cannot be written stops nobody: the record is there, and the page can be made from it at any time."""
    run, records = attempt.parent, attempt.parent.parent.parent
    try:
        if with_page:
            _refresh_run(run, _attempts(run))
        if not (records / index.NAME).is_file():
            write(records)
            return
        index.append(records, index.entry(read_attempt(attempt)))
        _refresh(records / page.NAME, page.render_list())
    except OSError as error:
        log.warning("%s: its pages could not be written (%s); `runbook records` writes them anew", attempt, error)


def _runs(records: Path, application: str | None = None) -> list[Path]:
    """The folders of all runs; one is read at a time, because ten thousand do not fit into memory."""
    return sorted({folder.parent for folder in records.glob(f"{application or '*'}/*/attempt-*")})


def _attempts(run: Path) -> list[Attempt]:
    numbered = [(path, path.name.removeprefix("attempt-")) for path in run.glob("attempt-*")]
    return [read_attempt(path) for path, number in sorted(numbered, key=_number) if number.isdecimal()]


def _number(numbered: tuple[Path, str]) -> int:
    return int(numbered[1]) if numbered[1].isdecimal() else 0


def _write_run(run: Path) -> Iterator[index.Entry]:
    known = _attempts(run)
    _refresh_run(run, known)
    return (index.entry(attempt) for attempt in known)


def _pages(run: Path, known: list[Attempt]) -> Iterator[tuple[Path, str | None]]:
    """The page of a run, and that of its incident where users were brought back."""
    yield run / page.NAME, page.render(run, known)
    yield run / incident.NAME, incident.render(run, known)


def _refresh_run(run: Path, known: list[Attempt]) -> None:
    for path, text in _pages(run, known):
        _refresh(path, text)


def _refresh(path: Path, text: str | None) -> None:
    if text is not None and not _says(path, text):
        write_whole(path, text)


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _listed(seen: dict[index.Key, index.Entry], attempt: Attempt) -> bool:
    """Take an attempt off what a reader sees, and whether it was right; an open attempt may be there or not yet."""
    wanted = index.entry(attempt)
    found = seen.pop(index.key_of(wanted), None)
    return found == wanted or (found is None and wanted["outcome"] == "open")
