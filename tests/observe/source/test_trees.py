"""Real-looking trees with a known truth: how much of what binds is found, and how much of what is found binds."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from runbook_lib.observe.source.rules import read_rules
from runbook_lib.observe.source.scan import Scan, scan_source

TREES = Path(__file__).parent / "trees"
NAMES = sorted(path.name for path in TREES.iterdir() if path.is_dir())
RULES = read_rules()
WANTED = 0.95

Place = tuple[str, str, int]
"""Tree, file, line."""


def truth(tree: str) -> dict[str, set[Place]]:
    """Rule -> the places where it has to find something."""
    places: dict[str, set[Place]] = defaultdict(set)
    for file, lines in (yaml.safe_load((TREES / tree / "truth.yaml").read_text()) or {}).items():
        for line, rules in lines.items():
            for rule in rules:
                places[rule].add((tree, file, line))
    return places


def found(tree: str, scan: Scan) -> dict[str, set[Place]]:
    places: dict[str, set[Place]] = defaultdict(set)
    for item in scan.evidence:
        places[item.rule.id].add((tree, item.file, item.line))
    return places


@pytest.fixture(scope="module")
def scans() -> dict[str, Scan]:
    return {tree: scan_source(TREES / tree / "source", RULES) for tree in NAMES}


def test_every_rule_finds_what_is_there_and_little_else(
    scans: dict[str, Scan], capsys: pytest.CaptureFixture[str]
) -> None:
    there: dict[str, set[Place]] = defaultdict(set)
    seen: dict[str, set[Place]] = defaultdict(set)
    for tree, scan in scans.items():
        for rule, places in truth(tree).items():
            there[rule] |= places
        for rule, places in found(tree, scan).items():
            seen[rule] |= places
    rows = []
    for rule in RULES:
        hits = len(there[rule.id] & seen[rule.id])
        precision = hits / len(seen[rule.id]) if seen[rule.id] else 1.0
        recall = hits / len(there[rule.id]) if there[rule.id] else 1.0
        rows.append((rule.id, len(there[rule.id]), precision, recall))
    with capsys.disabled():
        print(f"\n{'rule':<28}{'places':>7}{'precision':>11}{'recall':>8}")
        for name, count, precision, recall in rows:
            print(f"{name:<28}{count:>7}{precision:>11.2f}{recall:>8.2f}")
    wrong = {rule: sorted(seen[rule] ^ there[rule]) for rule in {*seen, *there} if seen[rule] != there[rule]}
    assert [row for row in rows if row[2] < WANTED or row[3] < WANTED] == [], wrong
    assert [name for name, count, *_ in rows if count == 0] == []


@pytest.mark.parametrize("tree", NAMES)
def test_what_is_left_out_is_counted_and_the_rest_is_read(tree: str, scans: dict[str, Scan]) -> None:
    assert scans[tree].findings == ()
    assert set(truth(tree)) <= {rule.id for rule in RULES}


def test_tests_and_other_peoples_code_are_left_out_wherever_they_lie(scans: dict[str, Scan]) -> None:
    left_out = {reason for scan in scans.values() for reason in scan.left_out}
    assert {"folders of tests", "folders of others' code", "folders of what was built", "test files"} <= left_out
