"""Whatever a notebook keeps can be read again without its libraries."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runbook_lib.model import Measurement, Outcome, Verdict
from runbook_lib.record.evidence import questions, storable

MEASURED = Measurement("errors", 0.1, "1", "legacy", datetime(2026, 1, 1, tzinfo=UTC), "rate(x[1m])")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.array([1, 2]), [1, 2]),
        (Decimal("1.10"), "1.10"),
        (PurePosixPath("a/b"), "a/b"),
        (timedelta(seconds=90), 90.0),
        (b"raw", "raw"),
        ({1}, [1]),
        (Outcome.FAIL, "FAIL"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000Z"),
        (pd.DataFrame({"side": ["legacy"], "n": [3]}), [{"side": "legacy", "n": 3}]),
        (pd.Series({"a": 1}), {"a": 1}),
        (pd.Timestamp("2026-01-01T00:00:00Z"), "2026-01-01T00:00:00.000Z"),
        ({"deep": [{"x": np.float32("nan")}]}, {"deep": [{"x": None}]}),
    ],
)
def test_a_value_becomes_plain_json(value: Any, stored: Any) -> None:
    assert storable(value) == stored
    json.dumps(storable(value), allow_nan=False)


def test_a_verdict_keeps_its_numbers() -> None:
    verdict = Verdict("errors", Outcome.PASS, "ok", {"rate": 0.1})
    assert storable([verdict])[0]["numbers"] == {"rate": 0.1}


def test_the_queries_inside_a_value_are_found() -> None:
    assert questions({"both": [MEASURED, {"again": (MEASURED,)}]}) == ["rate(x[1m])", "rate(x[1m])"]
