"""The archive's page lists every attempt and needs nothing but a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from throwaway import write_record

from runbook_lib.record import index


def _records(folder: Path) -> Path:
    for minute, (run, outcome, message) in enumerate(
        [
            ("a", "passed", "all well"),
            ("b", "rolled_back", "error rate <b>30 %</b> & rising"),
            ("c", "gate_pending", "asks"),
        ]
    ):
        attempt = folder / "shop" / run / "attempt-1"
        attempt.mkdir(parents=True)
        write_record(attempt, outcome, minute, message=message)
    broken = folder / "shop" / "d" / "attempt-1"
    broken.mkdir(parents=True)
    (broken / "record.json").write_text("{")
    return folder


def test_the_newest_is_first_and_the_unreadable_is_listed(tmp_path: Path) -> None:
    page = index.write(_records(tmp_path)).read_text()
    outcomes = re.findall(r'data-outcome="(\w+)"', page)
    assert sorted(outcomes) == ["gate_pending", "passed", "rolled_back", "unreadable"]
    assert [o for o in outcomes if o != "unreadable"] == ["gate_pending", "rolled_back", "passed"]
    assert "record.json cannot be read" in page


def test_what_a_message_says_is_text_and_never_markup(tmp_path: Path) -> None:
    page = index.write(_records(tmp_path)).read_text()
    assert "error rate &lt;b&gt;30 %&lt;/b&gt; &amp; rising" in page


def test_it_loads_nothing_and_its_links_lead_to_files_that_are_there(tmp_path: Path) -> None:
    page = index.write(_records(tmp_path)).read_text()
    assert "http" not in page.replace("http-equiv", "")
    links = re.findall(r'href="([^"]+)"', page)
    assert links and all((tmp_path / link).exists() for link in links)


def test_the_page_is_well_formed(tmp_path: Path) -> None:
    class Balance(HTMLParser):
        open_tags: list[str]

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in {"meta", "input", "br"}:
                self.open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open_tags.pop() == tag

    parser = Balance()
    parser.open_tags = []
    parser.feed(index.write(_records(tmp_path)).read_text())
    assert parser.open_tags == []


def test_an_empty_archive_has_a_page_too(tmp_path: Path) -> None:
    assert "Migration records" in index.write(tmp_path).read_text()
