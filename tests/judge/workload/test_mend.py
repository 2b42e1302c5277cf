"""A patch is merged as the API server merges it, and shown only when it makes its own finding go away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.manifests import write
from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import Check, Seen, failed, passed, patch
from runbook_lib.judge.workload.judge import CHECKS, check_manifests
from runbook_lib.judge.workload.mend import MERGE_KEYS, MOST, mended, merge, working
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Outcome
from runbook_lib.observe.files.manifests import parse_manifests, read_manifests

MERGES = [
    ("a mapping is merged", {"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
    ("null takes away", {"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    ("null of what is not there is nothing", {}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
    ("a list without a key is replaced", {"args": [1, 2]}, {"args": [3]}, {"args": [3]}),
    (
        "containers are merged by name",
        {"containers": [{"name": "a", "x": 1}, {"name": "b"}]},
        {"containers": [{"name": "b", "y": 2}, {"name": "c"}]},
        {"containers": [{"name": "a", "x": 1}, {"name": "b", "y": 2}, {"name": "c"}]},
    ),
    (
        "ports of containers by containerPort",
        {"ports": [{"containerPort": 1, "name": "a"}]},
        {"ports": [{"containerPort": 1, "name": "b"}]},
        {"ports": [{"containerPort": 1, "name": "b"}]},
    ),
    (
        "ports of Services by port",
        {"ports": [{"port": 80, "name": "http"}]},
        {"ports": [{"port": 80, "targetPort": "http"}]},
        {"ports": [{"port": 80, "name": "http", "targetPort": "http"}]},
    ),
    ("a wrong type is replaced", {"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
]


@pytest.mark.parametrize(("base", "change", "result"), [row[1:] for row in MERGES], ids=[row[0] for row in MERGES])
def test_a_patch_is_merged_as_the_api_server_does(base: object, change: object, result: object) -> None:
    assert merge(base, change) == result


def test_every_merge_key_names_one_field_of_kubernetes() -> None:
    assert all(keys and all(isinstance(key, str) for key in keys) for keys in MERGE_KEYS.values())


def deployment(name: str, namespace: str = "web", **spec: object) -> str:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec:\n  revisionHistoryLimit: {spec.get('kept', 0)}\n  selector: {{matchLabels: {{app: {name}}}}}\n---\n"
    )


def world_of(*texts: str) -> World:
    return World(parse_manifests("".join(texts), "a.yaml").resources)


def test_what_a_patch_does_not_touch_keeps_its_line() -> None:
    world = world_of(deployment("a"), deployment("b"))
    copy = mended(world, patch(world.resources[1], {"spec": {"revisionHistoryLimit": 3}}))
    assert copy.resources[0] is world.resources[0]
    assert copy.resources[1].node.get("spec", "selector").line == 13
    assert copy.resources[1].node.get("spec", "revisionHistoryLimit").value == 3


def test_a_patch_is_for_the_object_of_its_namespace() -> None:
    world = world_of(deployment("a", "one"), deployment("a", "two"))
    copy = mended(world, patch(world.resources[1], {"spec": {"revisionHistoryLimit": 3}}))
    assert [r.node.get("spec", "revisionHistoryLimit").value for r in copy.resources] == [0, 3]


def test_the_patches_of_many_objects_are_tried_in_one_copy() -> None:
    asked: list[int] = []

    def counting(world: World) -> Iterator[Seen]:
        asked.append(1)
        for workload in world.workloads():
            node = workload.spec.get("revisionHistoryLimit")
            if node.integer():
                yield passed(workload, node, "kept")
            else:
                yield failed(workload, node, "none", patch(workload.resource, {"spec": {"revisionHistoryLimit": 5}}))

    world = world_of(*(deployment(f"a{n}") for n in range(50)))
    check = Check("x", "x", "warning", "x", "x", counting)
    found = list(check.judge(world))
    assert working(world, check, found) == set(range(50))
    assert len(asked) == 2


def useless(node: Node, good: bool) -> dict[str, object]:
    return {"spec": {"revisionHistoryLimit" if good else "somethingElse": 5}}


def test_a_patch_that_does_not_help_is_not_shown_beside_those_that_do() -> None:
    def half(world: World) -> Iterator[Seen]:
        for workload in world.workloads():
            node = workload.spec.get("revisionHistoryLimit")
            mend = patch(workload.resource, useless(node, workload.resource.namespace == "one"))
            yield passed(workload, node, "") if node.integer() else failed(workload, node, "none", mend)

    world = world_of(deployment("a", "one"), deployment("a", "two"), deployment("b", "one"), deployment("b", "two"))
    check = Check("x", "x", "warning", "x", "x", half)
    found = list(check.judge(world))
    assert {found[n].node.line for n in working(world, check, found)} == {5, 19}


def test_two_patches_of_one_object_are_tried_one_by_one() -> None:
    def two_ways(world: World) -> Iterator[Seen]:
        for workload in world.workloads():
            node = workload.spec.get("revisionHistoryLimit")
            for good in (False, True) if not node.integer() else ():
                yield failed(workload, node, "none", patch(workload.resource, useless(node, good)))

    world = world_of(deployment("a"))
    check = Check("x", "x", "warning", "x", "x", two_ways)
    assert working(world, check, list(check.judge(world))) == {1}


def test_of_very_many_patches_of_one_object_the_first_are_tried() -> None:
    asked: list[int] = []

    def many(world: World) -> Iterator[Seen]:
        asked.append(1)
        (workload,) = world.workloads()
        node = workload.spec.get("revisionHistoryLimit")
        for _ in range(0 if node.integer() else 5 * MOST):
            yield failed(workload, node, "none", patch(workload.resource, useless(node, True)))

    world = world_of(deployment("a"))
    check = Check("x", "x", "warning", "x", "x", many)
    assert working(world, check, list(check.judge(world))) == set(range(MOST))
    assert len(asked) == 1 + MOST


def test_a_shown_patch_is_the_one_of_its_own_object() -> None:
    world = world_of(deployment("a", kept=0), deployment("b", kept=4))
    shown = [f for f in check_manifests(world).findings if f.check == "revision-history" and f.outcome is Outcome.FAIL]
    assert [(f.object, "revisionHistoryLimit: 10" in f.mend, f.line) for f in shown] == [("Deployment/a", True, 5)]


def test_trying_patches_together_finds_the_same_as_trying_each_alone(tmp_path: Path) -> None:
    write(tmp_path, 20, seed=5)
    world = World(read_manifests(tmp_path).resources)
    tried = 0
    for check in CHECKS:
        found = list(check.judge(world))
        together = working(world, check, found)
        for position, seen in enumerate(found):
            if seen.mend is not None and seen.outcome is Outcome.FAIL:
                alone = [replace(other, mend=seen.mend if n == position else None) for n, other in enumerate(found)]
                assert (position in working(world, check, alone)) == (position in together), (check.id, seen.message)
                tried += 1
    assert tried >= 150


def test_a_mended_copy_leaves_nothing_behind() -> None:
    world = world_of(deployment("a"), deployment("b"))
    check_manifests(world)
    assert len(world.made) == 2
