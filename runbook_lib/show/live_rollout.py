"""A rollout drawn in place while it goes: where it stands, how its counts went, each reason with its time."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Any

from IPython.display import HTML, display

from runbook_lib.model import now
from runbook_lib.observe.workload.rollout import Progress

GOOD, BAD, CALM = "#1a7f37", "#cf222e", "#57606a"
LINES = (
    ("updated", "#9a6700", "2 3"),
    ("new and ready", GOOD, ""),
    ("ready", "#8250df", "8 2"),
    ("available", "#0969da", "6 3"),
)
WIDTH, HEIGHT, LEFT, TOP = 640, 130, 30, 10
ROWS = 14  # of the table of moments: the first, the last, and what lies between, thinned out


@dataclass(frozen=True)
class Moment:
    """The counts as they were seen first, ``seconds`` after the watch began."""

    at: datetime
    seconds: float
    progress: Progress


@dataclass(frozen=True)
class Reason:
    """What kept the rollout, and when that was seen; ``gone`` once it is said no more."""

    said: str
    first: datetime
    last: datetime
    gone: bool = False


class LiveRollout:
    """Holds what was seen; the last picture stays in the archive.

    ``tell`` (a run's ``progress``) says the same to those who look from outside.
    """

    def __init__(self, title: str, tell: Callable[[str, float | None], object] | None = None) -> None:
        self.title = title
        self.moments: list[Moment] = []
        self.reasons: dict[str, Reason] = {}
        self._tell = tell
        self._started = time.monotonic()
        self._handle: Any = display(HTML(f"<p>{escape(title)} …</p>"), display_id=True)

    def see(self, progress: Progress, why: Sequence[str]) -> None:
        """Draw one state and the reasons that hold it up."""
        at, seconds = now(), time.monotonic() - self._started
        if not self.moments or _counts(self.moments[-1].progress) != _counts(progress):
            self.moments.append(Moment(at, seconds, progress))
        for said in why:
            known = self.reasons.get(said)
            self.reasons[said] = Reason(said, known.first if known else at, at)
        for said in self.reasons.keys() - set(why):
            self.reasons[said] = replace(self.reasons[said], gone=True)
        last = Moment(at, seconds, progress)
        self._handle.update(HTML(rollout_html(self.title, self.moments, last, list(self.reasons.values()))))
        if self._tell is not None:
            message = f"{self.title}: {progress.counts}" + (f"; {why[0]}" if why else "")
            new = min(progress.updated, progress.ready) if progress.new_ready is None else progress.new_ready
            self._tell(message, min(1.0, new / max(progress.wanted, 1)))


def rollout_html(title: str, moments: Sequence[Moment], last: Moment, reasons: Sequence[Reason]) -> str:
    """The last state in words, the line of time, its numbers, and the reasons; readable without any script."""
    state = last.progress
    word, colour = _word(state)
    old = state.total - state.updated
    left = f", {old} of the old template still there" if old > 0 else ""
    picture = base64.b64encode(line_of_time(moments, last).encode()).decode()
    batches = (
        "<p>In batches a new Pod counts as available only when the last batch is done: ready tells who serves.</p>"
        if any(m.progress.batched for m in moments)
        else ""
    )
    written = f"; template written by {escape(state.author)}" if state.author else ""
    return (
        f"<p><b>{escape(title)}</b>: <b style='color:{colour}'>{word}</b>, last seen {last.at:%Y-%m-%d %H:%M:%S} UTC, "
        f"{last.seconds:.1f} s after the watch began{left}<br>revision {state.revision}{written}{_allowed(state)}</p>"
        f"<img alt='{escape(str(state))}' style='max-width:100%' src='data:image/svg+xml;base64,{picture}'>{batches}"
        f"{_numbers(moments)}{_reasons(reasons)}"
    )


def _allowed(state: Progress) -> str:
    """What the Deployment's own strategy lets happen; in batches each has fences of its own."""
    if state.fences is None or state.batched:
        return ""
    most, least = state.wanted + state.fences.surge, state.wanted - state.fences.unavailable
    return f"; its rolling update keeps at most {most} Pods and at least {least} available"


def _word(state: Progress) -> tuple[str, str]:
    if state.complete:
        return "complete", GOOD
    if state.stalled:
        return f"stalled ({escape(state.stalled)})", BAD
    if state.paused:
        return "paused", "#9a6700"
    return "not complete: it was going on", CALM


def line_of_time(moments: Sequence[Moment], last: Moment) -> str:
    """An SVG of the counts over the seconds, as steps; the wanted number is a thin line."""
    span = max(last.seconds, 0.1)
    top = max([1, *(max(m.progress.total, m.progress.wanted) for m in moments)])

    def x(seconds: float) -> float:
        return LEFT + seconds / span * (WIDTH - LEFT - 10)

    def y(count: int) -> float:
        return TOP + (1 - count / top) * HEIGHT

    def steps(name: str) -> str:
        points = [(x(m.seconds), y(_count(m.progress, name))) for m in moments]
        ends = [point[0] for point in points[1:]] + [x(last.seconds)]
        return " ".join(f"{a:.1f},{b:.1f} {end:.1f},{b:.1f}" for (a, b), end in zip(points, ends, strict=True))

    drawn = "".join(
        f"<polyline points='{steps(name)}' fill='none' stroke='{colour}' stroke-width='2' stroke-dasharray='{dash}'/>"
        f"<text x='{LEFT + 110 * n}' y='{HEIGHT + 44}' fill='{colour}'>{name} {_count(last.progress, name)}</text>"
        for n, (name, colour, dash) in enumerate(LINES)
    )
    frame = "".join(
        f"<line x1='{LEFT}' x2='{WIDTH - 10}' y1='{y(count)}' y2='{y(count)}' stroke='#d0d7de'/>"
        f"<text x='{LEFT - 5}' y='{y(count) + 4}' text-anchor='end' fill='{CALM}'>{count}</text>"
        for count in sorted({0, top, last.progress.wanted})
    )
    wanted = f"<polyline points='{steps('wanted')}' fill='none' stroke='{CALM}' stroke-width='1'/>"
    ends = (
        f"<text x='{LEFT}' y='{HEIGHT + 26}' fill='{CALM}'>0 s</text>"
        f"<text x='{WIDTH - 10}' y='{HEIGHT + 26}' text-anchor='end' fill='{CALM}'>{span:.1f} s</text>"
        f"<text x='{LEFT + 460}' y='{HEIGHT + 44}' fill='{CALM}'>wanted {last.progress.wanted}</text>"
    )
    head = f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT + 52}' font-family='sans-serif'"
    return f"{head} font-size='11'><rect width='100%' height='100%' fill='white'/>{frame}{wanted}{drawn}{ends}</svg>"


def _count(state: Progress, name: str) -> int:
    if name == "new and ready":
        return state.new_ready or 0
    return int(getattr(state, name))


def _numbers(moments: Sequence[Moment]) -> str:
    kept = list(moments)
    if len(kept) > ROWS:
        step = (len(kept) - 1) / (ROWS - 1)
        kept = [kept[round(n * step)] for n in range(ROWS)]
    heads = "".join(
        f"<th>{head}</th>" for head in ("UTC", "updated", "new and ready", "ready", "available", "old", "wanted")
    )
    rows = "".join(f"<tr><td>{m.at:%H:%M:%S}</td>{_row(m.progress)}</tr>" for m in kept)
    thinned = f"<p>{len(kept)} of {len(moments)} changes are shown.</p>" if len(kept) < len(moments) else ""
    return f"<details><summary>{len(moments)} changes</summary><table>{heads}{rows}</table>{thinned}</details>"


def _row(state: Progress) -> str:
    counts = [_count(state, name) for name, _, _ in LINES]
    cells = "".join(f"<td>{count}</td>" for count in [*counts, state.total - state.updated])
    return f"{cells}<td>{state.wanted}{', paused' if state.paused else ''}</td>"


def _reasons(reasons: Sequence[Reason]) -> str:
    if not reasons:
        return ""
    rows = "".join(
        f"<tr><td style='white-space:nowrap;vertical-align:top'>{r.first:%H:%M:%S} – {r.last:%H:%M:%S}"
        f"{' (gone)' if r.gone else ''}</td><td style='text-align:left'>{escape(r.said)}</td></tr>"
        for r in sorted(reasons, key=lambda one: one.first)
    )
    return f"<table><tr><th>seen (UTC)</th><th style='text-align:left'>what kept it</th></tr>{rows}</table>"


def _counts(state: Progress) -> tuple[int | bool | None, ...]:
    counts = (state.revision, state.wanted, state.total, state.updated, state.ready, state.available)
    return *counts, state.new_ready, state.paused
