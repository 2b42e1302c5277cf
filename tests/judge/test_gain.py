"""What the move brings: the formulas give the sources' figures, and every input shows where it comes from."""

from __future__ import annotations

from runbook_lib.artefacts import node_of
from runbook_lib.judge.gain import Input, Range, gains
from runbook_lib.judge.profile import figures

STATED = node_of({"operations": {"physical_hosts": [2, 4], "vms_per_host": 10}}, "p/profile.yaml", 7)


def test_gains_show_their_inputs_and_stay_ranges() -> None:
    saved = gains(figures(STATED))[0]
    assert saved.result == "3.33 - 40 hours a year"  # 2..4 hosts x 10 x 1..2 owners x 5 min x 2..6 a year
    assert ("physical hosts", "2 - 4", "profile.yaml:7") in saved.inputs
    assert any(origin.startswith("assumed") for _, _, origin in saved.inputs)


def test_the_formulas_of_the_sources_give_their_figures() -> None:
    known_figures = {
        "containers per host": Input(Range(30, 30), "source"),
        "minutes per release after": Input(Range(2.1, 2.1), "s"),
        "releases per month": Input(Range(100, 100), "s"),
    }
    by_name = {gain.name: gain.result for gain in gains(known_figures, 0.2)}
    assert by_name["density"] == "1.76 x as many on a host"  # 17 -> 30, which is +76 %
    assert by_name["delivery time saved"] == "34 hours a year"  # (3.8 - 2.1) x 1200 / 60
    assert by_name["idle today"] == "80% of the processors paid for"
