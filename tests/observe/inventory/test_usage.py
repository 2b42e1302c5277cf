"""The use of machines: as it is exported it is read, and fast; what cannot be true is named with its line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pandas as pd
import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.observe.inventory.times import times
from runbook_lib.observe.inventory.usage import read_usage

HEAD = "timestamp,host,cpu_cores,memory_bytes\n"
GOOD = "2026-11-04T00:00:00Z,vm-1,0.1,1048576\n"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2026-11-04T00:30:00Z,vm-1,-1,1000", "u.csv:3 left out: cpu_cores is -1, which cannot be"),
        ("2026-11-04T00:30:00Z,vm-1,nan,1000", "cpu_cores is nan"),
        ("2026-11-04T00:30:00Z,vm-1,a lot,1000", "cpu_cores is 'a lot', not a number"),
        ("yesterday evening,vm-1,0.1,1000", "'yesterday evening' is no time"),
        ("2026-11-04T00:00:00Z,vm-1,0.1,1000", "is there twice"),
        ("2026-11-04T00:30:00Z,vm-1", "cpu_cores is '', not a number"),
        ("2026-11-04T00:30:00Z,vm-1,0,5,1000", "more fields than the first line"),
        ("2026-11-04T00:30:00Z,vm-1,inf,1000", "cpu_cores is inf, which cannot be"),
        ("2026-11-04T00:30:00Z,vm-1,0.1,-1000", "memory is -1000, which cannot be"),
        (",vm-1,0.1,1000", "the time is missing"),
        ("4/11/2026 00:30,vm-1,0.1,1000", "is no time such as"),
        ("1026-11-04T00:30:00Z,vm-1,0.1,1000", "is no time such as"),
    ],
)
def test_a_row_that_cannot_be_true_is_left_out_and_named(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "u.csv"
    path.write_text(f"{HEAD}2026-11-04T00:00:00Z,vm-1,0.1,1048576\n{row}\n")
    usage = read_usage(path)
    assert usage.table[["instance", "cpu_cores", "memory_mib"]].to_numpy().tolist() == [["vm-1", 0.1, 1.0]]
    assert [said in finding.message for finding in usage.findings] == [True]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "u.csv:1 has no column for at"),
        (b"timestamp,host,cpu_cores\n", "no column for memory"),
        (b"PK\x03\x04", "is packed, or an Excel file"),
        (HEAD.encode(), "has no usable row"),
        (HEAD.encode() + "主机".encode("gbk"), "u.csv:2 left out: '主机' is no time"),
        (HEAD.encode() + b"2026-11-04,vm-1,-1,1\n", "has no usable row: .*cpu_cores is -1"),
    ],
)
def test_a_usage_file_that_says_nothing_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "u.csv"
    path.write_bytes(content)
    with pytest.raises(BadParameters, match=said):
        read_usage(path)


def test_the_line_of_a_row_is_right_after_empty_lines_short_ones_and_in_a_later_portion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.observe.inventory.usage.ROWS", 2)
    path = tmp_path / "u.csv"
    path.write_text(f"\n{HEAD}{GOOD}\n\nshort\n2026-11-04T00:05:00Z,vm-1,0.1,1\n2026-11-04T00:10:00Z,vm-1,-3,1")
    usage = read_usage(path)
    assert len(usage.table) == 2
    assert [finding.line for finding in usage.findings] == [6, 8]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_told_apart(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "u.csv"
    path.write_bytes((HEAD + GOOD.replace("vm-1", "订单机")).replace(",", delimiter).encode(encoding))
    assert read_usage(path).table[["instance", "cpu_cores"]].to_numpy().tolist() == [["订单机", 0.1]]


def test_a_name_in_another_encoding_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    lines = [GOOD.replace("vm-1", f"订单机{number}").encode() for number in range(3)]
    path.write_bytes(HEAD.encode() + b"".join(lines) + GOOD.replace("vm-1", "机器").encode("gbk"))
    usage = read_usage(path)
    assert len(usage.table) == 3
    assert ["u.csv:5 left out: the machine's name" in finding.message for finding in usage.findings] == [True]


def test_quoted_fields_and_lines_of_windows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    path.write_bytes(
        b'"timestamp","host","cpu","rss_mib","starting"\r\n"2026-11-04 00:00:00","vm-1","0.5","64","true"\r\n'
    )
    table = read_usage(path).table
    assert table[["instance", "cpu_cores", "memory_mib", "starting"]].to_numpy().tolist() == [["vm-1", 0.5, 64.0, True]]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-04T01:00:00Z",
        "2026-11-04T09:00:00+08:00",
        "2026-11-04 01:00",
        "2026/11/4 1:00",
        "1793754000",
        "1793754000123",
    ],
)
def test_a_time_is_read_as_it_is_exported(text: str) -> None:
    assert times(pd.Series([text, "nonsense"], dtype=object)).dt.floor("s").to_list() == [
        pd.Timestamp("2026-11-04T01:00:00Z"), pd.NaT,
    ]  # fmt: skip


def test_rows_beyond_the_first_fifty_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    path.write_text(HEAD + GOOD + "2026-11-04T00:30:00Z,vm-1,-1,1000\n" * 120)
    findings = read_usage(path).findings
    assert (len(findings), findings[-1].message.endswith("left out: 120 of 121 rows in all")) == (51, True)


def test_what_is_no_file_is_refused_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "loop"):
        with pytest.raises(BadParameters, match="cannot be read"):
            read_usage(path)


def test_a_fleet_of_points_is_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    at = pd.date_range("2026-11-01", periods=400, freq="5min").strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(HEAD + "".join(f"{point},vm-{vm},0.25,104857600\n" for point in at for vm in range(500)))
    began = time.process_time()
    assert len(read_usage(path).table) == 200_000
    assert time.process_time() - began < 4  # a tenth of what a large fleet has; takes 0.4 on two cores
