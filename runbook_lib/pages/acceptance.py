"""The acceptance report as a page that a manager reads in five minutes, and the list of what is left as files.

Both are made when the last machine is gone, and stand among the evidence of that attempt: they are signed with it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.judge.acceptance import Figure
from runbook_lib.judge.gain import Gain
from runbook_lib.judge.retention import words
from runbook_lib.model import Change, Verdict
from runbook_lib.observe.old_side.leftovers import Leftover
from runbook_lib.pages.page import rendered
from runbook_lib.pages.spreadsheet import cell

NAME = "acceptance.html"
GROUPS = (("people", "People and releases"), ("machines", "Machines and money"), ("users", "What users see"))
COLUMNS = ("what", "concerns", "where", "known", "owner", "done on", "done by")
WIDTH, HEIGHT = 760, 120  # of the picture of the passage


@dataclass(frozen=True)
class Report:
    """What the page tells; ``weights`` is where the users were, by time; ``since`` is when all of them had moved."""

    application: str
    owner: str
    run: str
    at: datetime
    began: datetime | None
    since: datetime | None
    gone: tuple[Change, ...]
    machines: int
    verdicts: tuple[Verdict, ...]
    approved: str
    figures: tuple[Figure, ...]
    worth: tuple[Gain, ...]
    leftovers: tuple[Leftover, ...]
    weights: tuple[tuple[datetime, float], ...]
    drills: tuple[datetime, ...]
    rollbacks: int

    @property
    def silent(self) -> int:
        """How many machines are gone: ended by us, or found gone."""
        return sum(c.done or "nothing answers" in c.note for c in self.gone)

    @property
    def better(self) -> list[Figure]:
        """The figures that went the right way."""
        return [f for f in self.figures if f.better]

    @property
    def worse(self) -> list[Figure]:
        """The figures that went the wrong way."""
        return [f for f in self.figures if f.better is False]

    @property
    def unknown(self) -> list[Figure]:
        """The figures that nobody knows on both sides."""
        return [f for f in self.figures if f.before.value is None or f.after.value is None]

    @property
    def nobodys(self) -> int:
        """How many things are left for which nobody is named."""
        return sum(not one.owner for one in self.leftovers)

    def lasted(self, begin: datetime | None, end: datetime | None) -> str:
        """How long something took, in words; empty when an end of it is not known."""
        return words(end - begin) if begin and end and end > begin else ""


def render(report: Report) -> str:
    """The page; it loads nothing and runs nothing."""
    groups = [(title, [f for f in report.figures if f.group == key]) for key, title in GROUPS]
    return rendered(
        NAME,
        report=report,
        groups=groups,
        value=value,
        bar=bar,
        change=change,
        assumed=assumed,
        course=course(report),
        size=(WIDTH, HEIGHT),
    )


def value(number: float | None, unit: str) -> str:
    """A figure as a person reads it; what nobody knows says so."""
    if number is None:
        return "not known"
    if unit == "min" and 0 < number < 1:
        number, unit = 60 * number, "s"
    digits = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
    return f"{digits} {unit}".strip()


def change(figure: Figure) -> str:
    """By how much it changed: ``-52 %``, and a multiple where that is easier to read."""
    if figure.change is None:
        return ""
    share = figure.change + 1
    if 0 < share < 0.05:
        return f"{1 / share:.0f} x less"
    return f"{share:.1f} x" if share >= 3 else f"{100 * figure.change:+.0f} %"


def assumed(gain: Gain) -> str:
    """The inputs of a benefit that nobody of this application stated or measured."""
    return ", ".join(f"{name} {shown}" for name, shown, origin in gain.inputs if origin.startswith("assumed"))


def bar(figure: Figure, number: float | None) -> float:
    """The length of a bar, 0 to 100, beside the longer one of both."""
    known = [v for v in (figure.before.value, figure.after.value) if v is not None]
    longest = max(known, default=0.0)
    return 0.0 if number is None or longest <= 0 else max(100 * number / longest, 0.6)


def course(report: Report) -> dict[str, object]:
    """The share of the users on Kubernetes as a path, when all had moved and each drill as places on it."""
    if report.began is None or report.at <= report.began or not report.weights:
        return {}
    whole = report.at - report.began

    def x(at: datetime) -> float:
        return round(WIDTH * min(max((at - report.began) / whole, 0.0), 1.0), 1)  # type: ignore[operator]

    path, last = [f"M0,{HEIGHT}"], 0.0
    for at, weight in report.weights:
        path += [f"L{x(at)},{_y(last)}", f"L{x(at)},{_y(weight)}"]
        last = weight
    path += [f"L{WIDTH},{_y(last)}", f"L{WIDTH},{HEIGHT}", "Z"]
    return {
        "path": " ".join(path),
        "since": x(report.since) if report.since else None,
        "drills": [x(at) for at in report.drills if at >= report.began],
    }


def _y(weight: float) -> float:
    return round(HEIGHT - (HEIGHT - 8) * weight / 100, 1)


def as_csv(leftovers: Iterable[Leftover]) -> str:
    """The list of what is left, for a spreadsheet; the last columns are for those who do it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in leftovers:
        cells = (one.what, one.concerns, one.where, "found" if one.found else "look", one.owner)
        writer.writerow([*map(cell, cells), "", ""])
    return text.getvalue()


def as_markdown(leftovers: Sequence[Leftover], application: str, at: datetime) -> str:
    """The same as a list to tick off, by owner: each gets a part of its own."""
    lines = [f"# What is left of the old side of {application}", "", f"As of {at:%Y-%m-%d %H:%M} UTC.", ""]
    for owner in sorted({one.owner for one in leftovers}, key=lambda name: (not name, name)):
        lines += [f"## {owner or 'Nobody is named yet'}", ""]
        for one in (one for one in leftovers if one.owner == owner):
            look = "" if one.found else " (look: no runbook can read it)"
            lines.append(f"- [ ] {one.what}: {one.where}, {one.concerns}{look}")
        lines.append("")
    return "\n".join(lines)


def weights_of(changes: Iterable[Mapping[str, object]]) -> list[tuple[datetime, float]]:
    """Where the users were, by time, from the changes on record."""
    found = []
    for one in changes:
        after = one.get("after")
        if one.get("what") == "traffic weight" and one.get("done") and isinstance(after, int | float):
            found.append((datetime.fromisoformat(str(one["at"])), float(after)))
    return sorted(found)
