"""What hangs on fixed addresses, by the way that Pods go instead: many places, few things to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from IPython.display import HTML

from runbook_lib.judge.grants import Grant

KINDS = {
    "grant": "lets machines in by their address",
    "firewall": "a rule of the network",
    "unknown": "nobody says how it lets callers in",
    "source": "an address that only the source knows",
}
SHOWN = 12
"""So many places stand under one way; the rest is counted."""


def grant_table(grants: Iterable[Grant]) -> HTML:
    """One block for each way that Pods go instead, with the others that would do, and all that hangs on it."""
    ways: dict[tuple[str, str, tuple[str, ...]], list[Grant]] = {}
    for one in sorted(grants, key=lambda one: list(KINDS).index(one.kind)):
        ways.setdefault((one.kind, one.instead, one.otherwise), []).append(one)
    left = "text-align:left;vertical-align:top;padding:6px 14px 6px 0"
    rows = "".join(
        f"<tr style='border-top:1px solid #d0d7de'><td style='{left};width:44%'>{_places(kind, found)}</td>"
        f"<td style='{left}'>{_ways(instead, otherwise)}</td></tr>"
        for (kind, instead, otherwise), found in ways.items()
    )
    head = "".join(f"<th style='{left}'>{text}</th>" for text in ("what hangs on an address", "what Pods need instead"))
    table = f"<table style='table-layout:auto;width:100%'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return HTML(table if rows else "<p>Nothing is known that hangs on a fixed address.</p>")


def _places(kind: str, found: Sequence[Grant]) -> str:
    lines = [f"<b>{KINDS[kind]}</b>"]
    for one in found[:SHOWN]:
        name = "" if one.dependency in (one.address, "not stated") else f"{escape(one.dependency)} at "
        held = [place for place in one.source if place != one.origin]
        places = ", ".join((one.origin, *held[:2])) + (f" and {len(held) - 2} more" if len(held) > 2 else "")
        lines.append(f"{name}<code>{escape(one.address)}</code> <span style='color:#57606a'>{escape(places)}</span>")
    lines += [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "<br>".join(lines)


def _ways(instead: str, otherwise: Sequence[str]) -> str:
    text = escape(f"{instead[0].upper()}{instead[1:]}.")
    others = "".join(f"<li>{escape(way)}</li>" for way in otherwise)
    return f"{text}<div style='color:#57606a'>Or:<ul style='margin:0'>{others}</ul></div>" if others else text
