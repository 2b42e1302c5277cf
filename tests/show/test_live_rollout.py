"""The picture of a rollout says how it ended, how its counts went, and each reason with its time."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from runbook_lib.judge.batches import Fences
from runbook_lib.observe.workload.rollout import Progress
from runbook_lib.show import live_rollout
from runbook_lib.show.live_rollout import LiveRollout, Moment, Reason, rollout_html

BEGIN = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
GOING = Progress(
    "web", 2, 3, 4, 1, 3, 3, True, False, "", "7", author="runbook at 2026-11-21T02:00:00Z", fences=Fences(1, 0)
)
DONE = replace(GOING, total=3, updated=3, new_ready=3)


def moments(*states: Progress) -> list[Moment]:
    return [Moment(BEGIN + timedelta(seconds=n), float(n), state) for n, state in enumerate(states)]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (DONE, "complete"),
        (GOING, "not complete: it was going on"),
        (replace(GOING, paused=True), "paused"),
        (replace(GOING, stalled="has timed out"), "stalled (has timed out)"),
    ],
)
def test_the_last_state_is_named_with_its_time(state: Progress, word: str) -> None:
    seen = moments(GOING, state)
    html = rollout_html("Deployment/web", seen, seen[-1], [])
    assert f">{word}</b>, last seen 2026-11-21 02:00:01 UTC" in html
    assert "template written by runbook at 2026-11-21T02:00:00Z; its rolling update keeps at most 4 Pods" in html


def test_the_line_of_time_is_a_picture_that_needs_no_script() -> None:
    seen = moments(replace(GOING, updated=0, total=3), GOING, DONE)
    html = rollout_html("Deployment/web", seen, seen[-1], [])
    encoded = re.search(r"base64,([^']+)'", html)
    assert encoded is not None
    picture = ElementTree.fromstring(base64.b64decode(encoded[1]))
    lines = [line for line in picture.iter() if line.tag.endswith("polyline")]
    assert len(lines) == 5, "wanted, updated, new and ready, ready, available"
    assert "<script" not in html
    assert "<td>02:00:02</td><td>3</td><td>3</td><td>3</td><td>3</td><td>0</td><td>3</td>" in html


def test_each_reason_stands_with_the_time_at_which_it_was_seen_and_is_escaped() -> None:
    seen = moments(GOING)
    reasons = [Reason("Pod/web-1: <b>no room</b>", BEGIN, BEGIN + timedelta(seconds=9), gone=True)]
    html = rollout_html("Deployment/web", seen, seen[-1], reasons)
    assert "02:00:00 – 02:00:09 (gone)" in html
    assert "&lt;b&gt;no room" in html


def test_a_long_rollout_shows_its_first_and_last_change_and_says_what_it_leaves_out() -> None:
    seen = moments(*(replace(GOING, ready=n % 3) for n in range(100)))
    html = rollout_html("Deployment/web", seen, seen[-1], [])
    assert "14 of 100 changes are shown" in html
    assert "02:00:00</td>" in html
    assert "02:01:39</td>" in html


def test_what_is_seen_is_drawn_and_told_and_a_reason_that_is_over_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    told: list[str] = []

    class Handle:
        def update(self, html: object) -> None:
            drawn.append(str(html.data))  # type: ignore[attr-defined]

    monkeypatch.setattr(live_rollout, "display", lambda *_, **__: Handle())
    live = LiveRollout("Deployment/web", lambda message, fraction: told.append(message))
    for _ in range(2):
        live.see(replace(GOING, new_ready=0), ["Pod/web-1: no room"])
    live.see(DONE, [])
    assert len(live.moments) == 2
    assert live.reasons["Pod/web-1: no room"].gone
    assert "complete" in drawn[-1]
    going = "Deployment/web: 0 of 3 new Pods ready (1 made), 3 old still serve; Pod/web-1: no room"
    assert told == [going, going, "Deployment/web: all 3 Pods new, ready and available"]
