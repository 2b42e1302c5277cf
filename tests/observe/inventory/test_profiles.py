"""A folder of profiles: each an application, by its own word or its file's name; broken ones are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.observe.inventory.profiles import read_profiles


def test_each_file_is_an_application_and_broken_ones_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("application: orders\nowner: shop\n")
    (tmp_path / "stock.yml").write_text("owner: store\n")
    (tmp_path / "twice.yaml").write_text("application: ORDERS\n")
    (tmp_path / "half.yaml").write_text("owner: [a\n")
    (tmp_path / "gbk.yaml").write_bytes("owner: 张三\n".encode("gbk"))
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "README.md").write_text("x")
    profiles = read_profiles(tmp_path)
    assert {name: tree.get("owner").text() for name, tree in profiles.trees.items()} == {
        "orders": "shop",
        "stock": "store",
    }
    assert profiles.trees["stock"].get("application").text() == "stock"
    assert sorted(finding.object for finding in profiles.findings) == [
        "empty",
        "folder",
        "gbk",
        "half",
        "loop",
        "pipe",
        "twice",
    ]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="does not exist"):
        read_profiles(tmp_path / "none")


def test_what_a_profile_says_that_nobody_reads_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "application: orders\ncritcality: high\nruntime:\n  langauge: java\n  start_seconds: 30s\n"
        "releases: {per_month: lots, success_rate: 91%, minutes_before: [10, 20]}\nstate: {class: stateless}\n"
    )
    at = tmp_path / "a.yaml"
    found = [finding.message for finding in read_profiles(tmp_path).findings]
    assert found[0].startswith(f"{at}:2: 'critcality' is no key of a profile; keys begin with application, owner")
    assert found[1].startswith(f"{at}:4: 'runtime.langauge' is no key of a profile; runtime has language, version")
    assert found[2:] == [
        f"{at}:5: runtime.start_seconds is '30s', not a number",
        f"{at}:6: releases.per_month is 'lots', not a number",
    ]
