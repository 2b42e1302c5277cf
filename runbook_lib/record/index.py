"""records/index.html: every attempt of every application on one page, for a browser with no server and no network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from runbook_lib.durable import write_whole
from runbook_lib.model import now
from runbook_lib.record.archive import Attempt, attempts
from runbook_lib.record.html import TEMPLATES

NAME = "index.html"
LINKS = (
    ("notebook.html", "notebook"),
    ("record.json", "record"),
    ("journal.jsonl", "journal"),
    ("evidence", "evidence"),
)


def write(records: Path) -> Path:
    """Write the page anew from what lies in the archive; a record that cannot be read is listed as such."""
    known = attempts(records)[::-1]
    page = Template((TEMPLATES / NAME).read_text(encoding="utf-8")).substitute(
        rows="\n".join(_row(records, attempt) for attempt in known),
        applications=_options(attempt.application for attempt in known),
        phases=_options(attempt.step[0] for attempt in known),
        outcomes=_options(attempt.outcome for attempt in known),
        tiles=_tiles(known),
        written=f"{now():%Y-%m-%d %H:%M:%S} UTC",
    )
    target = records / NAME
    write_whole(target, page)
    return target


def summary(attempt: Attempt) -> dict[str, Any]:
    """One attempt in a line, as ``runbook records --json`` prints it."""
    phase, weight, mode = attempt.step
    known = attempt.facts
    return {
        "application": attempt.application,
        "run": attempt.run_id,
        "attempt": attempt.number,
        "phase": phase,
        "weight": weight,
        "mode": mode,
        "dry_run": bool(known.get("dry_run")),
        "outcome": attempt.outcome,
        "exit_code": known.get("exit_code"),
        "started": known.get("started"),
        "ended": known.get("ended"),
        "seconds": known.get("seconds"),
        "message": attempt.problem or known.get("message") or "",
        "next_notebook": known.get("next_notebook") or "",
        "who": _name(known.get("who")),
        "folder": str(attempt.folder),
    }


def _row(records: Path, attempt: Attempt) -> str:
    line = summary(attempt)
    phase, weight = str(line["phase"] or "?"), line["weight"]
    step = phase.replace("_", " ") + (f" <b>{weight} %</b>" if weight is not None else "")
    if line["mode"]:
        step += f" <small>{escape(str(line['mode']))}</small>"
    if line["dry_run"]:
        step += " <small>dry run</small>"
    outcome = str(line["outcome"])
    attributes = " ".join(
        f'data-{key}="{escape(value)}"'
        for key, value in (("application", attempt.application), ("phase", phase), ("outcome", outcome))
    )
    cells = (
        f'<time datetime="{escape(str(line["started"] or ""))}">{_moment(line["started"])}</time>',
        escape(attempt.application),
        step,
        f'<span class="outcome {escape(outcome)}">{escape(outcome.replace("_", " "))}</span>',
        _duration(line["seconds"]),
        f'{escape(str(line["message"]))}<div class="run">{escape(attempt.run_id)}/{escape(attempt.folder.name)} '
        f"{_links(records, attempt)}</div>",
    )
    return f"<tr {attributes}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _links(records: Path, attempt: Attempt) -> str:
    base = attempt.folder.relative_to(records).as_posix()
    found = [f'<a href="{escape(base)}/{name}">{word}</a>' for name, word in LINKS if (attempt.folder / name).exists()]
    return "".join(found)


def _tiles(known: Sequence[Attempt]) -> str:
    outcomes = [attempt.outcome for attempt in known]
    tiles = [(len({a.application for a in known}), "applications"), (len(known), "attempts")]
    tiles += [
        (outcomes.count(name), name.replace("_", " ")) for name in sorted(set(outcomes), key=outcomes.count)[::-1]
    ]
    return "".join(f"<div><b>{number}</b>{escape(word)}</div>" for number, word in tiles)


def _options(values: Any) -> str:
    return "".join(
        f'<option value="{escape(v)}">{escape(v.replace("_", " "))}</option>' for v in sorted(set(values)) if v
    )


def _name(who: Any) -> str | None:
    return str(who["name"]) if isinstance(who, dict) and who.get("name") else None


def _moment(text: Any) -> str:
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return "unknown"


def _duration(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return ""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
