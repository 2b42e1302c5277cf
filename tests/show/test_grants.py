"""What hangs on addresses is shown by what has to be done about it."""

from __future__ import annotations

from runbook_lib.judge.grants import Grant
from runbook_lib.show.grants import SHOWN, grant_table


def shown(*grants: Grant) -> str:
    return str(grant_table(grants).data)


def test_what_needs_the_same_is_one_block_with_all_its_places() -> None:
    html = shown(*(Grant("not stated", f"10.0.0.{n}", f"a.go:{n}", "a name", "source") for n in range(SHOWN + 3)))
    assert html.count("<tr") == 2 and html.count("A name.") == 1
    assert "10.0.0.11" in html and "10.0.0.12" not in html and "and 3 more" in html


def test_grants_come_before_what_has_to_be_asked_and_other_ways_are_named() -> None:
    html = shown(
        Grant("x", "10.0.0.2", "p:2", "ask", "unknown"),
        Grant("db", "10.0.0.1", "p:1", "a password", "grant", ("or so",)),
    )
    assert html.index("A password.") < html.index("Ask.") and "<li>or so</li>" in html


def test_the_places_of_the_source_stand_beside_the_profile() -> None:
    html = shown(Grant("db", "10.0.0.1", "profile.yaml:3", "a password", source=("a:1", "b:2", "c:3")))
    assert "profile.yaml:3, a:1, b:2 and 1 more" in html


def test_names_are_text_and_nothing_is_one_sentence() -> None:
    assert "<i>" not in shown(Grant("<i>", "<i>", "<i>", "<i>", otherwise=("<i>",)))
    assert "Nothing is known" in shown()
