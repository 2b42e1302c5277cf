"""A CMDB's table, however it was exported: each application a tree, each value with its line, nonsense named."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.artefacts import Node
from runbook_lib.errors import BadParameters
from runbook_lib.observe.inventory.cells import NoSense, value_of
from runbook_lib.observe.inventory.table import Table, read_table

COLUMNS = {
    "application": "应用名称", "owner": "负责人", "environment": "环境", "port": "端口", "runtime.language": "语言",
    "operations.instances": "主机IP", "dependencies": "依赖", "databases": "数据库",
}  # fmt: skip
HEADER = tuple(COLUMNS.values())
ORDERS = ("订单", "张三", "生产", "8080", "Java", "10.0.0.1 10.0.0.2", "库存、支付", "orders")
STOCK = ("stock", "", "", "-", "无", "", "N/A", "")


def csv_of(*rows: tuple[str, ...], header: tuple[str, ...] = HEADER, delimiter: str = ",") -> str:
    return "".join(delimiter.join(row) + "\r\n" for row in (header, *rows))


def put(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "cmdb.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def said(table: Table) -> list[str]:
    return [finding.message.partition("cmdb.csv:")[2] or finding.message for finding in table.findings]


def machines(tree: Node) -> list[str]:
    return [node.text() for node in tree.get("operations", "instances").elements()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_in_every_encoding_and_with_every_delimiter(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    table = read_table(put(tmp_path, csv_of(ORDERS, STOCK, delimiter=delimiter), encoding), COLUMNS)
    assert [tree.plain() for tree in table.trees] == [
        {
            "application": "订单", "owner": "张三", "environment": "生产", "port": 8080,
            "runtime": {"language": "Java"},
            "operations": {"instances": ["10.0.0.1", "10.0.0.2"], "environments": {"生产": ["10.0.0.1", "10.0.0.2"]}},
            "dependencies": [{"name": "库存"}, {"name": "支付"}], "databases": ["orders"],
        },
        {"application": "stock"},
    ]  # fmt: skip
    assert table.findings == ()


def test_each_value_knows_its_line(tmp_path: Path) -> None:
    tree = read_table(put(tmp_path, csv_of(STOCK, ("stock", "李四", "", "9090", "", "", "", ""))), COLUMNS).trees[0]
    assert [(tree.get(key).line, tree.get(key).file[-8:]) for key in ("application", "owner", "port")] == [
        (2, "cmdb.csv"), (3, "cmdb.csv"), (3, "cmdb.csv"),
    ]  # fmt: skip


def test_a_row_a_machine_becomes_one_application_with_its_environments(tmp_path: Path) -> None:
    rows = [
        ("orders", "a", "prod", "8080", "", "vm-1", "stock", ""),
        ("ORDERS ", "a", "prod", "8080", "", "vm-2;vm-1", "stock、mail", ""),
        ("orders", "b", "test", "8081", "", "vm-9", "", ""),
    ]
    (tree,) = (table := read_table(put(tmp_path, csv_of(*rows)), COLUMNS)).trees
    assert machines(tree) == ["vm-1", "vm-2", "vm-9"]
    assert tree.get("operations", "environments").plain() == {"prod": ["vm-1", "vm-2", "vm-1"], "test": ["vm-9"]}
    assert [item.get("name").text() for item in tree.get("dependencies").elements()] == ["stock", "mail"]
    assert not tree.get("environment").exists
    assert said(table) == [
        "4: owner of orders is b, but line 2 says a",
        "4: port of orders is 8081, but line 2 says 8080",
    ]


def test_titles_above_the_header_and_other_ways_to_write_it_do_no_harm(tmp_path: Path) -> None:
    text = "应用清单,,\r\n导出时间 2026-11-19,,\r\n\r\n *应用 名称 ,负责人,多余\r\norders,a,b\r\n"
    table = read_table(put(tmp_path, text), {"application": "应用名称", "owner": "负责人"})
    assert table.trees[0].plain() == {"application": "orders", "owner": "a"}
    assert table.trees[0].line == 5


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("", "a", "", "", "", "vm-3", "", ""), "3: left out: it names no application"),
        (("pay", "a", "", "-1", "", "", "", ""), "3: port is -1, which cannot be"),
        (("pay", "a", "", "70000", "", "", "", ""), "3: port is 70000, which cannot be"),
        (("pay", "a", "", "the usual", "", "", "", ""), "3: port is 'the usual', not a number"),
        (("pay", '"a" b', "", "1", "", "", "", ""), "3: it cannot be taken apart"),
        (("pay", '"a', "", "1", "", "", "", ""), "3: it cannot be taken apart"),
    ],
)
def test_what_makes_no_sense_is_named_and_the_rest_is_read(tmp_path: Path, row: tuple[str, ...], message: str) -> None:
    table = read_table(put(tmp_path, csv_of(ORDERS, row, STOCK)), COLUMNS)
    assert [said(table)[0].startswith(message), len(table.findings)] == [True, 1]
    assert {"订单", "stock"} <= {tree.get("application").text() for tree in table.trees}


def test_a_cell_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    good = csv_of(ORDERS, ORDERS, STOCK).encode()
    table = read_table(put(tmp_path, good + "pay,赵六\r\n".encode("gbk")), COLUMNS)
    assert said(table) == ["5: owner is '����', which is not the encoding of the rest of the file"]
    assert [tree.get("application").text() for tree in table.trees] == ["订单", "stock", "pay"]


def test_fields_with_line_ends_keep_the_lines_of_the_rows_below(tmp_path: Path) -> None:
    rows = [("orders", "a", "", "", "", '"vm-1\nvm-2"', "", ""), ("stock", "", "", "bad", "", "", "", "")]
    table = read_table(put(tmp_path, csv_of(*rows)), COLUMNS)
    assert (machines(table.trees[0]), table.findings[0].line) == (["vm-1", "vm-2"], 4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "has a password"),
        (b"<html><table><tr><td>a</td></tr></table>", "is a web page"),
        (b"PK\x03\x04 half a workbook", "no workbook that can be read"),
        ("名称,负责人\r\norders,a\r\n".encode("gbk"), "csv:1 has no column 应用名称 .* has 名称, 负责人"),
        (csv_of().encode(), "names no application"),
        (csv_of(("", "a", "", "", "", "", "", "")).encode(), "names no application .*line 2"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BadParameters, match=said):
        read_table(put(tmp_path, content), COLUMNS)


def test_a_missing_file_a_folder_and_columns_inside_each_other_are_refused(tmp_path: Path) -> None:
    for path, wrong in ((tmp_path / "none.csv", "does not exist"), (tmp_path, "cannot be read")):
        with pytest.raises(BadParameters, match=wrong):
            read_table(path, COLUMNS)
    with pytest.raises(BadParameters, match=r"state cannot be a column beside state\.class"):
        read_table(tmp_path, {"application": "a", "state": "b", "state.class": "c"})


def test_a_column_that_is_not_there_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, csv_of(ORDERS)), {"application": "应用名称", "kind": "类型"})
    assert ["there is no column 类型 for kind; it has 应用名称" in finding.message for finding in table.findings] == [
        True
    ]


def workbook(path: Path, fill: Any, title: str = "应用清单") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    fill(book, sheet)
    book.save(path)
    return path


def test_an_excel_file_is_read_with_its_types_and_its_merged_cells(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.append(HEADER)
        sheet.append(("订单", "张三", "生产", 8080.0, "Java", "10.0.0.1", None, None))
        sheet.append((None, None, "生产", None, None, "10.0.0.2", None, "#N/A"))
        sheet.append((None, "nobody", None, None, None, "10.0.0.3", None, None))
        sheet.append(("stock", datetime(2026, 11, 1), None, True, None, None, None, None))
        sheet.merge_cells("A2:A3")
        sheet.merge_cells("B2:B3")
        sheet.cell(9000, 3).fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")
        book.create_sheet("别的").append(("x",))

    path = workbook(tmp_path / "cmdb.xlsx", fill)
    table = read_table(path, COLUMNS)
    assert [(tree.get("application").text(), machines(tree), tree.line) for tree in table.trees] == [
        ("订单", ["10.0.0.1", "10.0.0.2"], 2), ("stock", [], 5),
    ]  # fmt: skip
    assert table.trees[0].get("port").value == 8080
    assert [finding.line for finding in table.findings] == [4, 5]
    with pytest.raises(BadParameters, match="has no sheet 应用; it has 应用清单, 别的"):
        read_table(path, COLUMNS, "应用")


def test_of_several_sheets_the_named_one_is_read_and_else_the_first_that_is_shown(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.append(("application",))
        sheet.append(("hidden",))
        for name in ("shown", "other"):
            more = book.create_sheet(name)
            more.append(("application",))
            more.append((name,))
        sheet.sheet_state = "hidden"

    path = workbook(tmp_path / "cmdb.xlsx", fill)
    named = {
        sheet: read_table(path, {"application": "Application"}, sheet).trees[0].get("application").text()
        for sheet in (None, "other", "应用清单")
    }
    assert named == {None: "shown", "other": "other", "应用清单": "hidden"}


def test_a_workbook_that_unpacks_to_no_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook_lib.observe.inventory.rows.LARGEST", 1 << 20)
    path = tmp_path / "cmdb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"0" * (2 << 20))
    with pytest.raises(BadParameters, match="is larger than 1 MiB"):
        read_table(path, COLUMNS)


@pytest.mark.parametrize("cut", [100, 2000, -200, -30])
def test_half_a_workbook_is_refused(tmp_path: Path, cut: int) -> None:
    path = workbook(tmp_path / "cmdb.xlsx", lambda book, sheet: sheet.append(HEADER))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BadParameters, match="no workbook that can be read"):
        read_table(path, COLUMNS)


@pytest.mark.parametrize(
    ("key", "cell", "value"),
    [
        ("objectives.availability", "99.95%", 0.9995),
        ("objectives.availability", 0.999, 0.999),
        ("releases.success_rate", "91", 0.91),
        ("runtime.start_seconds", "1.5 min", 90),
        ("runtime.start_seconds", "30秒", 30),
        ("traffic.requests_per_second.peak", "1,200 QPS", 1200),
        ("operations.minutes_per_owner", "5-8", [5, 8]),
        ("state.sessions.shared", "是", True),
        ("state.sessions.shared", "No", False),
        ("runtime.version", "1.10", "1.10"),
        ("operations.instances", "vm-1 vm-2；vm-3/vm-4\nvm-1", ["vm-1", "vm-2", "vm-3", "vm-4"]),
        ("databases", "MySQL orders, redis", ["MySQL orders", "redis"]),
        (
            "dependencies",
            "orders database (10.20.30.41:5432)；10.0.0.9",
            [{"name": "orders database", "address": "10.20.30.41:5432"}, {"name": "10.0.0.9", "address": "10.0.0.9"}],
        ),
        ("owner", "　未知 ", None),
    ],
)
def test_a_cell_is_what_its_column_is_for(key: str, cell: Any, value: Any) -> None:
    assert value_of(key, cell) == value


@pytest.mark.parametrize(
    ("key", "cell"),
    [
        ("objectives.availability", "four nines"), ("objectives.availability", "120%"), ("port", "8080m"),
        ("state.sessions.shared", "maybe"), ("releases.per_month", "-3"), ("runtime.start_seconds", "2h"),
        ("releases.per_month", "1e999"), ("releases.per_month", float("inf")),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_is_refused(key: str, cell: Any) -> None:
    with pytest.raises(NoSense, match=key):
        value_of(key, cell)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for start in (b"", csv_of(ORDERS).encode(), b"PK\x03\x04"):
        path = put(tmp_path_factory.mktemp("any"), start + content)
        try:
            read_table(path, COLUMNS)
        except BadParameters as error:
            assert str(path) in str(error)
