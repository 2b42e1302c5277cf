"""The table of verdicts: the worst first, and what was said as it was said."""

from __future__ import annotations

from runbook_lib.model import Outcome, Verdict
from runbook_lib.show.verdicts import verdict_table


def test_the_worst_comes_first_and_equals_keep_their_order() -> None:
    verdicts = [
        Verdict("a", Outcome.PASS, ""),
        Verdict("b", Outcome.FAIL, ""),
        Verdict("c", Outcome.INCONCLUSIVE, ""),
        Verdict("d", Outcome.FAIL, ""),
    ]
    frame = verdict_table(verdicts).data  # type: ignore[attr-defined]
    assert list(frame["criterion"]) == ["b", "d", "c", "a"]


def test_a_sentence_with_signs_of_html_is_shown_and_not_run() -> None:
    html = verdict_table([Verdict("errors", Outcome.FAIL, "4 % <b> 1 % & <script>")]).to_html()
    assert "4 % &lt;b&gt; 1 % &amp; &lt;script&gt;" in html
    assert "<script>" not in html
    assert "FAIL" in html


def test_no_verdict_is_an_empty_table() -> None:
    assert "criterion" in verdict_table([]).to_html()
