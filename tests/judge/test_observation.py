"""One tick, one line: what is written is what is read, and whatever else stands there is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.judge.observation import Observation, Pods, from_line, read_lines, to_line
from runbook_lib.judge.rates import Interval

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
ONE = Observation(
    START, Interval(15, 900, 1, 100, 2.5), Interval(15, 900, 0, 100, 0), Pods(2, 2, {"a/app": 1}), ("Slow",), 0.1, 10
)

COUNTS = st.floats(0, 1e12)
INTERVALS = st.none() | st.builds(Interval, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
PODS = st.none() | st.builds(
    Pods,
    st.integers(0, 500),
    st.integers(0, 500),
    st.dictionaries(st.text(), st.integers(0, 99), max_size=3),
    st.dictionaries(st.text(), st.text(), max_size=3),
)
OBSERVATIONS = st.builds(
    Observation,
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    INTERVALS,
    INTERVALS,
    PODS,
    st.none() | st.lists(st.text(), max_size=3).map(tuple),
    st.none() | st.floats(0, 1),
    st.none() | st.integers(0, 100),
    st.text(),
    st.lists(st.text(), max_size=3).map(tuple),
    COUNTS,
    st.booleans(),
    st.booleans(),
    COUNTS,
)


@given(OBSERVATIONS)
def test_an_observation_is_one_line_and_comes_back_the_same(observation: Observation) -> None:
    line = to_line(observation)
    assert "\n" not in line
    assert from_line(line) == observation


@given(st.lists(OBSERVATIONS, max_size=4), st.integers(0))
def test_of_a_file_cut_off_anywhere_the_whole_lines_are_read_and_the_torn_one_is_told(
    seen: list[Observation], at: int
) -> None:
    content = "".join(f"{to_line(o)}\n" for o in seen).encode()
    cut = content[: at % (len(content) + 1)]
    found, said = read_lines(cut, "run/attempt-1")
    assert found == seen[: cut.count(b"\n")]
    assert bool(said) == (bool(cut) and not cut.endswith(b"\n"))


LINE = to_line(ONE)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "EOF"),
        ("[]", "object"),
        ("null", "object"),
        (LINE[:-9], "EOF"),
        (LINE + LINE, "trailing"),
        (LINE.replace('"gap":', '"gip":'), "gip"),
        (LINE.replace('"weight":10', '"weight":"10"'), "weight"),
        (LINE.replace('"weight":10', '"weight":10.5'), "weight"),
        (LINE.replace("2.5", "NaN"), "kubernetes_bad"),
        (LINE.replace("2.5", "1e999"), "kubernetes_bad"),
        (LINE.replace('"seconds":15.0,', "", 1), "errors.seconds"),
        (LINE.replace("12:00:00Z", "12:00:00"), "at"),
        ("\x00" * 400, "JSON"),
    ],
)
def test_what_is_no_observation_is_refused_in_one_sentence(line: str, says: str) -> None:
    with pytest.raises(BadParameters, match=says) as refused:
        from_line(line)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_spoilt_line_in_the_middle_is_named_by_its_number() -> None:
    with pytest.raises(BadParameters, match=r"run/attempt-1, line 2: this is no observation"):
        read_lines(f"{LINE}\nnonsense\n{LINE}\n".encode(), "run/attempt-1")


def test_a_number_that_json_does_not_know_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_line(Observation(START, Interval(1, float("nan"), 0, 0, 0)))


def test_what_was_not_measured_says_so() -> None:
    assert ONE.measured
    assert not Observation(START + timedelta(seconds=1), problem="Prometheus does not answer").measured


def test_times_that_are_read_are_of_the_same_kind_as_those_that_are_made() -> None:
    assert from_line(to_line(ONE)).at.tzinfo is UTC
    assert from_line(to_line(ONE).replace("12:00:00Z", "14:00:00+02:00")) == ONE
