"""The page for the morning after says what the records say: cause, effect on users, who did what, what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from throwaway import write_record

from runbook_lib.pages import views
from runbook_lib.record.archive import read_attempt
from runbook_lib.record.incident import incident_of, told
from runbook_lib.record.journal import Journal

GUARD = "20261121t020000z-rollback"


def attempt(
    records: Path, run: str, *events: tuple[str, dict[str, Any]], outcome: str = "passed", **facts: Any
) -> Path:
    folder = records / "shop" / run / "attempt-1"
    folder.mkdir(parents=True)
    book = Journal(folder)
    for kind, data in (("started", {"by": "guard", "who": {"name": "olga"}}), *events):
        book.write(kind, **data)
    book.close()
    write_record(folder, outcome, **facts)
    return folder


def observed(folder: Path, *counts: tuple[int, int]) -> None:
    """So many requests of the new side, and so many of them failed, tick by tick; the old side has ten a tick."""
    lines = [
        {"at": f"2026-11-21T02:00:0{n}.000Z", "errors": {
            "seconds": 1, "legacy_requests": 10, "legacy_bad": 0, "kubernetes_requests": whole, "kubernetes_bad": bad}}
        for n, (whole, bad) in enumerate(counts)
    ]  # fmt: skip
    (folder / "observations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "{torn")


BACK = (
    ("detected", {"cause": "the guard saw errors: 9 % <b>", "weight": 30}),
    ("intent", {"act": "1.0", "what": "users: 30 % -> 0 %", "before": 30, "after": 0}),
    ("result", {"act": "1.0", "what": "users: 30 % -> 0 %", "change": {"what": "users", "done": True, "note": ""}}),
    ("verified", {"name": "traffic split", "outcome": "PASS", "message": "0 requests on the new side"}),
)


def test_what_a_guard_did_alone_is_told_with_the_requests_that_failed(tmp_path: Path) -> None:
    moved = {"what": "traffic weight", "before": 30, "after": 0, "done": True, "at": "2026-11-21T02:00:01.000Z"}
    folder = attempt(tmp_path, GUARD, *BACK, phase="rollback", weight=None, mode="rollback", changes=[moved])
    observed(folder, (10, 0), (10, 4))
    views.filed(folder)
    page = (folder.parent / "incident.html").read_text()
    assert "the guard saw errors: 9 % &lt;b&gt;" in page
    assert "4 of 20 requests on the new side failed" in page and "10.00% of all requests of all users" in page
    assert all(word in page for word in ("detected", "decided", "acted", "drained", "guard of olga"))
    assert "traffic weight 30 % → 0 %" in page
    assert "incident.html" in (folder.parent / "index.html").read_text()
    assert '"incident":true' in (tmp_path / "index.js").read_text()
    assert views.differing_views(tmp_path) == []
    (folder.parent / "incident.html").write_text(page.replace("4 of 20", "0 of 20"))
    assert views.differing_views(tmp_path) == [f"shop/{GUARD}/incident.html"]


def test_where_nobody_counted_it_is_not_said_that_nobody_was_hurt(tmp_path: Path) -> None:
    folder = attempt(tmp_path, GUARD, *BACK[:1], phase="rollback", weight=None, mode="rollback", outcome="failed")
    views.filed(folder)
    page = (folder.parent / "incident.html").read_text()
    assert "how many failed is not on record" in page and "not confirmed" in page
    assert "it goes on where it broke off" in page


@pytest.mark.parametrize(
    "facts",
    [
        {"phase": "rollback", "weight": None, "mode": "drill"},
        {"phase": "rollback", "weight": None, "mode": "rollback", "dry_run": True},
        {"phase": "gray_stage", "weight": 5, "mode": None},
    ],
)
def test_a_drill_a_dry_run_and_a_stage_that_passed_have_none_and_one_that_lies_there_is_noticed(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    folder = attempt(tmp_path, GUARD, *BACK, **facts)
    views.filed(folder)
    assert not (folder.parent / "incident.html").exists()
    (folder.parent / "incident.html").write_text("all was well")
    assert views.differing_views(tmp_path) == [f"shop/{GUARD}/incident.html"]


def test_what_was_going_on_before_comes_from_the_evidence_of_the_rollback_itself(tmp_path: Path) -> None:
    stage = attempt(tmp_path, "20261121t010000z-gray_stage-30", *BACK, outcome="rolled_back")
    observed(stage, (10, 5))
    asked = (
        ("detected", {"cause": "asked for by a person", "weight": 0}),
        ("restored", {"level": "workload", "message": "v1"}),
    )
    folder = attempt(tmp_path, GUARD, *asked, phase="rollback", weight=None, mode="rollback")
    before = told([stage])
    (folder / "evidence").mkdir()
    facts = {"place": "20261121t010000z-gray_stage-30/attempt-1", "cause": before.cause, "steps": [], "effect": None}
    facts["effect"] = {"requests": 10, "failed": 5, "old_requests": 10, "old_failed": 0, "first": ""}
    (folder / "evidence" / "what-was-going-on.json").write_text(json.dumps(facts))
    found = incident_of([read_attempt(folder)])
    assert found is not None and found.effect is not None
    assert found.cause == "the guard saw errors: 9 % <b> (asked for by a person)"
    assert (found.effect.failed, found.effect.share, found.source) == (5, 0.25, facts["place"])
    assert found.at("restored")
    views.filed(folder)
    assert "../20261121t010000z-gray_stage-30/index.html#attempt-1" in (folder.parent / "incident.html").read_text()


@pytest.mark.parametrize("spoilt", ["[]", "{", '{"steps": [1], "effect": 7, "cause": {}, "place": 3}', '{"steps": 9}'])
def test_spoilt_evidence_makes_a_poorer_page_and_never_none(tmp_path: Path, spoilt: str) -> None:
    folder = attempt(tmp_path, GUARD, *BACK, phase="rollback", weight=None, mode="rollback")
    (folder / "evidence").mkdir()
    for name in ("what-was-going-on", "rollback-plan"):
        (folder / "evidence" / f"{name}.json").write_text(spoilt)
    views.filed(folder)
    assert "the guard saw errors" in (folder.parent / "incident.html").read_text()
