"""What applying would change, for an operator's eyes: what needs a decision first, long texts as line differences."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import yaml
from IPython.display import HTML

from runbook_lib.model import plain
from runbook_lib.observe.release.bundle import Release
from runbook_lib.observe.release.difference import Difference, FieldChange
from runbook_lib.show.verdicts import COLOURS

GOOD, WARN, BAD = COLOURS["PASS"], COLOURS["INCONCLUSIVE"], COLOURS["FAIL"]
CONTEXT = 2  # unchanged lines around each changed one
MOST_LINES = 60  # of one text; a longer difference is folded
_CELL = "style='text-align:left;vertical-align:top;padding:4px 12px 4px 0;overflow-wrap:anywhere'"
_PRE = "style='margin:0;white-space:pre-wrap;text-align:left'"
Hide = Callable[[Any], Any]


def difference_view(differences: Sequence[Difference], release: Release, hide: Hide) -> HTML:
    """The whole difference; ``hide`` (a run's ``redacted``) takes secrets out of values by their names and looks."""
    objects = {item["kind"] + "/" + item["metadata"]["name"]: item for item in release.facts["objects"]}
    shown = [d for d in differences if d.action != "same"]
    rows = "".join(_object(d, objects.get(d.object, {}), hide) for d in shown)
    head = "".join(f"<th {_CELL}>{name}</th>" for name in ("object", "from", "what changes"))
    table = f"<table style='width:100%'><tr>{head}</tr>{rows}</table>" if rows else ""
    same = [d.object for d in differences if d.action == "same"]
    return HTML(_summary(differences) + _decisions(differences) + table + _folded("as they are", same))


def _summary(differences: Sequence[Difference]) -> str:
    count: Counter[str] = Counter(d.action for d in differences)
    words = (("create", "to create", GOOD), ("change", "to change", WARN), ("same", "as they are", "inherit"))
    parts = [f"<b style='color:{colour}'>{count[key]} {said}</b>" for key, said, colour in words]
    return f"<p>{len(differences)} objects: {', '.join(parts)}.</p>"


def _decisions(differences: Iterable[Difference]) -> str:
    """Fields that are not ours: those that stop the deploy, those that are taken, those that are left."""
    kinds = (
        ("conflicts", BAD, "owned by somebody else, nobody decided: the deploy stops here"),
        ("taken", WARN, "taken over"),
        ("left", "inherit", "left to their owners"),
    )
    found = list(differences)
    said = ""
    for key, colour, title in kinds:
        items = "".join(f"<li>{escape(d.object)} {escape(one)}</li>" for d in found for one in getattr(d, key))
        said += f"<p style='margin-bottom:0'><b style='color:{colour}'>{title}</b></p><ul>{items}</ul>" if items else ""
    return said


def _object(d: Difference, item: Mapping[str, Any], hide: Hide) -> str:
    colour = GOOD if d.action == "create" else WARN
    name = f"<b style='color:{colour}'>{d.action}</b> {escape(d.object)}"
    return f"<tr>{''.join(f'<td {_CELL}>{cell}</td>' for cell in (name, escape(d.file), _changes(d, item, hide)))}</tr>"


def _changes(d: Difference, item: Mapping[str, Any], hide: Hide) -> str:
    if d.action == "change":
        return "".join(_field(field, hide) for field in d.fields)
    whole = yaml.safe_dump(hide(plain(dict(item))), sort_keys=False, allow_unicode=True)
    note = f"{escape(d.note)} " if d.note else ""
    return f"{note}<details><summary>the whole object</summary><pre {_PRE}>{escape(whole)}</pre></details>"


def _field(field: FieldChange, hide: Hide) -> str:
    before, after = (hide({field.path: plain(value)})[field.path] for value in (field.before, field.after))
    path = f"<code>{escape(field.path)}</code>"
    if "\n" in f"{before}{after}" and isinstance(before, str | None) and isinstance(after, str | None):
        return f"<div>{path} {_lines(before or '', after or '')}</div>"
    return f"<div>{path}: {_value(before)} → {_value(after)}</div>"


def _value(value: Any) -> str:
    if value is None:
        return "<i>not set</i>"
    if isinstance(value, str) and value.startswith("hmac:"):
        return f"<i>a value with the keyed digest …{escape(value[-8:])}</i>"
    text = value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False, allow_unicode=True).strip()
    text = text.removesuffix("...").strip()
    if len(text) <= 200 and "\n" not in text:
        return f"<code>{escape(text)}</code>"
    count = text.count("\n") + 1
    lines = f"{count} lines" if count > 1 else f"{len(text)} characters"
    return f"<details style='display:inline-block'><summary>{lines}</summary><pre {_PRE}>{escape(text)}</pre></details>"


def _lines(before: str, after: str) -> str:
    """A line difference with a little around each change; a long one is folded, and says how long."""
    found = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=CONTEXT))[2:]
    added, gone = (sum(line.startswith(sign) for line in found) for sign in "+-")
    head = f"(+{added} -{gone} of {len(before.splitlines())} lines)"
    body = "".join(_line(line) for line in found) or "only the end of the text differs"
    pre = f"<pre {_PRE}>{body}</pre>"
    return f"{head}{pre}" if len(found) <= MOST_LINES else f"<details><summary>{head}</summary>{pre}</details>"


def _line(line: str) -> str:
    colour = {"+": GOOD, "-": BAD}.get(line[:1])
    return f"<span style='color:{colour}'>{escape(line)}</span>\n" if colour else f"{escape(line)}\n"


def _folded(title: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"<details><summary>{len(names)} {title}</summary>{escape(', '.join(names))}</details>"
