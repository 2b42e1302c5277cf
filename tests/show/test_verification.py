"""Smoke answers, sessions, settings and load, as they are shown."""

from __future__ import annotations

from runbook_lib.judge.autoscaling import Proposal, Standing
from runbook_lib.judge.equality import Row
from runbook_lib.judge.knee import Knee, Step
from runbook_lib.observe.sessions import Crossing
from runbook_lib.observe.smoke import Answer
from runbook_lib.show.load import autoscaler_table, autoscaler_text, load_figure, step_table
from runbook_lib.show.verification import crossing_table, settings_table, smoke_table

GOOD = Answer("web-a", "orders", 200, 200, True, 0.012, 1.0)
BAD = Answer("web-b", "orders", 200, 500, True, 0.012, 1.0, way="API server", wrong=("<b> is not 1",))
UNSENT = Answer("web-b", "an order", 201, None, False, 0.0, 1.0, unasked="it writes")
HELD = Step(100, 10, 1000, 0, 0, 0, 100, 0.01, 0.02)
GAVE = Step(150, 10, 1500, 0, 400, 0, 120, 0.2, None)


def test_the_way_stands_beside_each_target_and_nothing_found_is_markup() -> None:
    shown = smoke_table([GOOD, BAD, UNSENT]).to_html()
    assert "✓ 200, 12 ms" in shown
    assert "✗ 500 instead of 200, 12 ms; &lt;b&gt; is not 1" in shown
    assert "– not sent: it writes" in shown
    assert "API server" in shown


def test_a_session_that_was_not_tried_says_so_and_else_there_is_no_such_column() -> None:
    crossing = Crossing("vm-1", "web-a", 200, 200, 401, 200)
    assert "not tried" not in crossing_table([crossing]).to_html()
    assert "no way" in crossing_table([Crossing("vm-1", "web-a", None, None, None, unasked="no way")]).to_html()


def test_equal_settings_are_counted_and_a_secret_is_not_shown() -> None:
    rows = [
        Row("POOL", "different", ("vm-2",), "50", "20", "ConfigMap/web"),
        Row("KEY", "different", ("vm-1",), None, None, "Secret/web", "meant"),
        Row("OLD", "only old", ("vm-1",), None, None, "", "gone"),
        Row("TZ", "same", ("vm-1",), "UTC", "UTC"),
    ]
    shown = settings_table(rows).to_html()
    assert "1 settings are equal; 3 differ" in shown
    assert "not explained" in shown
    assert shown.count("(not shown)") == 3
    assert "TZ" not in shown


def test_the_steps_and_the_figure_say_where_the_pod_gave_way() -> None:
    shown = step_table([HELD, GAVE], 0.01).to_html()
    assert "gave way: 400 of 1500 slow" in shown
    assert "no answer" in shown
    figure = load_figure([HELD, GAVE], Knee(100, 150, "400 of 1500 slow"), 0.5)
    assert "100 to 150 requests/s" in figure.get_suptitle()
    assert len(load_figure([GAVE], Knee(None, 150, "slow"), 0.5).axes) == 2


def test_the_autoscaler_is_shown_as_it_would_be_applied() -> None:
    now = Standing(3, 0.1, "web", 3, 12, 70)
    proposal = Proposal(70.0, 80, 6, 10, "because")
    text = autoscaler_text(proposal, now, "web", "shop")
    assert "averageUtilization: 80" in text
    assert "not applied" in text
    assert "80 %" in autoscaler_table(proposal, now).to_html()
    assert autoscaler_text(None, now, "web", "shop") == ""
    assert "nothing is proposed" in autoscaler_table(None, Standing(3, None)).to_html()
