"""Where hosts or environments differ: a heat map and a table that stay readable with three of them and with sixty."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pandas.io.formats.style import Styler

from runbook_lib.judge.drift import UNDECIDED, Drift
from runbook_lib.redact.patterns import hide
from runbook_lib.show.checks import quiet

# As the usual; differs and node or Pod see to it; differs and the image has to decide; nothing on record.
SHADES = ("#eef2f6", "#f6dfa9", "#e08a73", "#ffffff")
NAMES = ("as usual", "differs: Pod or node decides", "differs: the image must decide", "? nothing on record")
INK, FAINT = "#24292f", "#8c959f"
COLUMNS = 8


@dataclass(frozen=True)
class Column:
    """Hosts that are alike in every row shown; ``codes`` are indices of SHADES."""

    names: tuple[str, ...]
    codes: tuple[int, ...]
    texts: tuple[str, ...]


def drift_map(drifts: Sequence[Drift], limit: int = 20) -> Figure:
    """A heat map, one row an aspect, what the image has to decide first; hosts that are alike share a column.

    The first column is what is usual, and names those that have all of it.
    """
    rows = list(drifts)[:limit]
    alike = [] if not rows else columns_of(rows)
    if not rows:
        return _words("no facts to compare")
    usual = next((one for one in alike if not any(one.codes)), None)
    shown = [one for one in alike if one is not usual]
    shown = _fewer(shown) if len(shown) > COLUMNS else shown
    wide = 2.1 if len(shown) <= 4 else 1.45
    figure, axis = plt.subplots(figsize=(2.4 + 2.6 + wide * len(shown), 1.25 + 0.32 * len(rows)), layout="constrained")
    edges = [-2.6, *(wide * place for place in range(len(shown) + 1))]
    _cells(axis, rows, shown, edges)
    by = next((row.by for row in rows if row.by != UNDECIDED), UNDECIDED)
    first = f"{by}\n{label(usual.names)}" if usual else f"usual ({by})"
    heads = [first, *(label(one.names) for one in shown)]
    axis.set_xticks([(low + high) / 2 for low, high in pairwise(edges)], heads, fontsize=8.5)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(rows)), [row.aspect for row in rows], fontsize=9)
    for text, row in zip(axis.get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if row.differs and row.weight == 3 else "normal")
        text.set_color(INK if row.differs else FAINT)
    _legend(figure, axis, {code for one in shown for code in one.codes}, _rest(drifts, limit))
    plt.close(figure)
    return figure


def columns_of(rows: Sequence[Drift]) -> list[Column]:
    """Hosts by how they differ in these rows: those that differ least first, then the larger group."""
    groups: dict[tuple[tuple[int, ...], tuple[str, ...]], list[str]] = {}
    for host in rows[0].values:
        codes = tuple(_code(row, host) for row in rows)
        texts = tuple(_short(row.said(host)) if code else "" for row, code in zip(rows, codes, strict=True))
        groups.setdefault((codes, texts), []).append(host)
    found = [Column(tuple(names), codes, texts) for (codes, texts), names in groups.items()]
    return sorted(found, key=lambda one: (sum(map(bool, one.codes)), -len(one.names), one.names))


def label(names: Sequence[str]) -> str:
    """Up to three names as they are, a line each; of more the first, and how many are like it."""
    ordered = sorted(names, key=_natural)
    return "\n".join(ordered) if len(names) <= 3 else f"{ordered[0]}\nand {len(names) - 1} alike"


def _natural(name: str) -> list[tuple[int, str]]:
    """Makes vm-9 come before vm-10."""
    return [(int(text), "") if text.isdigit() else (-1, text) for text in re.split(r"(\d+)", name) if text]


def _fewer(columns: Sequence[Column]) -> list[Column]:
    """The heaviest columns, and one more for all the others: of each row how many of them differ."""
    heavy = sorted(columns, key=lambda one: (-sum(code == 2 for code in one.codes), -len(one.names), one.names))
    kept, others = heavy[: COLUMNS - 1], heavy[COLUMNS - 1 :]
    codes, texts = [], []
    for row in range(len(columns[0].codes)):
        odd = [one for one in others if one.codes[row] in (1, 2)]
        count = sum(len(one.names) for one in odd)
        codes.append(odd[0].codes[row] if odd else 0)
        texts.append(f"{count} of them" if count else "")
    names = [name for one in others for name in one.names]
    rest = Column((f"and {len(names)} more", f"in {len(others)} kinds"), tuple(codes), tuple(texts))
    return [*sorted(kept, key=lambda one: (sum(map(bool, one.codes)), one.names)), rest]


def _cells(axis: Axes, rows: Sequence[Drift], columns: Sequence[Column], edges: Sequence[float]) -> None:
    codes = [[0, *(one.codes[y] for one in columns)] for y in range(len(rows))]
    sides = [y - 0.5 for y in range(len(rows) + 1)]
    axis.pcolormesh(edges, sides, codes, cmap=ListedColormap(SHADES), vmin=0, vmax=3, edgecolors="white", linewidth=1.6)
    axis.invert_yaxis()
    width = int((edges[-1] - edges[-2]) * 14) if columns else 0
    for y, row in enumerate(rows):
        tie = f" ({UNDECIDED})" if row.by == UNDECIDED and row.differs else ""
        axis.text(-2.5, y, clipped(_short(row.usual), 34 - len(tie)) + tie, va="center", fontsize=8, color=INK)
        for x, one in enumerate(columns):
            text = "?" if one.codes[y] == 3 else clipped(one.texts[y], width)
            axis.text((edges[x + 1] + edges[x + 2]) / 2, y, text, ha="center", va="center", fontsize=8, color=INK)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)


def _legend(figure: Figure, axis: Axes, codes: set[int], rest: str) -> None:
    handles = [
        Rectangle((0, 0), 1, 1, facecolor=SHADES[code], edgecolor="#d0d7de") for code in (0, *sorted(codes - {0}))
    ]
    names = [NAMES[code] for code in (0, *sorted(codes - {0}))]
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    if rest:
        axis.set_xlabel(rest, fontsize=8, color=FAINT, loc="left")


def _rest(drifts: Sequence[Drift], limit: int) -> str:
    """What the picture leaves away."""
    left = list(drifts)[limit:]
    odd = sum(row.differs for row in left)
    words = [
        f"{odd} lighter ones that differ" if odd else "",
        f"{len(left) - odd} that agree" if len(left) > odd else "",
    ]
    return f"not shown: {' and '.join(word for word in words if word)}" if left else ""


def _words(text: str) -> Figure:
    figure, axis = plt.subplots(figsize=(6.5, 0.9), layout="constrained")
    axis.text(0.5, 0.5, text, ha="center")
    axis.set_axis_off()
    plt.close(figure)
    return figure


def _code(row: Drift, host: str) -> int:
    if row.values.get(host) is None:
        return 3
    if host not in row.odd:
        return 0
    return 2 if row.weight == 3 else 1


def _short(text: str) -> str:
    """In a picture nobody finds a secret any more: what looks like one is hidden before."""
    members = hide(text).split("\n")
    return members[0] if len(members) == 1 else f"{len(members)}: {', '.join(members)}"


def clipped(text: str, width: int) -> str:
    """As much of a text as fits."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def drift_table(drifts: Iterable[Drift], least: int = 2) -> Styler:
    """Each difference in words: what is usual, who has what instead, what that means for the move."""
    rows = [
        {
            "aspect": row.aspect,
            "usual": f"{row.usual.replace(chr(10), ', ')}" + ("" if row.by.startswith("most") else f" ({row.by})"),
            "but": _others(row),
            "what it means for the move": row.reason,
        }
        for row in drifts
        if row.differs and row.weight >= least
    ]
    return quiet(pd.DataFrame(rows, columns=["aspect", "usual", "but", "what it means for the move"])).set_properties(
        subset=["aspect"], **{"font-weight": "bold"}
    )


def environments_table(drifts: Sequence[Drift]) -> Styler | HTML:
    """The same between environments; where only one is known there is nothing to compare."""
    return drift_table(drifts) if drifts else HTML("<p>Only one environment is known.</p>")


def _others(row: Drift, most: int = 4) -> str:
    """``vm-3, vm-7 and 5 more: 1.8.0_181``, a part for each value."""
    said: dict[str, list[str]] = {}
    for name in (*row.odd, *row.unknown):
        said.setdefault(row.said(name), []).append(name)
    parts = []
    for text, names in sorted(said.items(), key=lambda item: (-len(item[1]), item[0])):
        more = f" and {len(names) - most} more" if len(names) > most else ""
        parts.append(f"{', '.join(names[:most])}{more}: {text}")
    return "; ".join(parts)
