"""Whatever the knob is: what every one of them is asked in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.act.traffic import knob
from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters
from runbook_lib.parameters import load

DEMO = load(Path(__file__).parents[3] / "parameters" / "demo.yaml")


@pytest.mark.parametrize("weight", [-1, 101])
def test_a_weight_that_is_no_percentage_is_refused(weight: int) -> None:
    with pytest.raises(BadParameters, match="allowed are 0 to 100"):
        knob.shift(connect(DEMO), weight)


def test_testers_that_nobody_described_cannot_be_admitted() -> None:
    with pytest.raises(BadParameters, match=r"traffic\.testers is missing"):
        knob.admit(connect(DEMO), testers=True)
