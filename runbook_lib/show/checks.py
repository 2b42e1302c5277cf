"""Findings as tables, the blocking ones first, and the patches that mend them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler
from pandas.io.formats.style_render import CSSDict

from runbook_lib.judge.overlay.choose import Chosen
from runbook_lib.judge.overlay.files import first
from runbook_lib.model import Finding, Outcome, Verdict, worst
from runbook_lib.pages.findings import WORDS, weight
from runbook_lib.redact import Redactor
from runbook_lib.show.verdicts import COLOURS

WIDTHS = {"object": "9em", "found": "12em", "why it matters": "9em"}
"""A narrow page leaves a sentence no strip of single words, and cuts no column off."""
WEIGHTS = {"blocking": COLOURS["FAIL"], "warning": COLOURS["INCONCLUSIVE"], "info": "#57606a", "waived": "#57606a"}


def quiet(frame: pd.DataFrame) -> Styler:
    """A table for reading: no index, left-aligned, top-aligned, wrapped; its texts are escaped."""
    cells = [("text-align", "left"), ("vertical-align", "top"), ("padding", "4px 12px 4px 0")]
    return (
        frame.style.hide(axis="index")
        .format(escape="html")
        .set_table_attributes('style="table-layout: auto; width: 100%"')
        .set_table_styles(
            [
                {"selector": "th", "props": [*cells, ("border-bottom", "1px solid #8c959f"), ("font-weight", "600")]},
                {"selector": "td", "props": [*cells, ("max-width", "36em"), ("overflow-wrap", "break-word")]},
            ]
        )
    )


def verdict_line(verdicts: Sequence[Verdict], not_applicable: int) -> HTML:
    """The verdict in one large line, and one small line a severity."""
    outcome = worst(verdicts)
    items = "".join(f"<li>{escape(v.message)}</li>" for v in verdicts)
    return HTML(
        f"<p style='font-size:125%'><b style='color:{COLOURS[outcome.name]}'>{outcome.name}</b> – {WORDS[outcome]}</p>"
        f"<ul style='line-height:1.5'>{items}<li>{not_applicable} checks found nothing they apply to</li></ul>"
    )


def findings_table(findings: Iterable[Finding], root: Path | None = None) -> Styler | HTML:
    """What failed or could not be answered: where, what, why.

    The check comes last: what stands in the cell behind a name such as image-secret is taken for the secret.
    """
    shown = [finding for finding in findings if finding.outcome is not Outcome.PASS]
    if not shown:
        return HTML("<p>Nothing failed, and every question was answered.</p>")
    rows = [
        {
            "": weight(f),
            "where": place(f, root),
            "object": f.object,
            "found": f"{f.message}; waived by {f.waived}" if f.waived else f.message,
            "why it matters": f.reason.partition(" https://")[0],
            "check": f.check,
        }
        for f in shown
    ]
    frame = pd.DataFrame(rows)
    return (
        quiet(frame)
        .map(lambda text: f"color: {WEIGHTS[text.rstrip('?')]}; font-weight: bold", subset=[""])
        .set_properties(subset=["check", "where"], **{"white-space": "nowrap"})
        .set_table_styles({name: [_at_least(width)] for name, width in WIDTHS.items()}, overwrite=False)
    )


def _at_least(width: str) -> CSSDict:
    return {"selector": "td", "props": [("min-width", width), ("overflow-wrap", "anywhere")]}


def place(finding: Finding, root: Path | None = None) -> str:
    """file:line, relative to the root where it lies below it, else with its folder's name."""
    path = Path(finding.file)
    if root is not None and path.is_relative_to(root):
        path = path.relative_to(root)
    elif path.is_absolute():
        path = Path(*path.parts[-2:])
    return f"{path}:{finding.line}" if finding.line else str(path) if finding.file else ""


def details(
    findings: Iterable[Finding], lines: Mapping[tuple[str, int], str] | None = None, root: Path | None = None
) -> HTML:
    """Each finding folded: the lines of the file, why it matters, and the patch where a machine can write it."""
    parts = [
        _detail(f, (lines or {}).get((f.file, f.line), ""), root) for f in findings if f.outcome is not Outcome.PASS
    ]
    return HTML("".join(parts) or "<p>Nothing to look at.</p>")


def _detail(finding: Finding, lines: str, root: Path | None) -> str:
    reason, _, link = finding.reason.partition(" https://")
    more = f" <a href='https://{escape(link)}'>documentation</a>" if link else ""
    waived = f"<p>Waived by {escape(finding.waived)}</p>" if finding.waived else ""
    patch = "Patch, tried on a copy" if "\n" in finding.mend else "What mends it"
    return (
        "<details style='margin:.4em 0'><summary><b "
        f"style='color:{WEIGHTS[weight(finding).rstrip('?')]}'>{weight(finding)}</b> "
        f"{escape(finding.check)} – {escape(finding.object)}: {escape(finding.message)} "
        f"<code style='white-space:nowrap'>{escape(place(finding, root))}</code></summary>"
        f"{_block(Redactor().text(lines))}<p>{escape(reason)}{more}</p>{waived}"
        f"{f'<p>{patch}:</p>' + _block(finding.mend) if finding.mend else ''}</details>"
    )


def _block(text: str) -> str:
    style = "background:#f6f8fa;color:#1f2328;padding:.6em;overflow-x:auto"  # both: a dark page has light letters
    return f"<pre style='{style}'>{escape(text)}</pre>" if text else ""


def overlay_summary(chosen: Chosen, built: str) -> HTML:
    """What all mends together make of it, and what is left for people; ``built`` says what the real tool made of it."""
    left = "".join(
        f"<li><b style='color:{WEIGHTS[severity]}'>{severity}</b> {escape(check)} – {escape(about)}</li>"
        for severity, check, about in dict.fromkeys(chosen.left)
    )
    rest = f"<p>Left for people:</p><ul>{left}</ul>" if left else "<p>Nothing in the manifests is left that fails.</p>"
    objects = len({mend.about.partition(", ")[0] for mend in chosen.mends})
    head = (
        f"{len(chosen.mends)} mends at {objects} objects fit together; {chosen.blocking} blocking findings of the "
        "manifests stay failed"
    )
    made = "".join(
        f"<p>Somebody has to make {escape(one.said)} first: <code>{escape(one.command)}</code></p>"
        for one in first(chosen)
    )
    return HTML(f"<p><b>{escape(head)}</b>. {escape(built)}</p>{made}{rest}")


def coverage_table(findings: Iterable[Finding]) -> Styler:
    """How often each check passed, failed or had no answer: what was looked at at all."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for finding in findings:
        counts.setdefault((finding.check, finding.title), Counter())[finding.outcome.name] += 1
    rows = [
        {"check": check, "asks": title, "passed": c["PASS"], "failed": c["FAIL"], "no answer": c["INCONCLUSIVE"]}
        for (check, title), c in counts.items()
    ]
    frame = pd.DataFrame(rows, columns=["check", "asks", "passed", "failed", "no answer"])
    return quiet(frame.sort_values(["failed", "no answer", "check"], ascending=[False, False, True]))
