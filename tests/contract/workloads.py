"""Manifests of the contract tests: their code travels inside them, so that nothing has to be pulled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

JsonObject = dict[str, Any]

# Answers / with 200 and everything else with 404, and ends at once when asked to.
SERVER = """
import http.server, os, signal, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()

    def log_message(self, *ignored):
        pass

signal.signal(signal.SIGTERM, lambda *ignored: sys.exit(0))
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Answer).serve_forever()
"""
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
READY = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}


def container(image: str, code: str = SERVER, **more: Any) -> JsonObject:
    """A container that runs Python code."""
    made: JsonObject = {
        "name": "c",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-u", "-c", code],
        "env": [POD_IP, *more.pop("env", [])],
    }
    return made | more


def deployment(name: str, one: JsonObject, replicas: int = 1, **more: Any) -> JsonObject:
    """A Deployment of one container; `more` goes into the spec, `pod` into the spec of its Pods."""
    pod = {"terminationGracePeriodSeconds": 2, "containers": [one]} | more.pop("pod", {})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        }
        | more,
    }


def service(name: str, target: int | str = 8080) -> JsonObject:
    """A Service of the Pods of the Deployment with the same name."""
    ports = [{"port": 80, "targetPort": target}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


class Objects:
    """The objects of a test's namespace, as the server shows them."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    def create(self, kind: str, body: JsonObject) -> JsonObject:
        code, answer = self.cluster.request("POST", f"{_path(kind)}", body)
        assert code == 201, answer
        return dict(answer)

    def get(self, kind: str, name: str) -> JsonObject:
        code, answer = self.cluster.request("GET", f"{_path(kind)}/{name}")
        assert code == 200, answer
        return dict(answer)

    def patch(self, kind: str, name: str, body: Any, form: str = "strategic-merge-patch") -> JsonObject:
        code, answer = self.cluster.request("PATCH", f"{_path(kind)}/{name}", body, f"application/{form}+json")
        assert code == 200, answer
        return dict(answer)

    def delete(self, kind: str, name: str, body: Any = None) -> None:
        code, answer = self.cluster.request("DELETE", f"{_path(kind)}/{name}", body)
        assert code in (200, 202), answer

    def list(self, kind: str, selector: str = "") -> list[JsonObject]:
        query = f"?labelSelector={selector}" if selector else ""
        code, answer = self.cluster.request("GET", _path(kind) + query)
        assert code == 200, answer
        return list(answer["items"])

    def pods(self, app: str) -> list[JsonObject]:
        return self.list("pods", f"app%3D{app}")

    def log(self, pod: str, *, previous: bool = False) -> str:
        query = "?previous=true" if previous else ""
        code, answer = self.cluster.request("GET", f"{_path('pods')}/{pod}/log{query}")
        assert code == 200, answer
        return str(answer)

    def events(self, name: str) -> list[JsonObject]:
        """The Events about an object, oldest first: their names end in the time at which they were made."""
        found = [one for one in self.list("events") if one["involvedObject"]["name"] == name]
        return sorted(found, key=lambda one: int(one["metadata"]["name"].rpartition(".")[2], 16))

    def wait_for_event(self, name: str, reason: str, message: str) -> None:
        """Events are written beside what they tell: a moment later on a real cluster."""

        def told() -> bool:
            return any((one["reason"], one["message"]) == (reason, message) for one in self.events(name))

        self.wait_for(f"an Event of {name}: {message}", told)

    def wait_for(self, what: str, found: Callable[[], Any], seconds: float = 60) -> Any:
        return self.cluster.wait(what, found, seconds)

    def status(self, app: str) -> JsonObject:
        """The status of the container of the only Pod."""
        pods = self.pods(app)
        statuses = pods[0]["status"].get("containerStatuses", []) if pods else []
        return dict(statuses[0]) if statuses else {}

    def wait_for_waiting(self, app: str, reason: str, seconds: float = 60) -> JsonObject:
        """The container's status once it waits for that reason."""

        def found() -> JsonObject | None:
            status = self.status(app)
            return status if status.get("state", {}).get("waiting", {}).get("reason") == reason else None

        return dict(self.wait_for(f"{app} waits: {reason}", found, seconds))

    def wait_for_available(self, name: str, seconds: float = 60) -> JsonObject:
        """The Deployment once its rollout is complete."""

        def found() -> JsonObject | None:
            one = self.get("deployments", name)
            return one if is_complete(one) else None

        return dict(self.wait_for(f"the rollout of {name}", found, seconds))


def is_complete(one: JsonObject) -> bool:
    """As `kubectl rollout status` sees it, and no Pod too many."""
    status, wanted = one.get("status", {}), one["spec"]["replicas"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= one["metadata"]["generation"] and counts == [wanted] * 3


def condition(one: JsonObject, kind: str) -> JsonObject:
    """The condition of that type, empty when there is none."""
    return next((found for found in one.get("status", {}).get("conditions", []) if found["type"] == kind), {})


def _path(kind: str) -> str:
    prefixes = {
        "deployments": "/apis/apps/v1",
        "replicasets": "/apis/apps/v1",
        "endpointslices": "/apis/discovery.k8s.io/v1",
        "poddisruptionbudgets": "/apis/policy/v1",
    }
    return f"{prefixes.get(kind, '/api/v1')}/namespaces/NAMESPACE/{kind}"
