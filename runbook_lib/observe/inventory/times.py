"""Points in time as exports write them: ISO 8601, a date with slashes, or seconds since 1970."""

from __future__ import annotations

import pandas as pd

SINCE, UNTIL = pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC")
MILLISECONDS = 1e11
"""A larger number of seconds would be later than the year 5000."""


def times(text: pd.Series) -> pd.Series:
    """Each as a time in UTC, NaT where it is none or in another century; one without a zone is taken as UTC."""
    found = _within(pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce"))
    odd = found.isna()
    if odd.any():
        found = found.where(~odd, _odd(text[odd].astype(str).str.strip(" \t\r\"'")))
    return found


def _odd(text: pd.Series) -> pd.Series:
    """Seconds, or what begins with a year, such as 2026/11/4 0:05; 4/11/2026 may be two days, so it is none."""
    number = pd.to_numeric(text.where(text.str.fullmatch(r"\d{9,13}(?:\.\d+)?")), errors="coerce")
    seconds = number.where(number < MILLISECONDS, number / 1000)
    counted = _within(pd.to_datetime(seconds, unit="s", utc=True, errors="coerce"))
    dated = text.where(text.str.match(r"\d{4}\D"))
    return counted.fillna(_within(pd.to_datetime(dated, format="mixed", utc=True, errors="coerce")))


def _within(found: pd.Series) -> pd.Series:
    near: pd.Series = found.where((found >= SINCE) & (found < UNTIL))
    exact: pd.Series = near.dt.as_unit("us")
    return exact
