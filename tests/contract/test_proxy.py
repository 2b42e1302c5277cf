"""Pods and Services are asked through the API server of any cluster, as where no route leads to them."""

from __future__ import annotations

import requests
from workloads import READY, container, deployment, service

from runbook_lib.observe.cluster import Cluster as Ours
from runbook_lib.observe.reach import Sender, pod_targets, service_target
from runbook_lib.observe.smoke import smoke
from runbook_lib.observe.workload.pods import pods
from runbook_lib.sections import SmokeCase
from tests.contract.conftest import Cluster

CASES = [SmokeCase(name="home", path="/"), SmokeCase(name="absent", path="/absent?a=1", status=404)]


def test_a_pod_and_its_service_answer_through_the_api_server(cluster: Cluster) -> None:
    one = container(cluster.image, ports=[{"containerPort": 8080}], readinessProbe=READY)
    cluster.apps.create_namespaced_deployment(cluster.namespace, deployment("web", one))
    cluster.core.create_namespaced_service(cluster.namespace, service("web"))

    def endpoint() -> bool:
        found = cluster.core.read_namespaced_endpoints("web", cluster.namespace)
        return any(subset.addresses for subset in found.subsets or [])

    cluster.wait("an endpoint of the Service", endpoint, 90)
    ours = Ours(cluster.client, cluster.namespace)
    way = service_target(ours, "web")
    assert way is not None
    targets = [*pod_targets(ours, pods(ours, "web"), "proxy"), way]
    answers = smoke(Sender(requests.Session(), ours), targets, CASES)
    assert [(a.status, a.way, a.error) for a in answers] == [(200, "API server", ""), (404, "API server", "")] * 2
