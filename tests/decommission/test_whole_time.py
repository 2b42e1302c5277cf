"""Silent lately and silent all the time are two readings of one counter: they ask the same question."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from runbook_lib.decommission import look_lately
from runbook_lib.model import Outcome
from runbook_lib.parameters import Parameters, check, load
from tests.observe.test_silence import DAY, MINUTE, REPOSITORY, ZERO, Remembering

AT = ZERO + 28 * DAY


@pytest.fixture
def p() -> Parameters:
    values = load(REPOSITORY / "parameters" / "demo.yaml").model_dump(mode="json")
    values["retention"] |= {"quiet": "7d", "unseen": "1h"}
    values["legacy"]["silence"]["without"] = 'path!~"/healthz"'
    return check(values, "the parameters")


def test_health_checks_are_left_out_and_a_machine_is_known_by_its_address(p: Parameters) -> None:
    prometheus = Remembering(lambda name, at: 500.0, names=tuple(f"127.77.1.{n}:8080" for n in (1, 2, 3)))
    clients: Any = SimpleNamespace(prometheus=prometheus)
    lately = look_lately(p, clients, [], AT, p.legacy.instances)
    assert 'path!~"/healthz"' in lately.query
    assert {text for text, _ in prometheus.asked} == {lately.query}
    assert (lately.period.since, lately.verdict.outcome) == (AT - 7 * DAY, Outcome.PASS)
    assert lately.verdict.message == "0 requests in 7 d on 3 machines"


@pytest.mark.parametrize(
    ("risen", "known", "outcome"),
    [
        (timedelta(days=6), timedelta(days=28), Outcome.FAIL),  # also in a drill: it is left out of nothing
        (timedelta(days=8), timedelta(days=28), Outcome.PASS),
        (timedelta(days=8), timedelta(days=7) - 45 * MINUTE, Outcome.PASS),
        (timedelta(days=8), timedelta(days=6), Outcome.INCONCLUSIVE),
    ],
)
def test_any_request_of_the_last_time_counts_and_what_nobody_saw_is_unknown(
    p: Parameters, risen: timedelta, known: timedelta, outcome: Outcome
) -> None:
    names = ("vm-1", "vm-2", "vm-3")
    prometheus = Remembering(lambda name, at: None if at < AT - known else 5.0 + (at >= AT - risen), names=names)
    clients: Any = SimpleNamespace(prometheus=prometheus)
    assert look_lately(p, clients, [], AT, p.legacy.instances).verdict.outcome is outcome
