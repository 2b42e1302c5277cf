"""What is made in the cluster is made in one way: a server with too much to do is obeyed, a refusal is a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from workloads import Objects, container, deployment

from runbook_lib.act import configuration, snapshot
from runbook_lib.act.create import create
from runbook_lib.act.put_back import put_back
from runbook_lib.errors import ChangeFailed, RunbookError, Unreachable
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.snapshots import snapshot_sets, workload_of
from tests.contract.faulty import Fault, Middle, middle

SETTINGS: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"A": "1"}}


@pytest.fixture
def between(cluster: Any) -> Iterator[Middle]:
    with middle(cluster.client) as made:
        yield made


def test_copies_a_set_and_a_deployment_that_is_made_anew_wait_when_the_server_asks_for_it(
    cluster: Any, between: Middle
) -> None:
    here, objects = Cluster(between.api, cluster.namespace), Objects(cluster)
    assert create(here, SETTINGS) is not None
    one = container(cluster.image, envFrom=[{"configMapRef": {"name": "settings"}}])
    objects.create("deployments", deployment("web", one))
    between.faults += [throttled("/secrets"), throttled("/configmaps"), throttled("/deployments")]
    assert snapshot.keep(here, "web", [], "run-1").done
    (kept,) = snapshot_sets(here, "web")
    objects.delete("deployments", "web")
    assert put_back(here, "web", workload_of(here, kept.name), kept.name).done
    assert [fault.times for fault in between.faults] == [0, 0, 0]


def throttled(kind: str) -> Fault:
    """The next object of a kind that is made has to wait."""
    return Fault(lambda line: line.startswith("POST") and kind in line, 1, 429)


@pytest.mark.parametrize(("status", "error"), [(403, ChangeFailed), (503, Unreachable)])
def test_a_restore_that_breaks_off_says_what_stands(
    cluster: Any, between: Middle, status: int, error: type[RunbookError]
) -> None:
    here, objects = Cluster(between.api, cluster.namespace), Objects(cluster)
    for name in ("one", "two"):
        objects.create("configmaps", {"metadata": {"name": name}, "data": {"A": "1"}})
    kept = configuration.snapshot(here, [("ConfigMap", "one"), ("ConfigMap", "two")]).after
    for name in ("one", "two"):
        objects.patch("configmaps", name, {"data": {"A": "2"}}, "merge-patch")
    between.faults.append(Fault(lambda line: line.startswith("PUT") and "/configmaps/two" in line, 1, status))
    with pytest.raises(error, match=r"^restored so far: ConfigMap/one; .*ConfigMap/two"):
        configuration.restore(here, kept)
    assert objects.get("configmaps", "one")["data"] == {"A": "1"}
    assert configuration.restore(here, kept).note == "restored ConfigMap/two"


def test_an_object_that_is_deleted_to_be_made_anew_and_refused_then_is_said_to_be_gone(
    cluster: Any, between: Middle
) -> None:
    here, objects = Cluster(between.api, cluster.namespace), Objects(cluster)
    objects.create("configmaps", {"metadata": {"name": "one"}, "data": {"A": "1"}})
    kept = configuration.snapshot(here, [("ConfigMap", "one")]).after
    objects.patch("configmaps", "one", {"data": {"A": "2"}, "immutable": True}, "merge-patch")
    between.faults.append(Fault(lambda line: line.startswith("POST") and "/configmaps" in line, 1, 403))
    with pytest.raises(ChangeFailed, match=r"ConfigMap/one was deleted to be made anew.*is gone.*run this again"):
        configuration.restore(here, kept)
    assert configuration.restore(here, kept).done
    assert objects.get("configmaps", "one")["data"] == {"A": "1"}


def test_what_is_there_already_is_told_apart_from_what_is_refused(cluster: Any) -> None:
    here = Cluster(cluster.client, cluster.namespace)
    assert create(here, SETTINGS) is not None
    assert create(here, SETTINGS | {"data": {"A": "2"}}) is None
    assert here.get("v1", "ConfigMap", "settings") is not None
    with pytest.raises(ChangeFailed, match=r"ConfigMap/Not a name was not made: .*metadata\.name"):
        create(here, SETTINGS | {"metadata": {"name": "Not a name"}})
