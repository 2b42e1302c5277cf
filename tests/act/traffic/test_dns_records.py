"""What a record holds for a share: which shares addresses can make, exact weights of SRV, and the note beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runbook_lib.act.traffic.dns import records
from runbook_lib.act.traffic.dns.records import Mix, Note, attainable, nearest, read_note, write_note
from runbook_lib.errors import BadParameters
from runbook_lib.sections.traffic import Dns

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOTE = Note(30, AT, AT + timedelta(hours=10))


def knob(old: int = 3, new: int = 2, /, **changes: Any) -> Dns:
    sides = {
        "A": (lambda n: f"10.1.0.{n}", lambda n: f"10.2.0.{n}"),
        "AAAA": (lambda n: f"fd00::1:{n}", lambda n: f"fd00::2:{n}"),
        "CNAME": (lambda n: f"old-{n}.example.org", lambda n: f"new-{n}.example.org."),
        "SRV": (lambda n: f"8080 old-{n}.example.org", lambda n: f"8443 New-{n}.example.org."),
    }[changes.get("record", "A")]
    known = {
        "kind": "dns",
        "server": "127.0.0.1",
        "zone": "example.org",
        "name": "shop",
        "legacy": [sides[0](n + 1) for n in range(old)],
        "kubernetes": [sides[1](n + 1) for n in range(new)],
    }
    return Dns.model_validate(known | changes)


@pytest.mark.parametrize(
    ("legacy", "kubernetes", "percents"),
    [
        (1, 1, [0, 50, 100]),
        (2, 1, [0, 33, 50, 100]),
        (3, 3, [0, 25, 33, 40, 50, 60, 67, 75, 100]),
        (9, 1, [0, 10, 11, 13, 14, 17, 20, 25, 33, 50, 100]),
    ],
)
def test_the_shares_that_addresses_can_make(legacy: int, kubernetes: int, percents: list[int]) -> None:
    assert [records.whole(mix.percent) for mix in attainable(legacy, kubernetes)] == percents


def test_of_two_ways_to_one_share_the_one_with_more_addresses_is_taken() -> None:
    assert Mix(3, 3) in attainable(3, 3)
    assert Mix(1, 1) not in attainable(3, 3)


@pytest.mark.parametrize(
    ("legacy", "kubernetes", "weight", "tolerance", "mix"),
    [
        (3, 2, 0, 0, Mix(3, 0)),
        (3, 2, 100, 0, Mix(0, 2)),
        (3, 2, 50, 0, Mix(2, 2)),
        (3, 2, 33, 0, Mix(2, 1)),
        (3, 2, 67, 0, Mix(1, 2)),
        (3, 2, 30, 5, Mix(2, 1)),
        (3, 2, 24, 1, Mix(3, 1)),
        (19, 1, 5, 0, Mix(19, 1)),
        (99, 1, 1, 0, Mix(99, 1)),
    ],
)
def test_the_nearest_share_is_made(legacy: int, kubernetes: int, weight: int, tolerance: int, mix: Mix) -> None:
    assert nearest(legacy, kubernetes, weight, tolerance) == mix


@pytest.mark.parametrize(
    ("legacy", "kubernetes", "weight", "tolerance", "said"),
    [
        (3, 2, 10, 5, r"10 % cannot .* nearest is 25\.0 %.*tolerance \(5\).*are 0, 25, 33, 40, 50, 67, 100 %.*SRV"),
        (2, 2, 5, 5, r"nearest is 33\.3 %"),  # 0 % is nearer, but nobody asked that nobody goes
        (2, 2, 98, 5, r"nearest is 66\.7 %"),
        (20, 20, 1, 1, r"nearest is 4\.8 %.*attainable near it are 0, 5, 6,"),
    ],
)
def test_a_share_too_far_off_is_refused_with_what_is_attainable(
    legacy: int, kubernetes: int, weight: int, tolerance: int, said: str
) -> None:
    with pytest.raises(BadParameters, match=said) as refused:
        nearest(legacy, kubernetes, weight, tolerance)
    assert len(str(refused.value)) < 320


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 100), st.integers(0, 50))
def test_what_is_made_is_within_the_tolerance_and_nothing_is_nearer(
    legacy: int, kubernetes: int, weight: int, tolerance: int
) -> None:
    both = [(a, b) for a in range(legacy + 1) for b in range(kubernetes + 1) if a + b]
    inner = [Fraction(100 * b, a + b) for a, b in both if (a and b) or weight in (0, 100)]
    best = min(abs(percent - weight) for percent in inner)
    try:
        mix = nearest(legacy, kubernetes, weight, tolerance)
    except BadParameters:
        assert best > max(tolerance, Fraction(1, 2))
    else:
        assert abs(mix.percent - weight) == best <= max(tolerance, Fraction(1, 2))
        assert mix.legacy <= legacy
        assert mix.kubernetes <= kubernetes


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 100))
def test_the_weights_of_services_are_the_exact_percent_whatever_the_number_of_targets(
    legacy: int, kubernetes: int, weight: int
) -> None:
    services = knob(legacy, kubernetes, record="SRV")
    made = records.planned(services, weight, priority=7)
    assert records.share(services, made) == weight
    assert records.standing_weight(services, made, None) == weight
    assert all(0 < int(record.split()[1]) < 65536 for record in made)
    assert records.priority_of(services, made) == 7


def test_a_cname_is_on_one_side_or_on_the_other() -> None:
    name = knob(1, 1, record="CNAME")
    assert records.planned(name, 0) == {"old-1.example.org."}
    assert records.planned(name, 100) == {"new-1.example.org."}
    with pytest.raises(BadParameters, match="10 % cannot be made, attainable are 0 and 100 %"):
        records.planned(name, 10)


@pytest.mark.parametrize(("percent", "whole"), [(0, 0), (Fraction(1, 10), 1), (Fraction(1, 2), 1), (Fraction(5, 2), 3),
                                                (Fraction(999, 10), 99), (100, 100)])  # fmt: skip
def test_a_share_however_small_is_never_told_as_nobody(percent: Fraction, whole: int) -> None:
    assert records.whole(Fraction(percent)) == whole


def test_what_was_asked_for_stands_as_long_as_the_record_is_what_was_made_for_it() -> None:
    rough = knob(5, 5, tolerance=10)
    made = records.planned(rough, 32)
    assert records.standing_weight(rough, made, None) == 33
    assert records.standing_weight(rough, made, Note(32, AT, AT)) == 32
    somebody_else = frozenset(["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.2.0.1", "10.2.0.2"])
    assert records.standing_weight(rough, somebody_else, Note(32, AT, AT)) == 40


def test_a_weight_of_a_service_that_somebody_moved_by_one_percent_is_seen() -> None:
    services = knob(1, 1, record="SRV", tolerance=5)
    assert records.standing_weight(services, records.planned(services, 31), Note(30, AT, AT)) == 31


@pytest.mark.parametrize(
    ("record", "standing", "said"),
    [
        ("A", ["10.1.0.1", "10.9.9.9"], r"A shop holds 10\.9\.9\.9, which is of neither side"),
        ("SRV", ["0 5 8081 old-1.example.org."], r"SRV shop holds 8081 old-1\.example\.org\., which is of neither"),
        ("SRV", ["0 0 8080 old-1.example.org."], "nothing but weights of 0"),
    ],
)
def test_a_record_whose_share_is_unclear_is_refused(record: str, standing: list[str], said: str) -> None:
    with pytest.raises(BadParameters, match=said):
        records.share(knob(1, 1, record=record), standing)


def test_services_of_several_priorities_are_refused() -> None:
    with pytest.raises(BadParameters, match=r"priorities \[0, 10\]"):
        records.priority_of(knob(record="SRV"), ["0 1 8080 old-1.example.org.", "10 1 8443 new-1.example.org."])


def test_names_are_compared_as_dns_does() -> None:
    services = knob(1, 1, record="SRV")
    assert records.share(services, ["0 3 8080 OLD-1.example.org.", "0 1 8443 new-1.EXAMPLE.org."]) == 25


def test_a_note_is_read_as_it_was_written() -> None:
    assert read_note(write_note(NOTE)) == NOTE
    assert write_note(NOTE) == ("runbook", "asked=30", "held=2026-11-21T12:00:00Z", "keep=2026-11-21T22:00:00Z")


@given(st.lists(st.text(max_size=30), max_size=5) | st.tuples(st.just("runbook"), *[st.text(max_size=30)] * 3))
def test_what_is_no_note_is_never_taken_for_one(strings: Any) -> None:
    assert read_note(strings) is None


@pytest.mark.parametrize("index", [1, 2, 3])
@pytest.mark.parametrize("text", ["", "asked=101", "asked=-1", "asked=x", "held=2026-13-01T00:00:00Z", "keep=soon"])
def test_a_note_with_nonsense_in_it_is_none(index: int, text: str) -> None:
    strings = list(write_note(NOTE))
    strings[index] = text
    assert read_note(strings) is None


def test_a_moment_that_was_promised_is_never_brought_forward() -> None:
    sooner = AT - timedelta(hours=1)
    assert records.later(NOTE, 0, sooner, sooner) == Note(0, NOTE.held, NOTE.keep)
    later = AT + timedelta(days=1)
    assert records.later(NOTE, 0, later, later) == Note(0, later, later)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"legacy": ["10.1.0.1", "10.1.0.1"]}, "given once, on one side"),
        ({"legacy": ["10.1.0.1"], "kubernetes": ["10.1.0.1"]}, "given once, on one side"),
        ({"legacy": ["web.example.org"]}, "an IPv4 address"),
        ({"legacy": ["010.1.0.1"]}, "an IPv4 address"),
        ({"legacy": ["fd00::1"]}, "an IPv4 address"),
        ({"record": "AAAA", "legacy": ["10.1.0.1"], "kubernetes": ["fd00::2"]}, "an IPv6 address"),
        ({"record": "AAAA", "legacy": ["fd00:0::1"], "kubernetes": ["fd00::2"]}, "in its shortest form"),
        ({"record": "CNAME", "legacy": ["a.org", "b.org"], "kubernetes": ["c.org"]}, "a CNAME has one name"),
        ({"record": "CNAME", "legacy": ["old"], "kubernetes": ["new.org"]}, "a full name"),
        ({"record": "SRV", "legacy": ["old.org"], "kubernetes": ["1 new.org"]}, "a port and a full name"),
        ({"record": "SRV", "legacy": ["0 old.org"], "kubernetes": ["1 new.org"]}, "a port and a full name"),
        ({"record": "SRV", "legacy": ["1 2 old.org"], "kubernetes": ["1 new.org"]}, "a port and a full name"),
        ({"ttl": "1500ms"}, "whole seconds"),
        ({"tolerance": 51}, "less than or equal to 50"),
        ({"key": "hmac-sha256:runbook:c2VjcmV0"}, "env:NAME"),
    ],
)
def test_parameters_that_no_record_can_hold_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        knob(1, 1, **changes)
