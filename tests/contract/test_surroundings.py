"""What surrounds a release, read from a cluster: quota, nodes, classes, Gateways, images, time; on any cluster."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from runbook_lib.judge import preflight as judge
from runbook_lib.judge.preflight.seen import Unknown
from runbook_lib.model import Outcome, now
from runbook_lib.observe import room
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.listing import listed
from runbook_lib.observe.preflight import platform
from runbook_lib.observe.preflight.clocks import clocks
from runbook_lib.observe.preflight.images import images
from runbook_lib.observe.preflight.look import live_of
from runbook_lib.observe.release import bundle
from tests.contract.limited import client_of
from tests.contract.test_release import release

GATEWAYS = "gateway.networking.k8s.io/v1"


@pytest.fixture
def here(cluster: Any) -> Cluster:
    return Cluster(cluster.client, cluster.namespace)


def objects_of(here: Cluster, folder: Path) -> list[dict[str, Any]]:
    return [manifest.object for manifest in bundle.read(folder, here.namespace)]


def made(here: Cluster, api_version: str, kind: str, name: str, **body: Any) -> dict[str, Any]:
    """An object that is there from now on."""
    whole = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **body}
    resource = here.resource(api_version, kind)
    resource.create(body=whole, namespace=here.namespace if resource.namespaced else None)
    return whole


def test_a_release_that_does_not_fit_into_the_quota_fails_before_anything_is_applied(
    here: Cluster, cluster: Any, tmp_path: Path
) -> None:
    objects = objects_of(here, release(tmp_path, cluster.image))
    made(here, "v1", "ResourceQuota", "compute", spec={"hard": {"requests.memory": "40Mi", "pods": "10"}})
    cluster.wait("the quota", lambda: [one for one in room.quotas(here) if one.used])  # type: ignore[union-attr]
    verdict = judge.quota(room.demand(objects, live_of(here, objects), []), room.quotas(here))
    assert verdict.outcome is Outcome.FAIL
    assert "requests.memory 0 MiB used + 48 MiB more > 40 MiB" in verdict.message, "two Pods, and one of the drill"
    here.resource("v1", "ResourceQuota").patch(
        body={"spec": {"hard": {"requests.memory": "48Mi"}}},
        name="compute",
        namespace=here.namespace,
        content_type="application/merge-patch+json",
    )
    assert judge.quota(room.demand(objects, {}, []), room.quotas(here)).outcome is Outcome.PASS


def test_a_release_that_no_node_has_room_for_fails_and_one_that_fits_passes(
    here: Cluster, cluster: Any, tmp_path: Path
) -> None:
    objects = objects_of(here, release(tmp_path, cluster.image))
    nodes = room.nodes(here, listed(here, "v1", "Node"))
    assert not isinstance(nodes, Unknown)
    assert judge.capacity(room.demand(objects, {}, []).pods, nodes).outcome is Outcome.PASS
    (web,) = [item for item in objects if item["kind"] == "Deployment"]
    web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] = "4000Gi"
    full = judge.capacity(room.demand(objects, {}, []).pods, nodes)
    assert full.outcome is Outcome.FAIL
    assert "no node has room for 3 of Deployment/web" in full.message


def test_whoever_sees_only_a_namespace_is_told_what_is_not_known_and_not_held_up(cluster: Any, tmp_path: Path) -> None:
    runner = Cluster(client_of(cluster), cluster.namespace)
    objects = objects_of(runner, release(tmp_path, cluster.image))
    nodes = listed(runner, "v1", "Node")
    assert isinstance(nodes, Unknown)
    verdicts = [
        judge.capacity(room.demand(objects, {}, []).pods, room.nodes(runner, nodes)),
        judge.quota(room.demand(objects, {}, []), room.quotas(runner)),
        judge.clocks(clocks(runner, nodes)),
        judge.images(images(runner, requests.Session(), objects, nodes)),
        judge.service(platform.service(runner, "elsewhere", "web", objects)),
    ]
    assert [verdict.outcome for verdict in verdicts] == [Outcome.INCONCLUSIVE] * 5
    assert judge.holding(verdicts) == []


def test_a_claim_needs_a_class_that_is_there(here: Cluster) -> None:
    def claim(name: str) -> dict[str, Any]:
        spec = {"storageClassName": "no-such-class", "accessModes": ["ReadWriteOnce"]}
        spec |= {"resources": {"requests": {"storage": "1Gi"}}}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}

    (absent,) = platform.storage(here, [claim("data")])
    assert (absent.state, absent.needs) == ("absent", "StorageClass/no-such-class")
    with_class = [claim("data"), {"kind": "StorageClass", "metadata": {"name": "no-such-class"}}]
    assert platform.storage(here, with_class)[0].state == "there", "it comes with the release"
    here.resource("v1", "PersistentVolumeClaim").create(body=claim("data"), namespace=here.namespace)
    assert platform.storage(here, [claim("data")])[0].state == "there"
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": name}} for name in ("data", "none")]
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [], "volumes": volumes}}
    assert [one.state for one in platform.storage(here, [pod])] == ["there", "absent"]


def test_an_ingress_needs_a_class_that_is_there(here: Cluster) -> None:
    ingress: dict[str, Any] = {"kind": "Ingress", "metadata": {"name": "web"}, "spec": {"ingressClassName": "none"}}
    (absent,) = platform.routes(here, [ingress])
    assert (absent.state, absent.needs) == ("absent", "IngressClass/none")
    own = {"kind": "IngressClass", "metadata": {"name": "none"}, "spec": {"controller": "example.com/c"}}
    assert platform.routes(here, [ingress, own])[0].state == "there"


@pytest.mark.parametrize(
    ("listener", "state", "said"),
    [
        ({}, "there", "listener web"),
        ({"hostname": "*.shop.example"}, "there", "listener web"),
        ({"hostname": "other.example"}, "refused", "listener web is for other.example"),
        ({"allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}, "refused", "takes GRPCRoute only"),
        ({"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}}}, "refused",
         "its labels are not chosen"),
        ({"name": "tls"}, "refused", "it has no listener web"),
    ],
)  # fmt: skip
def test_a_route_needs_a_gateway_with_a_listener_for_it(here: Cluster, listener: Any, state: str, said: str) -> None:
    if not any(here.client.resources.search(kind="Gateway", api_version=GATEWAYS)):
        pytest.skip("this cluster has no Gateway API: its part was not tested")
    parent = {"name": "edge", "sectionName": "web"}
    spec = {"parentRefs": [parent], "hostnames": ["orders.shop.example"]}
    route = {"apiVersion": GATEWAYS, "kind": "HTTPRoute", "metadata": {"name": "web"}, "spec": spec}
    assert platform.routes(here, [route])[0].state == "absent"
    kind = {"kind": "GatewayClass", "metadata": {"name": "example"}}
    one = {"name": "web", "port": 80, "protocol": "HTTP", **listener}
    made(here, GATEWAYS, "Gateway", "edge", spec={"gatewayClassName": "example", "listeners": [one]})
    assert "GatewayClass/example is not there" in platform.routes(here, [route])[0].said
    classes = here.resource(GATEWAYS, "GatewayClass")
    classes.create(body={"apiVersion": GATEWAYS, **kind, "spec": {"controllerName": "example.com/gateway"}})
    try:
        (found,) = platform.routes(here, [route])
        assert (found.state, said in found.said) == (state, True), found.said
    finally:
        classes.delete(name="example")


def test_the_service_is_to_choose_the_pods_of_the_deployment(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    objects = objects_of(here, release(tmp_path, cluster.image))
    assert platform.service(here, "web", "web", objects).state == "there"
    assert platform.service(here, "elsewhere", "web", objects).state == "absent"
    (service,) = [item for item in objects if item["kind"] == "Service"]
    service["spec"]["selector"] = {"app": "other"}
    assert platform.service(here, "web", "web", objects).state == "refused"


def test_the_clocks_of_server_and_nodes_are_read_and_a_wrong_one_of_ours_is_named(here: Cluster) -> None:
    nodes = listed(here, "v1", "Node")
    cluster_time = clocks(here, nodes)
    assert judge.clocks(cluster_time).outcome is Outcome.PASS, judge.clocks(cluster_time).message
    wrong = judge.clocks(clocks(here, nodes, lambda: now() + timedelta(seconds=90)))
    assert wrong.outcome is Outcome.FAIL
    assert "ahead of the API server's > 10 s" in wrong.message


def test_an_image_that_the_nodes_have_needs_no_registry(here: Cluster, cluster: Any, tmp_path: Path) -> None:
    objects = objects_of(here, release(tmp_path, cluster.image))
    found = images(here, requests.Session(), objects, listed(here, "v1", "Node"))
    verdict = judge.images(found)
    # kubelets tell of the 50 largest images only
    assert verdict.outcome is (Outcome.PASS if cluster.is_embedded or found[0].on_nodes else Outcome.INCONCLUSIVE)
    assert all(one.nodes for one in found)
