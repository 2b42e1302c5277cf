"""Restarts, OOM kills and readiness as the API tells them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from runbook_lib.errors import Unreachable
from runbook_lib.observe.workload.stability import Stability, read_stability
from runbook_lib.sections import Kubernetes

WANTED = Kubernetes(namespace="shop", deployment="order-service", service="", gateway="", manifests="")
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/order-service"
PODS = "/api/v1/namespaces/shop/pods"


def pod(
    name: str, ready: bool = True, restarts: int = 0, oom: str = "", leaving: bool = False, owner: str = "ReplicaSet"
) -> dict[str, Any]:
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": oom}} if oom else {}
    status = {"name": "app", "restartCount": restarts, "ready": ready, "image": "", "imageID": "", "lastState": ended}
    meta: dict[str, Any] = {"name": name, "ownerReferences": owned_by(owner)}
    if leaving:
        meta["deletionTimestamp"] = "2026-11-20T12:00:00Z"
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": meta, "status": {"conditions": conditions, "containerStatuses": [status]}}


def owned_by(kind: str) -> list[dict[str, Any]]:
    return [{"apiVersion": "v1", "kind": kind, "name": "one", "uid": "1"}]


class Api:
    """A Kubernetes API that knows one Deployment and its Pods."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.replicas: int | None = 3
        self.status = 200
        self.answers: Any = ...
        """What every question is answered by instead, if anything."""
        self.asked: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.append(self.path)
                body = json.dumps(api.answer(self.path.partition("?")[0])).encode()
                self.send_response(api.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def answer(self, path: str) -> Any:
        if self.answers is not ...:
            return self.answers
        if path == DEPLOYMENT:
            selector = {"matchLabels": {"app": "order-service", "tier": "web"}}
            return {"spec": {"replicas": self.replicas, "selector": selector, "template": {}}}
        return {"items": self.pods} if path == PODS else {}

    def read(self) -> Stability:
        return read_stability(client_of(f"http://127.0.0.1:{self.server.server_port}"), WANTED)


def client_of(host: str) -> ApiClient:
    configuration = Configuration(host=host)
    configuration.retries = False
    return ApiClient(configuration)


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.server.shutdown()
    api.server.server_close()
    thread.join()


def test_pods_of_the_deployment_are_counted_by_container(api: Api) -> None:
    api.pods = [pod("a", restarts=2), pod("b", ready=False, oom="2026-11-20T12:00:00Z"), pod("c", leaving=True)]
    found = api.read()
    assert (found.wanted, found.ready) == (3, 1)  # a Pod that is leaving takes no users
    assert found.restarts == {"a/app": 2, "b/app": 0, "c/app": 0}
    assert set(found.killed) == {"b/app"}
    assert api.asked[1] == f"{PODS}?labelSelector=app%3Dorder-service%2Ctier%3Dweb"


def test_a_pod_of_a_job_with_the_same_labels_stands_in_for_none(api: Api) -> None:
    api.pods = [pod("a"), pod("migrate", restarts=4, oom="2026-11-20T12:00:00Z", owner="Job")]
    found = api.read()
    assert (found.ready, found.restarts, found.killed) == (1, {"a/app": 0}, {})


def test_a_pod_without_status_yet_is_not_ready(api: Api) -> None:
    api.pods = [{"metadata": {"name": "a", "ownerReferences": owned_by("ReplicaSet")}, "status": {}}]
    found = api.read()
    assert (found.ready, found.restarts, found.killed) == (0, {}, {})


def test_a_kill_is_seen_before_the_restart_and_after_it(api: Api) -> None:
    waiting = pod("a", oom="2026-11-20T12:00:00Z")
    status = waiting["status"]["containerStatuses"][0]
    status["state"] = status.pop("lastState")
    api.pods = [waiting]
    before = api.read()
    api.pods = [pod("a", restarts=1, oom="2026-11-20T12:00:00Z")]
    assert api.read().killed == before.killed  # the same one
    assert before.killed


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_an_api_that_refuses_is_unreachable_in_one_sentence(api: Api, status: int) -> None:
    api.status = status
    with pytest.raises(Unreachable, match=f"the cluster refused to show order-service: {status} "):
        api.read()


def test_no_api_at_all_is_unreachable_in_one_sentence() -> None:
    with pytest.raises(Unreachable, match=r"the cluster does not answer \(\w+\); the Pods are unknown"):
        read_stability(client_of("http://127.0.0.1:1"), WANTED)


@pytest.mark.parametrize("answer", [None, [], "no", {}, {"spec": None}, {"spec": {"replicas": 2, "selector": None}}])
def test_an_answer_that_is_none_is_unreachable_in_one_sentence(api: Api, answer: Any) -> None:
    api.answers = answer
    with pytest.raises(Unreachable, match="the Pods are unknown"):
        api.read()
