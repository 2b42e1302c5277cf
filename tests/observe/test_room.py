"""What a release adds, and what its namespace and the nodes have left."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.judge import preflight as judge
from runbook_lib.judge.preflight.seen import NodeRoom, Quota, Unknown
from runbook_lib.model import Outcome
from runbook_lib.observe.room import demand, is_ready, pods_wanted
from runbook_lib.observe.sizes import against, sizes_of

MIB = 2**20
HALF = {"requests": {"cpu": "500m", "memory": "64Mi"}}


def deployment(replicas: int | None = None, resources: Any = HALF, **strategy: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "web", "resources": resources}]}}}
    spec |= {} if replicas is None else {"replicas": replicas}
    spec |= {"strategy": strategy} if strategy else {}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def test_init_containers_run_before_the_others_and_sidecars_beside_them() -> None:
    def container(memory: str, **more: Any) -> dict[str, Any]:
        return {"name": "c", "resources": {"requests": {"memory": memory}}, **more}

    spec = {
        "containers": [container("32Mi"), container("32Mi")],
        "initContainers": [container("100Mi"), container("16Mi", restartPolicy="Always")],
    }
    assert sizes_of(spec)["requests.memory"] == 100 * MIB
    assert sizes_of({**spec, "initContainers": spec["initContainers"][1:]})["requests.memory"] == 80 * MIB


@pytest.mark.parametrize(
    ("new", "live", "count"),
    [
        (deployment(3, rollingUpdate={"maxSurge": 1}), None, 4),  # the drill rolls it once more
        (deployment(3), None, 4),  # 25 % of 3, rounded up
        (deployment(5, rollingUpdate={"maxSurge": "50%"}), deployment(5), 3),  # those that run have their room
        (deployment(5, type="Recreate"), deployment(5), 0),
        (deployment(8, type="Recreate"), deployment(5), 3),
        (deployment(None), None, 2),
        (deployment(None), deployment(6), 2),  # without replicas it keeps those it has
        (deployment(2), deployment(5), 1),
    ],
)
def test_only_what_comes_on_top_of_what_runs_is_wanted(new: Any, live: Any, count: int) -> None:
    assert pods_wanted(new, [], live).count == count


def test_pods_that_become_larger_need_the_difference_and_an_autoscaler_its_minimum() -> None:
    larger = deployment(2, {"requests": {"cpu": "500m", "memory": "96Mi"}}, type="Recreate")
    wanted = pods_wanted(larger, [], deployment(2))
    assert (wanted.larger, wanted.growth) == (2, {"requests.memory": 32.0 * MIB, "memory": 32.0 * MIB})
    target = {"kind": "Deployment", "name": "web"}
    scaler = {"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": target, "minReplicas": 6}}
    assert pods_wanted(deployment(2, type="Recreate"), [scaler]).count == 6


def test_what_the_namespace_fills_in_counts_and_what_it_forbids_is_told() -> None:
    item = {"type": "Container", "default": {"memory": "64Mi"}, "defaultRequest": {"cpu": "20m", "memory": "64Mi"}}
    found = demand([deployment(1, {}, type="Recreate")], {}, [{"spec": {"limits": [item]}}])
    assert found.sizes["requests.cpu"] == 0.02
    assert found.unsaid == {"limits.cpu": ("Deployment/web/web",)}
    assert found.against_limits == ()
    strict = item | {"max": {"memory": "32Mi"}}
    (said,) = against(deployment(1, {})["spec"]["template"]["spec"], [strict])
    assert "> 32Mi" in said
    assert judge.limits(demand([deployment(1, {})], {}, [{"spec": {"limits": [strict]}}])).outcome is Outcome.FAIL
    assert judge.limits(found).outcome is Outcome.PASS


def test_new_objects_and_the_copies_of_the_configuration_are_counted() -> None:
    objects = [
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": "web"}, "spec": {}} for kind in ("ConfigMap", "Secret")
    ]
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web"}}
    sizes = demand([*objects, policy], {"ConfigMap/web": {}}, []).sizes
    assert sizes["secrets"] == 3.0, "itself, and a copy of each"
    assert "configmaps" not in sizes
    assert sizes["count/networkpolicies.networking.k8s.io"] == 1.0


@pytest.mark.parametrize(
    ("used", "outcome", "words"),
    [(64.0, 0, "64 MiB used + 128 MiB more <= 200 MiB"), (80.0, 2, "80 MiB used + 128 MiB more > 200 MiB")],
)
def test_a_quota_is_held_against_what_is_used_and_what_comes(used: float, outcome: int, words: str) -> None:
    wanted = demand([deployment(2, type="Recreate")], {}, [])
    one = Quota("compute", {"requests.memory": 200.0 * MIB}, {"requests.memory": used * MIB})
    verdict = judge.quota(wanted, (one,))
    assert verdict.outcome == outcome
    assert words in verdict.message


def test_a_quota_of_what_no_container_says_refuses_the_pods() -> None:
    verdict = judge.quota(demand([deployment(1)], {}, []), (Quota("compute", {"limits.cpu": 9.0}, {}),))
    assert verdict.outcome is Outcome.FAIL
    assert "Deployment/web/web names none" in verdict.message


def test_no_quota_is_a_pass_and_an_unread_one_is_not_known() -> None:
    wanted = demand([deployment(1)], {}, [])
    assert judge.quota(wanted, ()).outcome is Outcome.PASS
    unread = judge.quota(wanted, Unknown("ResourceQuota may not be listed by us"))
    assert unread.outcome is Outcome.INCONCLUSIVE
    assert judge.holding([unread]) == [], "the rollout tells"


def nodes(*cores: float, **more: Any) -> tuple[NodeRoom, ...]:
    return tuple(NodeRoom(f"n{at}", free, 1024.0 * MIB, 110.0, **more) for at, free in enumerate(cores))


@pytest.mark.parametrize(
    ("free", "outcome"),
    [
        ((1.0, 0.5), 0),
        ((0.4, 0.4, 0.4, 0.4), 2),  # enough in all, and no node has room for one
        ((1.4,), 2),
        ((), 2),
    ],
)
def test_every_pod_needs_a_node_of_its_own_size(free: tuple[float, ...], outcome: int) -> None:
    wanted = [pods_wanted(deployment(3, type="Recreate"), [])]
    assert judge.capacity(wanted, nodes(*free)).outcome == outcome


def test_a_full_cluster_says_how_much_is_wanted_how_much_there_is_and_what_to_do() -> None:
    message = judge.capacity([pods_wanted(deployment(3, type="Recreate"), [])], nodes(1.4)).message
    assert message == (
        "wanted: 3 Pods more than run now, 1.50 cores and 192 MiB > free on 1 ready nodes 1.40 cores and 1024 MiB: "
        "no node has room for 1 of Deployment/web; add nodes, or lower requests or maxSurge"
    )
    unseen = judge.capacity([], Unknown("Node may not be listed by us"))
    assert (unseen.outcome, judge.holding([unseen])) == (Outcome.INCONCLUSIVE, [])


def test_a_taint_or_a_selector_keeps_pods_off_a_node() -> None:
    chosen = deployment(1, type="Recreate")
    chosen["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "fast"}
    assert judge.capacity([pods_wanted(chosen, [])], nodes(4)).outcome is Outcome.FAIL
    assert judge.capacity([pods_wanted(chosen, [])], nodes(4, labels={"disk": "fast"})).outcome is Outcome.PASS
    plain = deployment(1, type="Recreate")
    assert judge.capacity([pods_wanted(plain, [])], nodes(4, taints=("gpu",))).outcome is Outcome.FAIL
    plain["spec"]["template"]["spec"]["tolerations"] = [{"key": "gpu", "operator": "Exists"}]
    assert judge.capacity([pods_wanted(plain, [])], nodes(4, taints=("gpu",))).outcome is Outcome.PASS


def test_a_node_that_is_not_ready_or_cordoned_takes_no_pods() -> None:
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "spec": {}}
    assert is_ready(ready)
    assert not is_ready(ready | {"spec": {"unschedulable": True}})
    assert not is_ready({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})
