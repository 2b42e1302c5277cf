"""06: the way back works when nearly everything else is gone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from runbook_lib.act import configuration, snapshot, workload
from runbook_lib.act.traffic.knob import admit, read, read_weight
from runbook_lib.clients import connect
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.rollout import deployment
from runbook_lib.observe.workload.snapshots import essence, snapshot_sets
from runbook_lib.observe.workload.wait import wait
from tests.notebooks.conftest import Play, World

NOTEBOOK = "06_rollback.ipynb"
NAME = "order-service"
pytestmark = [pytest.mark.range, pytest.mark.timeout(400)]


def test_a_rollback_brings_everybody_back_and_sees_it_in_the_requests(world: World, play: Play) -> None:
    world.users_at(30)
    played = play(NOTEBOOK, reason="test")
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert "30 % -> 0 %, seen in the requests" in played.attempt.facts["message"]
    assert read_weight(connect(world.parameters)) == 0


def test_a_rollback_needs_neither_prometheus_nor_the_cluster(world: World, play: Play) -> None:
    world.users_at(30)
    world.fault("prometheus_down=true", "side=range")
    world.fault("api_down=true", "side=range")
    traffic = {**world.values["traffic"], "split_patience": "2s"}
    played = play(NOTEBOOK, {"traffic": traffic})
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert "not confirmed" in played.attempt.facts["message"]
    assert read_weight(connect(world.parameters)) == 0


def test_a_drill_brings_the_users_back_and_forward_again_and_admits_nobody_who_was_not(
    world: World, play: Play
) -> None:
    world.values["traffic"]["testers"] = {"header": "x-tester", "value": "on"}
    world.users_at(10)
    played = play(NOTEBOOK, mode="drill")
    assert (played.error, played.outcome) == ("", "passed"), played.message
    found = read(connect(world.parameters))
    assert (found.weight, found.testers) == (10, False)


@pytest.mark.heavy
def test_a_drill_admits_testers_again_who_had_been_admitted(world: World, play: Play) -> None:
    world.values["traffic"]["testers"] = {"header": "x-tester", "value": "on"}
    clients = connect(world.parameters)
    admit(clients, True)
    played = play(NOTEBOOK, mode="drill")
    found = read(clients)
    admit(clients, False)
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert (found.weight, found.testers) == (0, True)


@pytest.mark.heavy
def test_users_who_are_still_seen_on_the_new_side_fail_a_rollback(world: World, play: Play) -> None:
    world.users_at(30)
    traffic = {**world.values["traffic"], "split_patience": "6s"}
    with straying(f"{world.values['kubernetes']['gateway']}/orders"):
        played = play(NOTEBOOK, {"traffic": traffic})
    assert (played.error, played.outcome) == ("CriterionFailed", "failed"), played.message
    assert "asked 0 %" in played.message
    assert read_weight(connect(world.parameters)) == 0


@contextmanager
def straying(url: str) -> Iterator[None]:
    """Somebody who knows the new side by its address, and asks it again and again."""
    over = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            while not over.wait(0.05):
                session.get(url, timeout=5)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    yield
    over.set()
    asking.join()


def test_where_nginx_refuses_the_record_says_where_the_users_are(world: World, play: Play) -> None:
    world.users_at(30)
    world.fault("reload_refused=true", "side=range")
    played = play(NOTEBOOK)
    assert played.error == "ChangeFailed"
    assert "says 0 % and stays so, but nginx may still run 30 %" in played.message


def test_an_unknown_mode_is_refused(play: Play, world: World) -> None:
    with pytest.raises(IndexError):  # refused before there is anything to file
        play(NOTEBOOK, mode="undo")


@pytest.fixture
def released(world: World) -> Iterator[Cluster]:
    """A release after which nobody is well: another template, another configuration; what stood before was kept."""
    p = world.parameters
    cluster = Cluster(connect(p).kubernetes, p.kubernetes.namespace)
    _forget_sets(cluster)  # the pilot's tests have kept some, too
    kept = snapshot.keep(cluster, NAME, [], "a-release")
    for one in kept.after:
        if one.kind == "ConfigMap":
            cluster.resource("v1", "ConfigMap").patch(
                body={"data": {"RELEASE_NOTE": "two"}},
                name=one.name,
                namespace=cluster.namespace,
                content_type="application/merge-patch+json",
            )
    workload.annotate(cluster, NAME, {"example/version": "2"})
    wait(cluster, NAME, p.kubernetes.rollout_timeout)
    yield cluster
    workload.annotate(cluster, NAME, {"example/version": None})
    configuration.restore(cluster, kept.after)
    wait(cluster, NAME, p.kubernetes.rollout_timeout)
    _forget_sets(cluster)


def _forget_sets(cluster: Cluster) -> None:
    for found in snapshot_sets(cluster, NAME):
        cluster.resource("v1", "ConfigMap").delete(name=found.name, namespace=cluster.namespace)


@pytest.mark.heavy
def test_workload_and_configuration_go_back_to_the_set_before_the_release(
    world: World, play: Play, released: Cluster
) -> None:
    (kept,) = snapshot_sets(released, NAME)
    world.users_at(30)
    played = play(NOTEBOOK, level="configuration", reason="the new version loses orders")
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert read_weight(connect(world.parameters)) == 0
    assert essence(deployment(released, NAME)) == kept.template
    changes = [change["what"] for change in played.attempt.facts["changes"]]
    assert [what.split()[0] for what in changes] == ["traffic", "restore", "Deployment/order-service", "start"]
    page = (played.attempt.folder.parent / "incident.html").read_text()
    assert "the new version loses orders" in page and "restored" in page
    timeline = json.loads((played.attempt.folder / "evidence" / "timeline.json").read_text())
    assert [step["kind"] for step in timeline["steps"]][:3] == ["detected", "decided", "acted"]


@pytest.mark.heavy
def test_a_set_that_was_altered_is_refused_with_the_users_back_and_nothing_written(
    world: World, play: Play, released: Cluster
) -> None:
    (kept,) = snapshot_sets(released, NAME)
    maps = released.resource("v1", "ConfigMap")
    found = released.get("v1", "ConfigMap", kept.name) or {}
    maps.delete(name=kept.name, namespace=released.namespace)
    text = {key: value.replace("order-service", "other-service", 1) for key, value in found["data"].items()}
    metadata = {key: found["metadata"][key] for key in ("name", "labels")}
    maps.create(body={**found, "metadata": metadata, "data": text}, namespace=released.namespace)
    before = essence(deployment(released, NAME))
    world.users_at(30)
    played = play(NOTEBOOK, level="configuration")
    assert (played.error, played.outcome) == ("CriterionFailed", "failed")
    assert "was altered; it is not used" in played.message
    assert read_weight(connect(world.parameters)) == 0
    assert essence(deployment(released, NAME)) == before


@pytest.mark.heavy
def test_a_drill_walks_the_other_levels_while_the_users_are_away(world: World, play: Play, released: Cluster) -> None:
    before = essence(deployment(released, NAME), with_drill=True)
    world.users_at(10)
    played = play(NOTEBOOK, mode="drill", level="configuration")
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert read_weight(connect(world.parameters)) == 10
    assert essence(deployment(released, NAME), with_drill=True) == before
    drilled = json.loads((played.attempt.folder / "evidence" / "drill.json").read_text())
    assert (drilled["level"], drilled["before"], drilled["after"]) == ("configuration", before, before)
    assert drilled["changed"] != before
    assert not (played.attempt.folder.parent / "incident.html").exists()
