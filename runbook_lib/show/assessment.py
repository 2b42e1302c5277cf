"""Tables of the assessment: headline, profile, portability, gain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler

from runbook_lib.artefacts import home_of
from runbook_lib.judge.assessment import Assessment
from runbook_lib.judge.fleet_gain import FleetGain
from runbook_lib.judge.gain import Gain
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.profile import Known
from runbook_lib.model import Finding, Outcome
from runbook_lib.show.checks import WEIGHTS, quiet
from runbook_lib.show.verdicts import COLOURS


def headline(one: Assessment) -> HTML:
    """The result in four sentences, for a reader with one minute."""
    migration, verdicts = one.migration, one.verdicts
    worst = max(verdicts, key=lambda v: v.outcome)
    differing = [escape(row.aspect) for row in one.drifts if row.differs and row.weight == 3]
    colour = COLOURS[worst.outcome.name]
    low, high = migration.effort
    days = f"{low:.0f} to {high:.0f} working days" if high else "effort not known"
    lines = [
        f"<b style='color:{colour}'>{worst.outcome.name}</b> – <b>{migration.level}</b>, mode <b>{migration.mode}</b>, "
        f"state class <b>{migration.state}</b>, risk <b>{migration.risk.level}</b>, {days}.",
        *(f"{reason[0].upper()}{escape(reason[1:])}." for reason in migration.reasons),
        f"Risk: {escape('; '.join(migration.risk.reasons))}.",
        f"Hosts differ in {', '.join(differing)}: the image can have only one of each." if differing else "",
        *(f"{v.name[0].upper()}{v.name[1:]}: {escape(v.message)}." for v in verdicts if v.name != "migration"),
    ]
    over = ", ".join(f"{count} {escape(what)}" for what, count in one.passed_over.items())
    lines.append(f"Source: {one.files} files read" + (f"; passed over: {over}." if over else "."))
    items = "".join(f"<li>{line}</li>" for line in lines[1:] if line)
    return HTML(f"<p style='font-size:115%'>{lines[0]}</p><ul style='line-height:1.5'>{items}</ul>")


def profile_table(rows: Iterable[Known]) -> Styler:
    """Every value with its origin; a conflict stands beside it."""
    frame = pd.DataFrame(
        [{"": r.topic, "what": r.name, "value": r.value, "origin": r.origin, "but": r.conflict} for r in rows]
    )
    frame[""] = frame[""].where(frame[""] != frame[""].shift(), "")
    return (
        quiet(frame)
        .map(lambda text: f"color: {COLOURS['INCONCLUSIVE']}", subset=["but"])
        .map(lambda text: "color: #8c959f" if text == "not known" else "", subset=["value"])
        .map(lambda text: "font-weight: bold", subset=[""])
    )


def portability_table(findings: Iterable[Finding], files: int) -> HTML:
    """One block a topic: why it breaks in a Pod, what answers it, and each place with its line of code.

    ``files`` is how many of the source were read: of none it is not known whether it has any.
    """
    if not files:
        return HTML("<p>No source could be read: what binds it to a machine is not known.</p>")
    topics: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.outcome is not Outcome.PASS:
            topics.setdefault(finding.object, []).append(finding)
    left = "text-align:left;vertical-align:top;padding:6px 14px 6px 0"
    rows = "".join(
        f"<tr style='border-top:1px solid #d0d7de'><td style='{left};white-space:nowrap'>"
        f"<b style='color:{WEIGHTS[found[0].severity]}'>{found[0].severity}</b><br>{escape(topic)}</td>"
        f"<td style='{left}'>{_reasons(found)}</td><td style='{left}'>{_places(found)}</td></tr>"
        for topic, found in topics.items()
    )
    head = "".join(
        f"<th style='{left}'>{text}</th>" for text in ("", "why it breaks in a Pod, and what answers it", "where")
    )
    table = f"<table style='table-layout:auto;width:100%'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return HTML(table if rows else f"<p>Nothing found that binds the source to a machine, in {files:,} files.</p>")


def _reasons(findings: Sequence[Finding]) -> str:
    first = findings[0]
    reason, _, change = first.reason.partition(" In code: ")
    return f"{escape(reason)}<br><b>Code:</b> {escape(change)}<br><b>Manifest:</b> {escape(first.mend)}"


def _places(findings: Sequence[Finding]) -> str:
    lines = (
        f"<code title='{escape(f.file)}'>{escape(Path(f.file).name)}:{f.line}</code> "
        f"<span style='color:#57606a'>{escape(f.message.partition(': ')[2][:90])}</span>"
        for f in findings
    )
    return "<br>".join(lines)


def demand_table(demands: Iterable[Demand], decided: dict[str, str], shared_sessions: bool | None) -> Styler:
    """What the manifests will have to hold, and what the profile has decided already."""
    rows = []
    for demand in demands:
        homes = {home for path in demand.captured if (home := home_of(decided, path))}
        by = ", ".join(sorted(homes)) if demand.topic == "local-file" and homes else ""
        by = "shared session store" if demand.topic == "session" and shared_sessions else by
        rows.append(
            {
                "topic": demand.topic,
                "places": len(demand.places),
                "first": demand.places[0],
                "control": demand.control,
                "decided": by,
            }
        )
    return quiet(pd.DataFrame(rows, columns=["topic", "places", "first", "control", "decided"]))


def gain_table(gains: Iterable[Gain]) -> Styler:
    """The formula, every input with its origin, the result as a range."""
    rows = [
        {
            "gain": gain.name,
            "result": gain.result,
            "formula": gain.formula,
            "inputs": "; ".join(f"{name} = {value} ({origin})" for name, value, origin in gain.inputs),
        }
        for gain in gains
    ]
    return quiet(pd.DataFrame(rows)).map(lambda text: "font-weight: bold; white-space: nowrap", subset=["result"])


def fleet_gain_table(gains: Iterable[FleetGain]) -> Styler:
    """The sums of a fleet: what is known apart from what rests on an assumption."""
    rows = [
        {
            "gain": gain.name,
            "stated or measured": gain.known.text(gain.unit),
            "with assumptions": gain.assumed.text(gain.unit),
            "formula": gain.formula,
            "not in it": gain.left_out,
        }
        for gain in gains
    ]
    frame = pd.DataFrame(rows, columns=["gain", "stated or measured", "with assumptions", "formula", "not in it"])
    return (
        quiet(frame)
        .map(lambda _: "font-weight: bold", subset=["stated or measured"])
        .map(lambda _: f"color: {COLOURS['INCONCLUSIVE']}", subset=["with assumptions"])
    )
