"""Where checkov and we say different things about the same manifests, a person has written down who is right and why.

``checkov.yaml`` is a list with one entry for each of checkov's checks that we disagree with anywhere:

    - theirs: CKV_K8S_15
      ours: [pull-policy]       # our checks of the same question; empty where we do not ask it
      says: Always              # optional: only what we say in these words (a regular expression) is about the same
      only_they:                # they fail it, we do not; the first entry whose ``where`` fits explains it
        - where: {kinds: [CronJob], text: '"initContainers"', ours: "drops ALL"}    # optional: all of it must fit
          right: ours           # ours, theirs or both
          reason: ...
      only_we:                  # we fail it, they do not

``text`` is looked for in the object as JSON, ``ours`` in what our checks say about it, whatever the outcome.
A disagreement that nothing explains fails, and so does an explanation that nothing needs.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import checkov, manifests
from runbook_lib.judge.workload.judge import CHECKS, check_manifests
from runbook_lib.judge.workload.world import TEMPLATES, World
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.files.manifests import read_manifests

TABLE: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "checkov.yaml").read_text())
SIDES = ("only_they", "only_we")
APPLICATIONS = 600
SEED = 7


@dataclass(frozen=True)
class Disagreement:
    theirs: str
    side: str
    object: str
    said: tuple[str, ...]
    text: str

    def fits(self, where: dict[str, Any]) -> bool:
        return (
            self.object.partition("/")[0] in where.get("kinds", [self.object.partition("/")[0]])
            and bool(re.search(where.get("text", ""), self.text))
            and any(re.search(where.get("ours", ""), message) for message in self.said or ("",))
        )


def disagreements(folder: Path, theirs: dict[tuple[str, str], bool]) -> list[Disagreement]:
    read = read_manifests(folder)
    said: dict[str, list[Finding]] = defaultdict(list)
    for finding in check_manifests(World(read.resources), read).findings:
        said[finding.object.partition(", ")[0]].append(finding)
    texts = {resource.title: json.dumps(resource.node.plain()) for resource in read.resources}
    # a Pod that they derive from a workload is named for it
    owners = {f"Pod/{r.name}": r.title for r in read.resources if r.kind in TEMPLATES}
    rows = {row["theirs"]: row for row in TABLE}
    found = []
    for (check, object_), passed in theirs.items():
        row = rows.get(check, {})
        object_ = owners.get(object_, object_)
        mine = [f for f in said[object_] if f.check in row.get("ours", ())]
        mine = [f for f in mine if re.search(row.get("says", ""), f.message)]
        failing = [f for f in mine if f.outcome is Outcome.FAIL]
        if bool(failing) == passed:
            messages = tuple(f.message for f in failing or mine)
            found.append(Disagreement(check, "only_we" if passed else "only_they", object_, messages, texts[object_]))
    return found


def explanation(one: Disagreement) -> tuple[str, str, int] | None:
    entries = next((row.get(one.side, []) for row in TABLE if row["theirs"] == one.theirs), [])
    for number, entry in enumerate(entries):
        if one.fits(entry.get("where", {})):
            return one.theirs, one.side, number
    return None


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_every_disagreement_with_checkov_has_its_reason(tmp_path: Path) -> None:
    program = checkov.installed()
    if program is None:
        pytest.skip(f"checkov {checkov.VERSION} cannot be installed here")
    manifests.write(tmp_path, APPLICATIONS, SEED)
    theirs = checkov.outcomes(program, tmp_path)
    assert len({check for check, _ in theirs}) >= 60
    found = disagreements(tmp_path, theirs)
    explained = {one: explanation(one) for one in found}
    open_ = sorted(f"{one.theirs} {one.side} {one.object}: {one.said}" for one, why in explained.items() if why is None)
    assert open_ == []
    written = {(row["theirs"], side, n) for row in TABLE for side in SIDES for n, _ in entries(row, side)}
    assert written - {why for why in explained.values() if why} == set()


def entries(row: dict[str, Any], side: str) -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(row.get(side, [])))


def test_the_table_names_checks_that_exist_and_says_who_is_right() -> None:
    ids = {check.id for check in CHECKS}
    assert len({row["theirs"] for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row.keys() <= {"theirs", "ours", "says", "only_they", "only_we"}, row
        assert set(row["ours"]) <= ids, row
        for side in SIDES:
            for _, entry in entries(row, side):
                assert entry["right"] in ("ours", "theirs", "both") and entry["reason"], row
                assert entry.get("where", {}).keys() <= {"kinds", "text", "ours"}, row


def test_a_disagreement_that_nobody_explained_is_seen(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text((Path(__file__).parent / "good.yaml").read_text())
    made_up = {("CKV_K8S_8", "Deployment/shop"): False, ("CKV_K8S_9", "Deployment/shop"): True}
    found = disagreements(tmp_path, made_up)
    assert [(one.theirs, one.side, explanation(one)) for one in found] == [("CKV_K8S_8", "only_they", None)]
