"""What a fleet comes to: only what moves needs nodes and brings something."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from runbook_lib.artefacts import Host, node_of
from runbook_lib.errors import BadParameters
from runbook_lib.judge.assessment import Subject, assess
from runbook_lib.judge.capacity import NodeShape
from runbook_lib.judge.fleet import Fleet, judge_fleet
from runbook_lib.judge.waves import WaveRules
from tests.judge.test_size import machines

NODE = NodeShape(cores=8, memory_mib=32_000)
RULES = WaveRules(date(2027, 1, 11))


def judged(kinds: dict[str, str], cores: dict[str, int | None]) -> Fleet:
    """Applications of one measured host each; None: the facts say nothing of its processors."""
    trees = {name: node_of({"application": name, "kind": kind}) for name, kind in kinds.items()}
    subjects = [
        Subject(
            name,
            tree,
            hosts=(Host(f"{name}-1", {"processor_vcpus": cores[name]} if cores[name] else {}, "f"),),
            usage=_used(f"{name}-1"),
            files=9,
        )
        for name, tree in trees.items()
    ]
    return judge_fleet(map(assess, subjects), trees, RULES, NODE)


def _used(host: str) -> pd.DataFrame:
    return machines(1, 400).assign(instance=host)


def test_what_stays_outside_needs_no_nodes_and_frees_no_machine() -> None:
    fleet = judged({"shop": "", "orders": "database"}, {"shop": 4, "orders": 64})
    alone = judged({"shop": ""}, {"shop": 4})
    assert dict(fleet.plan.left_out).keys() == {"orders"}
    assert (fleet.nodes, fleet.gains) == (alone.nodes, alone.gains)


def test_machines_and_the_nodes_that_replace_them_are_those_of_the_same_applications() -> None:
    names = [f"app-{number}" for number in range(30)]
    fleet = judged(dict.fromkeys(names, ""), {name: 4 if name == "app-0" else None for name in names})
    alone = judged({"app-0": ""}, {"app-0": 4})
    freed, of_one = (next(one for one in f.gains if one.name == "processors freed") for f in (fleet, alone))
    assert (freed.known, freed.formula) == (of_one.known, of_one.formula)
    assert freed.left_out.startswith("29 applications")
    assert fleet.nodes.pods > alone.nodes.pods


def test_a_name_that_is_none_is_refused_with_those_that_are_like_it() -> None:
    fleet = judged({"order-service": "", "stock": ""}, {"order-service": 4, "stock": 4})
    assert fleet.application("stock").name == "stock"
    with pytest.raises(BadParameters, match=r"'order-servce' is no .* this fleet; there is order-service$"):
        fleet.application("order-servce")
    with pytest.raises(BadParameters, match="no source names an application"):
        judged({}, {}).application(None)
