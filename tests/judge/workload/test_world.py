"""The indexes find what going through all objects would find."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.artefacts import Assessed, Resource, node_of
from runbook_lib.judge.image_build.parse import parse_dockerfile
from runbook_lib.judge.workload.built import started
from runbook_lib.judge.workload.pod import variable
from runbook_lib.judge.workload.world import LONG_RUNNING, World, includes, selects

NAMES = st.sampled_from(["a", "b", "c"])
SPACES = st.sampled_from(["", "web", "other"])
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["x", "y"]), max_size=2)
EXPRESSIONS = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["app", "tier"]),
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
        "values": st.lists(st.sampled_from(["x", "y"]), max_size=2),
    }
)
SELECTORS = st.fixed_dictionaries(
    {}, optional={"matchLabels": LABELS, "matchExpressions": st.lists(EXPRESSIONS, max_size=2)}
)


def made(kind: str, spec: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "kind": st.just(kind),
            "metadata": st.fixed_dictionaries({"name": NAMES, "namespace": SPACES}),
            "spec": spec,
        }
    )


TEMPLATE = st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"labels": LABELS})})
OBJECTS = st.one_of(
    made("Deployment", st.fixed_dictionaries({"template": TEMPLATE})),
    made("StatefulSet", st.fixed_dictionaries({"template": TEMPLATE})),
    made("Job", st.fixed_dictionaries({"template": TEMPLATE})),
    made("Service", st.fixed_dictionaries({"selector": LABELS})),
    made("PodDisruptionBudget", st.fixed_dictionaries({"selector": SELECTORS | st.just("wrong")})),
    made("HorizontalPodAutoscaler", st.fixed_dictionaries({"scaleTargetRef": st.just({"kind": "Job", "name": "a"})})),
)


def resource(plain: dict[str, Any]) -> Resource:
    return Resource("v1", plain["kind"], plain["metadata"]["name"], plain["metadata"]["namespace"], node_of(plain))


@given(st.lists(OBJECTS, max_size=8))
def test_an_index_finds_what_a_walk_through_everything_finds(objects: list[dict[str, Any]]) -> None:
    world = World(tuple(resource(plain) for plain in objects), namespace="web")
    near = {
        id(one): [two for two in world.resources if world.space(one) == world.space(two)] for one in world.resources
    }
    for one in world.resources:
        for kind in ("Deployment", "Service"):
            assert world.named(kind, "a", one) is next(
                (two for two in near[id(one)] if (two.kind, two.name) == (kind, "a")), None
            )
    for workload in world.workloads():
        beside = near[id(workload.resource)]
        services = [s for s in beside if includes(s.node.get("spec", "selector").labels(), workload.labels)]
        services = [service for service in services if service.kind == "Service"]
        assert list(map(id, world.services(workload))) == list(map(id, services))
        assert all(workload in world.pods(service) for service in services)
        budgets = [b for b in beside if b.kind == "PodDisruptionBudget"]
        budgets = [b for b in budgets if selects(b.node.get("spec", "selector"), workload.labels)]
        assert list(map(id, world.selecting("PodDisruptionBudget", "selector", workload))) == list(map(id, budgets))
        scalers = [s for s in beside if s.kind == "HorizontalPodAutoscaler" and workload.title == "Job/a"]
        assert world.scaler(workload) is (scalers[0] if scalers else None)
    for budget in world.of_kind("PodDisruptionBudget"):
        selector = budget.node.get("spec", "selector")
        beside = near[id(budget)]
        taken = [w for w in world.workloads() if w.resource in beside and selects(selector, w.labels)]
        assert [w.resource for w in world.taken_in(budget, selector)] == [w.resource for w in taken]
        assert all(w.kind in LONG_RUNNING for w in world.selected(budget, selector))


def test_kinds_come_in_the_order_given() -> None:
    objects = [{"kind": kind, "metadata": {"name": name, "namespace": ""}} for name, kind in enumerate("ABAC")]
    world = World(tuple(resource(plain) for plain in objects))
    assert [r.name for r in world.of_kind("A", "C")] == [0, 2, 3]
    assert [r.name for r in world.of_kind("A")] == [0, 2]
    assert world.of_kind("D") == ()


def running(name: str, image: str) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": ""}, "spec": {"template": template}}


@pytest.mark.parametrize(
    ("name", "own", "measured"),
    [
        ("shop", ["shop", "worker"], ["shop"]),  # a worker has the application's image, and a size of its own
        ("", [], []),
        ("shops", [], []),
    ],
)
def test_what_is_known_of_the_application_is_held_against_no_other(
    name: str, own: list[str], measured: list[str]
) -> None:
    deployments = running("shop", "a:5000/shop:1"), running("worker", "a:5000/shop@sha256:1"), running("cache", "redis")
    assessed = Assessed(ports=(8080,))
    world = World(tuple(resource(one) for one in deployments), assessed=assessed, application=name)
    assert [workload.resource.name for workload, _ in world.applications] == own
    assert [w.resource.name for w in world.workloads() if world.assessed_of(w) == assessed] == measured
    asked = [w.resource.name for w in world.workloads() if world.how_to_measure(w) == "run 01_assessment"]
    assert asked == measured  # nobody is sent to measure what the assessment is not of


def test_the_only_image_is_the_application_s_whatever_it_is_called() -> None:
    world = World((resource(running("shop", "shop:1")),), assessed=Assessed(ports=(8080,)), application="order")
    assert [workload.resource.name for workload, _ in world.applications] == ["shop"]
    assert world.assessed_of(world.workloads()[0]) is world.assessed


def test_what_another_image_starts_and_sets_is_not_the_dockerfile_s() -> None:
    image = parse_dockerfile('FROM scratch\nENV TZ=UTC\nENTRYPOINT ["/shop"]\n', "Dockerfile")
    deployments = running("shop", "shop:1"), running("cache", "redis:7")
    world = World(tuple(resource(one) for one in deployments), image, application="shop")
    known = [(started(world, one), variable(world, workload, one, "TZ")[0]) for workload, one in world.containers()]
    assert known == [(("/shop",), "UTC"), ((), None)]


def test_the_named_job_is_the_application_where_nothing_runs_on() -> None:
    jobs = [running("report", "report:1"), running("dump", "dump:1")]
    found = tuple(resource(one | {"kind": "Job"}) for one in jobs)
    assert World(found, application="report").images == {"report"}
    assert World(found).images == frozenset()
    assert World(found[:1]).images == {"report"}


def test_what_a_controller_that_is_given_has_made_is_not_asked_again() -> None:
    def of(kind: str, name: str, owner: tuple[str, str] = ("", "")) -> dict[str, Any]:
        owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner[0] else []
        return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "ownerReferences": owners}}

    objects = [
        of("Deployment", "shop"),
        of("ReplicaSet", "shop-5d", ("Deployment", "shop")),
        {**of("Pod", "shop-5d-x", ("ReplicaSet", "shop-5d")), "apiVersion": "v1"},
        {**of("Pod", "other-x", ("ReplicaSet", "other")), "apiVersion": "v1"},
        of("StatefulSet", "data", ("Deployment", "shop")),
    ]
    resources = tuple(
        Resource(one["apiVersion"], one["kind"], one["metadata"]["name"], "", node_of(one)) for one in objects
    )
    asked = [workload.title for workload in World(resources).workloads()]
    assert asked == ["Deployment/shop", "Pod/other-x", "StatefulSet/data"]
