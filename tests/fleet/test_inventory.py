"""The same table in whatever form it was exported gives the same applications, with the hosts that are theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fleet.truth import Truth

from runbook_lib.assess.read import Sources
from runbook_lib.observe.inventory.table import Table, read_table


def _values(table: Table) -> list[Any]:
    return [_texts(tree.plain()) for tree in table.trees]


def _texts(value: Any) -> Any:
    """A workbook knows numbers, a CSV only text."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    return [_texts(item) for item in value] if isinstance(value, list) else str(value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_is_read_in_whatever_encoding(truth: Truth, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "cmdb.csv"
    path.write_text(truth.cmdb.read_text(encoding="gbk"), encoding=encoding, newline="")
    usual, other = read_table(truth.cmdb, truth.columns), read_table(path, truth.columns)
    assert _values(other) == _values(usual)
    assert len(usual.trees) == len(truth.applications)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_is_read_with_whatever_between_its_cells(truth: Truth, tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "cmdb.csv"
    path.write_text(truth.cmdb.read_text(encoding="gbk").replace(",", delimiter), encoding="gbk")
    assert _values(read_table(path, truth.columns)) == _values(read_table(truth.cmdb, truth.columns))


def test_a_workbook_says_the_same_as_the_csv(truth: Truth) -> None:
    book = read_table(truth.workbook, truth.columns, "应用清单")
    assert _values(book) == _values(read_table(truth.cmdb, truth.columns))


def test_each_application_has_its_hosts(truth: Truth, sources: Sources) -> None:
    claimed = {(name, host) for host, names in truth.shared_hosts.items() for name in names}
    for name, expected in truth.applications.items():
        own = {machine.name for machine in expected.machines} | {host for who, host in claimed if who == name}
        assert {host.name for host in sources.assigned.hosts[name]} == own


def test_what_calls_what_and_which_databases_come_from_table_and_profile(truth: Truth, sources: Sources) -> None:
    for name, expected in truth.applications.items():
        node = sources.merged[name].node
        uses = [item.get("name").text() or item.text() for item in node.get("dependencies").elements()]
        stores = [item.get("name").text() or item.text() for item in node.get("databases").elements()]
        assert sorted(uses) == sorted(expected.depends_on), name
        assert sorted(stores) == sorted(expected.databases), name
