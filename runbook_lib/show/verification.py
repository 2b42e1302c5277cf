"""What the new side said before any user asked: smoke cases by target, sessions, settings of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from runbook_lib.judge.equality import Row
from runbook_lib.judge.verification import fault
from runbook_lib.observe.sessions import Crossing
from runbook_lib.observe.smoke import Answer
from runbook_lib.show.checks import quiet

GOOD, BAD, CALM = "#1a7f37", "#cf222e", "#57606a"
_LEFT: Any = [{"selector": "th, td", "props": [("text-align", "left"), ("vertical-align", "top")]}]


def smoke_table(answers: Sequence[Answer]) -> Styler:
    """One row a target and the way it was asked, one column a case: status and time; wrong answers stand out."""
    ways = {a.target: a.way for a in answers if not a.unasked}
    cells = {(a.case, a.target): _said(a) for a in answers}
    cases, targets = dict.fromkeys(a.case for a in answers), dict.fromkeys(a.target for a in answers)
    rows = [[ways.get(t, ""), *(cells.get((c, t), "") for c in cases)] for t in targets]
    frame = pd.DataFrame(rows, list(targets), ["asked", *cases])
    return (
        frame.style.map(lambda cell: f"color: {_colour(cell)}", subset=list(cases))
        .format(escape="html")
        .set_table_styles(_LEFT)
    )


def _said(answer: Answer) -> str:
    if answer.unasked:
        return f"– not sent: {answer.unasked}"
    status = answer.status if answer.status is not None else answer.error
    expected = "" if answer.status == answer.expected else f" instead of {answer.expected}"
    wrong = "".join(f"; {what}" for what in answer.wrong)
    return f"{'✗' if fault(answer) else '✓'} {status}{expected}, {answer.seconds * 1000:.0f} ms{wrong}"


def _colour(cell: str) -> str:
    return GOOD if cell.startswith("✓") else BAD if cell.startswith("✗") else CALM


def crossing_table(crossings: Sequence[Crossing]) -> Styler:
    """One row a session: made where, used where, back again, and the control with a forged one."""
    rows = [
        {"log in on": c.made_on, "go on with": c.used_on, "log-in": c.login, "with session": c.status,
         "back again": c.again, "forged session": c.forged, "not tried": c.unasked}
        for c in crossings
    ]  # fmt: skip
    names = ["log in on", "go on with", "log-in", "with session", "back again", "forged session", "not tried"]
    frame = pd.DataFrame(rows, columns=names)
    return quiet(frame.drop(columns=[] if any(c.unasked for c in crossings) else ["not tried"]))


def settings_table(rows: Sequence[Row]) -> Styler:
    """One row a difference, those that nobody explained first; equal settings are only counted, secrets never shown."""
    same = sum(row.kind == "same" for row in rows)
    found = [
        {
            "setting": row.name,
            "difference": row.kind if row.explained else f"{row.kind}!",
            "on": ", ".join(row.instances),
            "old side": _value(row.old, row.kind != "only new"),
            "new side": _value(row.new, row.kind != "only old"),
            "from": row.source,
            "reason": row.reason or "not explained",
        }
        for row in rows
        if row.kind != "same"
    ]
    columns = ["setting", "difference", "on", "old side", "new side", "from", "reason"]
    frame = pd.DataFrame(found, columns=columns)
    table = quiet(frame).set_caption(f"{same} settings are equal; {len(found)} differ")
    return table.map(lambda reason: f"color: {BAD if reason == 'not explained' else CALM}", subset=["reason"])


def _value(shown: str | None, there: bool) -> str:
    return "–" if not there else "(not shown)" if shown is None else shown
