"""The page of a run tells a stranger who did what, when, allowed by whom, and how it ended."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import GateRejected
from runbook_lib.gate import answer_gate
from runbook_lib.model import Change, Outcome, Verdict, now
from runbook_lib.pages import index, page, views
from runbook_lib.parameters import Parameters
from runbook_lib.record import filing, statement
from runbook_lib.record.archive import Attempt
from runbook_lib.record.attempt import Run
from tests.gate.conftest import ask, begin, folder, hands, parameters, pending, run, signers

__all__ = ["folder", "hands", "parameters", "run", "signers"]  # a run that asks real people with real keys


class Reader(HTMLParser):
    """What a browser makes of a page: its text, its links, whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open_tags: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.text = ""
        self.feed(text)
        assert self.open_tags == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.add(tag)
        self.links += [str(known["href"])] if "href" in known else []
        self.ids |= {str(known["id"])} if "id" in known else set()
        assert not any(name.startswith("on") for name in known)
        if tag not in {"meta", "br"}:
            self.open_tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open_tags or self.open_tags[-1] != "style":
            self.text += f"{data.strip()} " if data.strip() else ""

    def handle_charref(self, name: str) -> None:
        raise AssertionError("convert_charrefs")


def read(text: str | None) -> Reader:
    assert text is not None
    return Reader(text)


def file(run: Run, error: str | None, message: str) -> Reader:
    """End an attempt as the runner does, and read the page of its run."""
    run.event("ended", error=error, message=message)
    run.close()
    filing.file(run.attempt, statement.ending_of(statement.journal.read(run.attempt)), "04_gray_stage.ipynb")
    views.filed(run.attempt)
    return read((run.attempt.parent / "index.html").read_text())


@pytest.fixture
def told(run: Run, parameters: Parameters, folder: Path) -> tuple[Reader, Run]:
    """Asked in one attempt; approved, shifted, judged and passed in the next."""
    gate_id = pending(run)
    file(run, "GatePending", "May 1 % go? waits")
    answer_gate(folder, gate_id, "approved", "the trough begins", "anna")
    again = begin(parameters, again=run)
    ask(again)
    again.asked('up{job="shop"}')
    again.change("users: 0 % -> 1 %", lambda: Change("traffic weight", 0, 1, True, now()))
    same, state = {"address": "10.0.0.1"}, Change("machine", {}, {}, True, now())
    again.change("stop", lambda: Change(state.what, {**same, "up": True}, {**same, "up": False}, True, now()))
    with pytest.raises(ValueError, match="no such host"):
        again.change("tell", lambda: (_ for _ in ()).throw(ValueError("no such host")))
    again.event(
        "recovered", attempt="x", act="1.1", what="users", finding="done", said="nginx stands at 1 %: it was done"
    )
    again.event("intent", act="2.9", what="retire vm-3")
    again.evidence("counts", {"requests": 37})
    again.verdict(Verdict("errors", Outcome.PASS, "error rate 0.1 % (1/902) < limit 1.0 %", {"bad": 1, "all": 902.0}))
    again.event("finished", message="1 of 1 criteria passed")
    return file(again, None, ""), again


def test_it_tells_who_what_when_and_how_it_ended(told: tuple[Reader, Run]) -> None:
    said = told[0].text
    for part in (
        "gray stage 1 % passed",
        "“passed” means: every criterion was met",
        "Attempt 1 gate pending",
        "exit code 75: A person is asked; run again after the answer.",
        "Asked: May 1 % go?",
        "anna approved: “the trough begins”",
        "traffic weight 0 → 1",
        "nginx stands at 1 %: it was done",
        "attempt 2: an approval is good for once",
        "machine up: true → up: false",
        "error rate 0.1 % (1/902) < limit 1.0 % bad 1 · all 902",
        'up{job="shop"}',
        "Begun, and not known whether it was done: retire vm-3",
        "Could not be done: tell. ValueError: no such host",
        "on yes 1 % of the users go",
        "runbook verify",
    ):
        assert part in said


def test_it_names_the_keys_of_whoever_signed(told: tuple[Reader, Run], signers: Path) -> None:
    from runbook_lib.trust.keys import fingerprint

    said = told[0].text
    key = {name: fingerprint((signers.parent / f"{name}.pub").read_text()) for name in ("olga", "anna")}
    assert f"olga signed with key {key['olga']}" in said
    assert f"as approver the trough begins signed with key {key['anna']}" in said


def test_its_links_lead_to_what_is_there(told: tuple[Reader, Run]) -> None:
    reader, run = told
    assert {"attempt-2/evidence/counts.json", "attempt-2/record.json", "attempt-2/record.json.sig"} <= {*reader.links}
    for link in reader.links:
        path, _, anchor = link.partition("#")
        if path:
            assert (run.attempt.parent / unquote(path)).exists(), link
        elif anchor:
            assert unquote(anchor) in reader.ids


def test_a_no_is_told_with_its_reason(run: Run, parameters: Parameters, folder: Path) -> None:
    gate_id = pending(run)
    said = file(run, "GatePending", "waits").text
    assert "no answer" in said
    answer_gate(folder, gate_id, "rejected", "not in the peak", "ben")
    assert views.differing_views(folder.parent.parent) == []  # an answer belongs to the attempt that finds it
    again = begin(parameters, again=run)
    with pytest.raises(GateRejected):
        ask(again)
    said = file(again, "GateRejected", "ben said no").text
    assert "ben said no: “not in the peak”" in said
    assert "Not used by a filed attempt of this run." in said


def test_the_record_before_it_is_a_link(told: tuple[Reader, Run], parameters: Parameters) -> None:
    after = begin(parameters)
    after.event("finished", message="well")
    reader = file(after, None, "")
    assert f"../{told[1].run_id}/index.html#attempt-2" in reader.links


def write(folder: Path, statement: Any) -> str:
    """The page of a run whose only record is this one."""
    attempt = folder / "shop" / "a" / "attempt-1"
    attempt.mkdir(parents=True, exist_ok=True)
    (attempt / "record.json").write_text(json.dumps(statement))
    views.write(folder)
    return (attempt.parent / "index.html").read_text()


NEEDED = {
    "outcome": "failed",
    "phase": "gray_stage",
    "started": "2026-11-20T12:00:00Z",
    "ended": "2026-11-20T12:00:10Z",
}


def test_what_a_record_says_is_text_and_never_markup(tmp_path: Path) -> None:
    hostile = "</style></title><script>alert(1)</script><img src=x onerror='alert(1)'>\"&"
    values = dict.fromkeys(("message", "error", "next_notebook", "mode"), hostile)
    lists = {"verdicts": [{"name": hostile, "outcome": hostile, "message": hostile, "numbers": {hostile: hostile}}]}
    lists |= {"changes": [{"what": hostile, "before": hostile, "after": hostile, "done": True, "note": hostile}]}
    lists |= {"cells": [{"id": hostile, "status": "failed", "exception": hostile}], "open_intents": [{"what": hostile}]}
    gates = [{"event": "gate_opened", "gate": hostile}, {"event": "gate_opened", "gate": f"../{hostile}"}]
    subject = [{"name": f"evidence/{hostile}"}, {"name": f"gates/{hostile}.json"}]
    predicate = {**NEEDED, **values, **lists, "gates": gates, "questions": [hostile], "who": {"name": hostile}}
    text = write(tmp_path, {"subject": subject, "predicate": predicate})
    reader = Reader(text)
    assert not reader.tags & {"script", "img"}
    assert not [link for link in reader.links if ":" in link or link.startswith("/")]
    assert hostile in reader.text


def test_it_allows_itself_nothing_but_its_own_style(tmp_path: Path) -> None:
    text = write(tmp_path, {"predicate": NEEDED})
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'" in text
    assert "style=" not in text and "<script" not in text and "http" not in text.replace("http-equiv", "")


def test_the_list_allows_itself_nothing_but_its_own_scripts_and_the_list(tmp_path: Path) -> None:
    text = views.write(tmp_path).read_text()
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', text)
    scripts = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert len(digests) == 2
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert "default-src 'none'; style-src 'sha256-" in policy
    assert f"script-src {allowed} 'nonce-list'; base-uri 'none'" in policy
    assert text.count("nonce=") == 1 and '<script src="index.js" nonce="list"></script>' in text
    assert "innerHTML" not in text and "http" not in text.replace("http-equiv", "")


KEYS = ("message", "mode", "weight", "error", "exit_code", "seconds", "who", "filed_by", "previous", "code", "versions")
KEYS += ("cluster", "changes", "failed_changes", "open_intents", "verdicts", "gates", "questions", "cells", "dry_run")
INNER = st.sampled_from(["name", "what", "before", "after", "done", "at", "gate", "event", "status", "run", "numbers"])
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.text("<&\"'>\ud800/.\0", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNER | st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


WORDS = dict.fromkeys(("application", "run", "started", "ended", "phase", "mode", "outcome", "message", "who"), str)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=st.dictionaries(st.sampled_from([*KEYS, *NEEDED]), ANY, max_size=8), subject=ANY)
def test_any_record_has_a_page_and_a_line(tmp_path: Path, facts: dict[str, Any], subject: Any) -> None:
    statement = json.loads(json.dumps({"subject": subject, "predicate": {**NEEDED, **facts}}))
    known = Attempt(tmp_path / "shop" / "a" / "attempt-1", statement)
    reader = read(page.render(known.folder.parent, [known]))
    assert not reader.tags & {"script", "img"}
    entry = index.entry(known)
    assert json.loads(json.dumps(entry)) == entry
    assert [kind for key, kind in WORDS.items() if not isinstance(entry[key], kind)] == []


@pytest.mark.parametrize(
    "content", ["", "[" * 100_000, "[]", "{}", '{"predicate": []}', '{"predicate": {"outcome": "passed"}}']
)
def test_a_record_that_cannot_be_read_has_a_page_that_says_so(tmp_path: Path, content: str) -> None:
    attempt = tmp_path / "shop" / "a" / "attempt-1"
    attempt.mkdir(parents=True)
    (attempt / "record.json").write_text(content)
    views.filed(attempt)
    assert "unreadable" in Reader((attempt.parent / "index.html").read_text()).text


def test_a_run_without_a_filed_attempt_has_no_page(tmp_path: Path) -> None:
    assert page.render(tmp_path, []) is None
