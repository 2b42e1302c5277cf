"""The store keeps what was written, tells every change, and lets nothing go before its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.kubernetes import lifecycle
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.resources import resource
from sandbox.kubernetes.store import Store

NAMESPACES, PODS, CONFIG_MAPS = resource("namespaces"), resource("pods"), resource("configmaps")
DEPLOYMENTS, REPLICA_SETS = resource("deployments"), resource("replicasets")
LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def store() -> Store:
    made = Store(Clock(), history=10)
    made.create(NAMESPACES, {"metadata": {"name": "a"}})
    return made


def config_map(name: str = "c", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "a"}} | more


def workload(name: str, owner: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "a", "labels": LABELS}
    if owner is not None:
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
        reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        metadata["ownerReferences"] = [reference]
    return {"metadata": metadata, "spec": {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}}


def pod(name: str, owner: dict[str, Any] | None = None, node: str | None = "n") -> dict[str, Any]:
    made = workload(name, owner)
    return made | {"spec": TEMPLATE["spec"] | ({"nodeName": node} if node else {})}


def test_what_is_read_can_be_changed_without_changing_the_store(store: Store) -> None:
    given = config_map(data={"a": "1"})
    made = store.create(CONFIG_MAPS, given)
    for copy in (given, made, store.get(CONFIG_MAPS, "a", "c"), store.list(CONFIG_MAPS, "a")[0]):
        copy["data"]["a"] = "changed"
    assert store.get(CONFIG_MAPS, "a", "c")["data"] == {"a": "1"}


def test_every_change_is_told_in_order_to_those_who_want_it(store: Store) -> None:
    everything, configuration = store.subscribe(), store.subscribe(CONFIG_MAPS)
    made = store.create(CONFIG_MAPS, config_map())
    store.update(CONFIG_MAPS, made | {"data": {"a": "1"}})
    store.create(PODS, pod("p"))
    store.delete(CONFIG_MAPS, "a", "c")
    told = [everything.get_nowait() for _ in range(everything.qsize())]
    assert [(event.type, event.resource.kind) for event in told] == [
        ("ADDED", "ConfigMap"),
        ("MODIFIED", "ConfigMap"),
        ("ADDED", "Pod"),
        ("DELETED", "ConfigMap"),
    ]
    assert [event.revision for event in told] == sorted(event.revision for event in told)
    assert configuration.qsize() == 3


def test_history_is_kept_for_a_while_and_then_gone(store: Store) -> None:
    first = store.revision
    for number in range(10):
        store.create(CONFIG_MAPS, config_map(f"c-{number}"))
    assert len(store.since(CONFIG_MAPS, first)) == 10
    store.create(CONFIG_MAPS, config_map("one-more"))
    with pytest.raises(ApiError) as gone:
        store.since(CONFIG_MAPS, first)
    assert (gone.value.code, gone.value.reason) == (410, "Expired")
    assert len(store.since(CONFIG_MAPS, first + 1)) == 10


def test_an_update_that_changes_nothing_is_not_told(store: Store) -> None:
    made = store.create(CONFIG_MAPS, config_map(data={"a": "1"}))
    queue = store.subscribe()
    store.update(CONFIG_MAPS, made)
    assert queue.empty()


def test_nulls_are_not_kept(store: Store) -> None:
    body = config_map(data={"a": "1"})
    body["metadata"] |= {"creationTimestamp": None, "labels": {"x": None}}
    made = store.create(CONFIG_MAPS, body)
    assert made["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert "labels" not in made["metadata"] or made["metadata"]["labels"] == {}


def test_a_status_write_leaves_the_spec_and_a_spec_write_the_status(store: Store) -> None:
    made = store.create(DEPLOYMENTS, workload("d"))
    changed = store.get(DEPLOYMENTS, "a", "d")
    changed["spec"]["replicas"], changed["status"] = 7, {"replicas": 3}
    written = store.update(DEPLOYMENTS, changed, "status")
    assert (written["spec"]["replicas"], written["status"]) == (1, {"replicas": 3})
    assert written["metadata"]["generation"] == made["metadata"]["generation"]
    changed["metadata"]["resourceVersion"] = written["metadata"]["resourceVersion"]
    changed["status"] = {}
    written = store.update(DEPLOYMENTS, changed)
    assert (written["spec"]["replicas"], written["status"]) == (7, {"replicas": 3})
    assert written["metadata"]["generation"] == made["metadata"]["generation"] + 1


def test_a_pod_on_a_node_stays_until_the_kubelet_lets_it_go(store: Store) -> None:
    store.create(PODS, pod("p"))
    going = store.delete(PODS, "a", "p")
    due = store.clock() + timedelta(seconds=30)
    assert going["metadata"]["deletionTimestamp"] == due.strftime("%Y-%m-%dT%H:%M:%SZ")
    shorter = store.delete(PODS, "a", "p", grace=2)
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 2
    assert store.delete(PODS, "a", "p", grace=20)["metadata"]["deletionGracePeriodSeconds"] == 2
    store.delete(PODS, "a", "p", grace=0)
    assert store.find(PODS, "a", "p") is None


def test_a_pod_that_no_node_has_goes_at_once(store: Store) -> None:
    store.create(PODS, pod("p", node=None))
    store.delete(PODS, "a", "p")
    assert store.find(PODS, "a", "p") is None


def family(store: Store) -> dict[str, Any]:
    deployment = store.create(DEPLOYMENTS, workload("d"))
    replica_set = store.create(REPLICA_SETS, workload("d-1", deployment))
    store.create(PODS, pod("d-1-x", replica_set))
    return deployment


def test_in_the_foreground_an_owner_goes_after_its_last_pod(store: Store) -> None:
    family(store)
    marked = store.delete(DEPLOYMENTS, "a", "d", "Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert "deletionTimestamp" in store.get(PODS, "a", "d-1-x")["metadata"]
    assert store.find(DEPLOYMENTS, "a", "d") and store.find(REPLICA_SETS, "a", "d-1")
    store.delete(PODS, "a", "d-1-x", grace=0)
    assert store.find(REPLICA_SETS, "a", "d-1") is None
    assert store.find(DEPLOYMENTS, "a", "d") is None


def test_in_the_background_an_owner_goes_first(store: Store) -> None:
    family(store)
    store.delete(DEPLOYMENTS, "a", "d", "Background")
    assert store.find(DEPLOYMENTS, "a", "d") is None
    assert store.find(REPLICA_SETS, "a", "d-1") is None
    assert "deletionTimestamp" in store.get(PODS, "a", "d-1-x")["metadata"]


def test_a_namespace_goes_when_its_last_pod_is_gone(store: Store) -> None:
    family(store)
    assert store.delete(NAMESPACES, None, "a")["status"]["phase"] == "Terminating"
    with pytest.raises(ApiError) as refused:
        store.create(CONFIG_MAPS, config_map())
    assert refused.value.code == 403
    assert store.find(NAMESPACES, None, "a") is not None
    store.delete(PODS, "a", "d-1-x", grace=0)
    assert store.find(NAMESPACES, None, "a") is None
    assert store.is_empty("a")


def test_an_object_with_two_owners_goes_with_the_last(store: Store) -> None:
    owners = [store.create(CONFIG_MAPS, config_map(name)) for name in ("one", "two")]
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": one["metadata"]["name"], "uid": one["metadata"]["uid"]}
        for one in owners
    ]
    body = config_map("owned")
    body["metadata"]["ownerReferences"] = references
    store.create(CONFIG_MAPS, body)
    store.delete(CONFIG_MAPS, "a", "one")
    assert store.get(CONFIG_MAPS, "a", "owned")["metadata"]["ownerReferences"] == references[1:]
    store.delete(CONFIG_MAPS, "a", "two")
    assert store.find(CONFIG_MAPS, "a", "owned") is None


def test_events_are_kept_for_an_hour_after_they_were_last_seen() -> None:
    clock = Clock()
    store = Store(clock)
    store.create(NAMESPACES, {"metadata": {"name": "a"}})
    seen_again = {"lastTimestamp": "2026-01-01T00:30:00Z"}
    for name, more in (("old", {}), ("seen-again", seen_again)):
        body = {"metadata": {"name": name, "namespace": "a"}, "involvedObject": {"kind": "Pod"}} | more
        store.create(resource("events"), body)
    for minutes, left in ((59, ["old", "seen-again"]), (61, ["seen-again"]), (91, [])):
        clock.now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        lifecycle.forget_old_events(store)
        assert [event["metadata"]["name"] for event in store.list(resource("events"))] == left


def test_an_unknown_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        resource("nonsense")
