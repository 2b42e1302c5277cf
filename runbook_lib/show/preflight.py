"""The preflight on the screen: what we may do, and every criterion by what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from pandas.io.formats.style import Styler

from runbook_lib.model import Verdict
from runbook_lib.observe.rbac import Permission
from runbook_lib.show.checks import quiet
from runbook_lib.show.verdicts import COLOURS

BAD = COLOURS["FAIL"]


def permission_table(answers: Sequence[Permission]) -> Styler:
    """One row a resource: what for, the verbs we may use, those that are missing, those that would be useful."""
    rows: dict[str, dict[str, str]] = {}
    for one in answers:
        name = f"{one.resource}.{one.group}" if one.group else one.resource
        place = one.namespace if one.namespaced else "all namespaces"
        row = rows.setdefault(f"{name} in {place}", {"resource": name, "in": place, "what for": ""})
        key = "allowed" if one.allowed else "useful" if one.optional else "missing"
        row[key] = _added(row.get(key, ""), one.verb, " ")
        row["what for"] = _added(row["what for"], one.purpose, "; ")
    columns = ["resource", "in", "allowed", "missing", "useful", "what for"]
    frame = pd.DataFrame(rows.values(), columns=columns).fillna("")
    return quiet(frame).map(lambda _: f"color: {BAD}; font-weight: bold", subset=["missing"])


def _added(text: str, word: str, between: str) -> str:
    return text if word in text.split(between) else f"{text}{between}{word}" if text else word


def preflight_table(groups: Mapping[str, Sequence[Verdict]]) -> Styler:
    """One row a criterion, group by group, the worst of each group first; the group is named once."""
    rows = []
    for group, verdicts in groups.items():
        ordered = sorted(verdicts, key=lambda verdict: -verdict.outcome)
        rows += [
            {"about": "" if at else group, "criterion": v.name, "outcome": v.outcome.name, "because": v.message}
            for at, v in enumerate(ordered)
        ]
    frame = pd.DataFrame(rows, columns=["about", "criterion", "outcome", "because"])
    return quiet(frame).map(lambda outcome: f"color: {COLOURS[outcome]}; font-weight: bold", subset=["outcome"])
