"""A fleet that is made up is what it says: the same from the same seed, with everything that its truth claims."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

from fleet.make import make_fleet
from fleet.plan import LANGUAGES, STORIES
from fleet.sources import features
from fleet.truth import Truth


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_makes_the_same_bytes_and_another_one_does_not(tmp_path: Path) -> None:
    first, again, other = (make_fleet(tmp_path / name, 8, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert _digests(first.folder) == _digests(again.folder)
    assert {**first.applications}.keys() == {**other.applications}.keys()
    assert _digests(first.folder) != _digests(other.folder)


def test_every_story_language_and_feature_is_there(truth: Truth) -> None:
    assert {one.story for one in truth.applications.values()} == set(STORIES)
    planted = {(one.language, place.topic) for one in truth.applications.values() for place in one.planted}
    assert planted >= {(language, topic) for language in LANGUAGES for topic in features(language)}


def test_every_mark_is_on_a_line_that_is_there_and_none_is_left(truth: Truth) -> None:
    for one in truth.applications.values():
        for place in one.planted | one.alike:
            lines = (truth.source / one.name / place.file).read_text(encoding="utf-8").splitlines()
            assert lines[place.line - 1].strip(), place
        for path in (truth.source / one.name).rglob("*.*"):
            assert not path.is_file() or not set("◀◁") & set(path.read_text(encoding="utf-8"))
        assert not one.planted & one.alike


def test_each_host_has_a_cache_file_as_ansible_writes_it(truth: Truth) -> None:
    for one in truth.applications.values():
        assert 2 <= len(one.machines) <= 5
        for machine in one.machines:
            facts = json.loads(machine.file.read_text())
            assert facts["ansible_hostname"] == machine.name
            assert facts["ansible_default_ipv4"]["address"] == machine.address
            assert len(facts["packages"]) > 250
    assert len(list(truth.hosts.iterdir())) == sum(len(one.machines) for one in truth.applications.values()) + 1


def test_the_table_is_gbk_and_names_each_host_in_a_line(truth: Truth) -> None:
    with truth.cmdb.open(encoding="gbk", newline="") as file:
        rows = list(csv.DictReader(file))
    named = {(row["应用名称"], row["主机名"]) for row in rows}
    assert named >= {(one.name, box.name) for one in truth.applications.values() for box in one.machines}
    assert {name for name, _ in named} == set(truth.applications)


def test_the_use_on_record_is_enough_for_most_and_too_little_for_some(truth: Truth) -> None:
    known = [one.cpu is not None for one in truth.applications.values()]
    assert sum(known) > len(known) * 0.7
    assert not all(known)
