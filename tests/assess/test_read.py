"""What the sources of a fleet come to, and what is said of what fits nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.assess.read import Sources, read_sources
from runbook_lib.clients import connect
from runbook_lib.parameters import check


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A table of two applications, a machine, and no source tree."""
    (tmp_path / "facts").mkdir()
    facts = {"ansible_hostname": "web-1", "ansible_distribution": "Ubuntu"}
    (tmp_path / "facts" / "web-1.json").write_text(json.dumps(facts))
    (tmp_path / "cmdb.csv").write_text("Name,Hosts\nshop-web,web-1\nstock,\n")
    (tmp_path / "trees").mkdir()
    return tmp_path


def read(house: Path) -> Sources:
    given = {
        "scope": "fleet",
        "hosts": str(house / "facts"),
        "source": str(house / "trees"),
        "cmdb": {
            "file": str(house / "cmdb.csv"),
            "columns": {"application": "Name", "operations.instances": "Hosts"},
        },
    }
    whole = {
        "application": {"name": "shop-fleet", "owner": "platform team"},
        "assessment": given,
        "gates": {"ask": [], "allowed_signers": "keys/allowed_signers"},
    }
    parameters = check(whole, "the parameters of the test")
    return read_sources(parameters, connect(parameters))


def of_trees(sources: Sources) -> list[str]:
    return [finding.message for finding in sources.findings if finding.check == "source-assigned"]


def test_applications_and_source_trees_that_do_not_find_each_other_are_named(house: Path) -> None:
    for name in ("Shop-Web", "stok", ".git"):
        (house / "trees" / name).mkdir()
    sources = read(house)
    assert list(sources.source) == ["shop-web"]
    trees = house / "trees"
    assert of_trees(sources) == [
        f"{trees} has no folder for stock: the source tree of an application is a folder of its name",
        f"{trees}: folders of no application, which are not read: stok",
    ]


def test_source_trees_that_all_have_their_application_are_not_worth_a_word(house: Path) -> None:
    for name in ("shop-web", "stock"):
        (house / "trees" / name).mkdir()
    assert of_trees(read(house)) == []
