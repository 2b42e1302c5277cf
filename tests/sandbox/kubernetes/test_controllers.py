"""The controllers' arithmetic and rules, without Pods that run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sandbox.kubernetes.controllers import deployment, disruption, endpoints, replicaset, rollout
from sandbox.kubernetes.controllers.deployment import Controller
from sandbox.kubernetes.controllers.pods import PODS, matches
from sandbox.kubernetes.controllers.queue import Queue
from sandbox.kubernetes.controllers.template import same, template_hash
from sandbox.kubernetes.events import EVENTS, Recorder
from sandbox.kubernetes.quantity import amount
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store
from tests.sandbox.kubernetes.world import NAMESPACE, JsonObject

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Hands:
    """A store whose clock is moved by hand, and controllers that are run by hand."""

    def __init__(self) -> None:
        self.now = START
        self.store = Store(clock=lambda: self.now)
        self.store.create(resource("namespaces", ""), {"metadata": {"name": NAMESPACE}})
        self.controller = Controller(self.store, Recorder(self.store, "deployment-controller"))

    def deploy(self, replicas: int = 3, **spec: Any) -> None:
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "a:1"}]}}
        body = {
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template} | spec,
        }
        self.store.create(deployment.DEPLOYMENTS, body)

    def change(self, **spec: Any) -> None:
        d = self.d()
        d["spec"] |= spec
        self.store.update(deployment.DEPLOYMENTS, d)

    def set_image(self, image: str) -> None:
        d = self.d()
        d["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.store.update(deployment.DEPLOYMENTS, d)

    def d(self) -> JsonObject:
        return self.store.get(deployment.DEPLOYMENTS, NAMESPACE, "web")

    def sets(self) -> list[JsonObject]:
        return sorted(self.store.list(deployment.REPLICA_SETS), key=lambda one: int(one["metadata"]["resourceVersion"]))

    def step(self) -> float | None:
        """Every controller once."""
        again = deployment.reconcile(self.controller, NAMESPACE, "web")
        for one in self.sets():
            replicaset.reconcile(self.controller, NAMESPACE, one["metadata"]["name"])
        return again

    def settle(self, *, ready: bool = True) -> None:
        """Steps until nothing changes; Pods are ready at once, or never."""
        before = -1
        while before != self.store.revision:
            before = self.store.revision
            self.step()
            for pod in self.store.list(PODS) if ready else ():
                self.make_ready(pod)

    def make_ready(self, pod: JsonObject, at: datetime | None = None) -> None:
        since = (at or self.now).strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": since}
        status = {"phase": "Running", "conditions": [condition]}
        if not any(one["type"] == "Ready" for one in pod.get("status", {}).get("conditions", ())):
            self.store.update(PODS, pod | {"status": status}, "status")

    def reasons(self) -> dict[str, str]:
        return {one["type"]: one["reason"] for one in self.d()["status"]["conditions"]}

    def said(self) -> list[str]:
        events = sorted(self.store.list(EVENTS), key=lambda one: int(one["metadata"]["resourceVersion"]))
        return [one["message"] for one in events if one["reason"] == "ScalingReplicaSet"]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (3, "25%", "25%", (1, 0)),
        (10, "25%", "25%", (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (4, 0, 0, (0, 1)),
        (4, 0, "10%", (0, 1)),
        (3, 2, 5, (2, 3)),
        (0, "25%", "25%", (0, 0)),
        (5, "100%", 0, (5, 0)),
    ],
)
def test_surge_rounds_up_unavailable_down_and_both_are_never_zero(
    replicas: int, surge: int | str, unavailable: int | str, expected: tuple[int, int]
) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    d = {"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}
    assert (rollout.max_surge(d), rollout.max_unavailable(d)) == expected


def test_the_hash_of_a_template_ignores_nulls_units_and_the_hash_itself() -> None:
    def template(cpu: str, port: int | str, **more: Any) -> JsonObject:
        container = {
            "name": "c",
            "image": "a:1",
            "resources": {"limits": {"cpu": cpu}},
            "livenessProbe": {"httpGet": {"port": port}},
        }
        return {"metadata": {"labels": {"app": "web"}} | more, "spec": {"containers": [container]}}

    one = template("500m", 8080)
    other = template("0.5", "8080", creationTimestamp=None, labels={"app": "web", "pod-template-hash": "x"})
    assert same(one, other)
    assert template_hash(one) == template_hash(other)
    assert not same(one, template("501m", 8080))
    assert template_hash(one) != template_hash(template("501m", 8080))
    assert template_hash(one, collisions=1) != template_hash(one)


def test_a_hash_that_is_taken_by_another_template_is_counted_and_avoided(hands: Hands) -> None:
    hands.deploy(1)
    digest = template_hash(hands.d()["spec"]["template"])
    taken = {
        "metadata": {"name": f"web-{digest}", "namespace": NAMESPACE},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "other"}},
            "template": {
                "metadata": {"labels": {"app": "other"}},
                "spec": {"containers": [{"name": "o", "image": "o"}]},
            },
        },
    }
    hands.store.create(deployment.REPLICA_SETS, taken)
    hands.settle()
    assert hands.d()["status"]["collisionCount"] == 1
    assert hands.d()["status"]["availableReplicas"] == 1


@settings(deadline=None, max_examples=30)
@example(wanted=10, surge="41%", unavailable=0)  # a status that still counts a Pod that was told to go
@given(
    wanted=st.integers(0, 12),
    surge=st.one_of(st.integers(0, 5), st.integers(0, 100).map(lambda n: f"{n}%")),
    unavailable=st.one_of(st.integers(0, 5), st.integers(0, 100).map(lambda n: f"{n}%")),
)
def test_a_rolling_update_keeps_within_its_bounds(wanted: int, surge: int | str, unavailable: int | str) -> None:
    """Never more Pods than replicas and surge, never fewer available than allowed, and it ends."""
    assume(any(int(str(value).rstrip("%")) for value in (surge, unavailable)))  # the API refuses both to be zero
    hands = Hands()
    hands.deploy(
        wanted, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    )
    hands.settle()
    hands.set_image("a:2")
    most = wanted + rollout.max_surge(hands.d())
    least = wanted - rollout.max_unavailable(hands.d())
    for _ in range(200):
        before = hands.store.revision
        hands.step()
        alive = [pod for pod in hands.store.list(PODS) if "deletionTimestamp" not in pod["metadata"]]
        ready = [pod for pod in alive if pod.get("status", {}).get("conditions")]
        assert len(alive) <= most
        assert len(ready) >= least
        waiting = [pod for pod in alive if not pod.get("status", {}).get("conditions")]
        for pod in waiting[:1]:  # they become ready one by one
            hands.make_ready(pod)
        if before == hands.store.revision:
            break
    images = {pod["spec"]["containers"][0]["image"] for pod in hands.store.list(PODS)}
    assert images == ({"a:2"} if wanted else set())
    assert hands.d()["status"].get("updatedReplicas", 0) == wanted


def test_a_bad_rollout_is_told_when_its_deadline_is_over_and_not_before(hands: Hands) -> None:
    hands.deploy(3, progressDeadlineSeconds=30)
    hands.settle()
    hands.set_image("a:2")
    hands.settle(ready=False)
    again = hands.step()
    assert again is not None
    assert 29 < again < 31
    hands.now += timedelta(seconds=29)
    hands.step()
    assert hands.reasons()["Progressing"] == "ReplicaSetUpdated"
    hands.now += timedelta(seconds=2)
    assert hands.step() is None or hands.reasons()["Progressing"] == "ProgressDeadlineExceeded"
    assert hands.reasons() == {"Available": "MinimumReplicasAvailable", "Progressing": "ProgressDeadlineExceeded"}


def test_scaling_in_the_middle_of_a_rollout_shares_the_change_out(hands: Hands) -> None:
    """The example of the Kubernetes documentation: 10 replicas, maxSurge 3, a stuck rollout, then 15."""
    hands.deploy(10, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    hands.settle()
    hands.set_image("a:bad")
    hands.settle(ready=False)
    sizes = {one["spec"]["template"]["spec"]["containers"][0]["image"]: one["spec"]["replicas"] for one in hands.sets()}
    assert sizes == {"a:1": 8, "a:bad": 5}
    hands.change(replicas=15)
    hands.settle(ready=False)
    sizes = {one["spec"]["template"]["spec"]["containers"][0]["image"]: one["spec"]["replicas"] for one in hands.sets()}
    assert sizes == {"a:1": 11, "a:bad": 7}


def test_the_first_pods_to_go_are_those_that_serve_least(hands: Hands) -> None:
    hands.deploy(4)
    hands.settle(ready=False)
    late, early, cheap, unready = hands.store.list(PODS)
    cheap["metadata"]["annotations"] = {replicaset.DELETION_COST: "-5"}
    cheap = hands.store.update(PODS, cheap)
    for pod in (late, early, cheap, unready):
        hands.store.update(
            PODS, hands.store.get(PODS, NAMESPACE, pod["metadata"]["name"]) | {"spec": pod["spec"] | {"nodeName": "n"}}
        )
    for pod, age in ((early, 50), (late, 10), (cheap, 99)):
        stored = hands.store.get(PODS, NAMESPACE, pod["metadata"]["name"])
        hands.make_ready(stored, START - timedelta(seconds=age))
    order = []
    for replicas in (3, 2, 1):
        hands.change(replicas=replicas)
        before = {
            pod["metadata"]["name"] for pod in hands.store.list(PODS) if "deletionTimestamp" not in pod["metadata"]
        }
        hands.settle(ready=False)
        after = {
            pod["metadata"]["name"] for pod in hands.store.list(PODS) if "deletionTimestamp" not in pod["metadata"]
        }
        order += sorted(before - after)
    assert order == [one["metadata"]["name"] for one in (unready, cheap, late)]


def test_a_replicaset_takes_in_a_matching_pod_without_an_owner(hands: Hands) -> None:
    hands.deploy(1)
    hands.settle()
    (one,) = hands.sets()
    labels = one["spec"]["selector"]["matchLabels"]
    orphan = {
        "metadata": {"name": "orphan", "namespace": NAMESPACE, "labels": labels},
        "spec": one["spec"]["template"]["spec"],
    }
    hands.store.create(PODS, orphan)
    hands.change(replicas=2)
    hands.settle()
    names = {pod["metadata"]["name"] for pod in hands.store.list(PODS)}
    assert len(names) == 2
    assert "orphan" in names
    (owner,) = hands.store.get(PODS, NAMESPACE, "orphan")["metadata"]["ownerReferences"]
    assert owner["uid"] == one["metadata"]["uid"]


def test_pods_that_are_refused_are_told_by_a_condition(hands: Hands) -> None:
    hands.deploy(1)
    hands.step()
    namespaces = resource("namespaces", "")
    going = hands.store.get(namespaces, None, NAMESPACE)
    (one,) = hands.sets()
    for pod in hands.store.list(PODS):
        hands.store.delete(PODS, NAMESPACE, pod["metadata"]["name"], grace=0)
    going["metadata"]["deletionTimestamp"] = "2026-11-20T12:00:00Z"
    hands.store.commit("MODIFIED", namespaces, going, None)
    replicaset.reconcile(hands.controller, NAMESPACE, one["metadata"]["name"])
    (condition,) = hands.sets()[0]["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert "is being terminated" in condition["message"]


def test_a_step_that_has_nothing_to_do_writes_nothing(hands: Hands) -> None:
    hands.deploy(2)
    hands.settle()
    before = hands.store.revision
    hands.step()
    assert hands.store.revision == before


def test_endpoints_know_ready_serving_and_terminating(hands: Hands) -> None:
    service = {
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    hands.store.create(endpoints.SERVICES, service)
    for number, (ready, going) in enumerate(((True, False), (False, False), (True, True)), 1):
        pod = {
            "metadata": {"name": f"p{number}", "namespace": NAMESPACE, "labels": {"app": "web"}},
            "spec": {
                "nodeName": "n",
                "containers": [{"name": "c", "image": "a", "ports": [{"name": "http", "containerPort": 8080}]}],
            },
        }
        made = hands.store.create(PODS, pod)
        conditions = [{"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-11-20T12:00:00Z"}]
        status = {"phase": "Running", "podIP": f"127.0.0.{number}", "conditions": conditions}
        hands.store.update(PODS, made | {"status": status}, "status")
        if going:
            hands.store.delete(PODS, NAMESPACE, f"p{number}")
    endpoints.reconcile(hands.controller, NAMESPACE, "web")
    (one,) = hands.store.list(endpoints.SLICES)
    found = {each["addresses"][0]: tuple(each["conditions"].values()) for each in one["endpoints"]}
    assert found == {
        "127.0.0.1": (True, True, False),
        "127.0.0.2": (False, False, False),
        "127.0.0.3": (False, True, True),
    }
    assert one["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    (subset,) = hands.store.get(endpoints.ENDPOINTS, NAMESPACE, "web")["subsets"]
    assert [address["ip"] for address in subset["addresses"]] == ["127.0.0.1"]
    assert [address["ip"] for address in subset["notReadyAddresses"]] == ["127.0.0.2"]
    before = hands.store.revision
    endpoints.reconcile(hands.controller, NAMESPACE, "web")
    assert hands.store.revision == before


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [({"minAvailable": 2}, 1), ({"minAvailable": "50%"}, 1), ({"maxUnavailable": 1}, 1), ({"minAvailable": 3}, 0)],
)
def test_a_budget_says_how_many_pods_may_go(hands: Hands, spec: JsonObject, allowed: int) -> None:
    hands.deploy(3)
    hands.settle()
    selector = {"matchLabels": {"app": "web"}}
    hands.store.create(
        disruption.BUDGETS, {"metadata": {"name": "web", "namespace": NAMESPACE}, "spec": {"selector": selector} | spec}
    )
    disruption.reconcile(hands.controller, NAMESPACE, "web")
    status = hands.store.get(disruption.BUDGETS, NAMESPACE, "web")["status"]
    assert (status["currentHealthy"], status["expectedPods"], status["disruptionsAllowed"]) == (3, 3, allowed)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "x"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_selectors_choose_by_labels_and_expressions(selector: JsonObject, chosen: bool) -> None:
    assert matches(selector, {"app": "web"}) is chosen


@pytest.mark.parametrize(
    ("text", "number"),
    [("100m", "0.1"), ("64Mi", str(64 * 2**20)), ("1e3", "1000"), ("2k", "2000"), (".5", "0.5"), (3, "3")],
)
def test_quantities_are_numbers(text: str | int, number: str) -> None:
    assert amount(text) == amount(number)


@pytest.mark.parametrize("text", ["1GB", "1K", "", "many", "1 m"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        amount(text)


def test_a_repeated_event_is_counted_and_an_old_one_forgotten(hands: Hands) -> None:
    hands.deploy(1)
    recorder = Recorder(hands.store, "kubelet", "node")
    for _ in range(3):
        recorder.record(hands.d(), "Warning", "BackOff", "again", "c")
    (one,) = hands.store.list(EVENTS)
    assert (one["count"], one["involvedObject"]["fieldPath"]) == (3, "spec.containers{c}")
    hands.now += timedelta(hours=2)
    recorder.record(hands.d(), "Normal", "Started", "Container started", "c")
    assert [event["reason"] for event in hands.store.list(EVENTS)] == ["Started"]


def test_events_that_differ_only_in_their_words_are_combined_after_ten(hands: Hands) -> None:
    hands.deploy(1)
    recorder = Recorder(hands.store, "deployment-controller")
    for number in range(13):
        recorder.record(hands.d(), "Normal", "ScalingReplicaSet", f"Scaled up from {number}")
    combined = [one["message"] for one in hands.store.list(EVENTS) if one["message"].startswith("(combined")]
    assert len(combined) == 3
    assert len(hands.store.list(EVENTS)) == 13


def test_a_queue_holds_a_key_once_and_brings_a_later_one_in_time() -> None:
    async def run() -> list[str]:
        queue: Queue[str] = Queue()
        queue.add_later("late", 0.05)
        queue.add_later("sooner", 30)
        queue.add("now")
        queue.add("now")
        queue.add("sooner")
        found = [await queue.get(), await queue.get(), await asyncio.wait_for(queue.get(), 5)]
        queue.close()
        return found

    assert asyncio.run(run()) == ["now", "sooner", "late"]
