"""Each trouble is one sentence: what, where, what next; from statuses and Events as real clusters write them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.observe.workload.author import author
from runbook_lib.observe.workload.explain import pod_trouble, troubles
from runbook_lib.observe.workload.refusals import uncreated
from runbook_lib.observe.workload.trouble import grouped

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "failing.jsonl.gz"


def recorded() -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The failing Pods of the recording, by the name of their Deployment, and all Events."""
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pods = next(r for r in rows if r["method"] == "GET" and r["path"].endswith("/pods"))["response"]["items"]
    events = next(r for r in rows if r["method"] == "GET" and r["path"].endswith("/events"))["response"]["items"]
    return {pod["metadata"]["name"].rsplit("-", 2)[0]: pod for pod in pods}, events


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "cmref",
            'container c: its configuration is missing: configmap "absent" not found; create the configmap absent',
        ),
        ("crash", "container c: ended with exit code 3, restarted 3 times; it wrote no log; mend the program"),
        ("dies", "container c: ended by its liveness probe, restarted 3 times: GET /missing on port 8080 (every"),
        ("nofit", "no node takes it, it asks for cpu 99: 0/1 nodes are available: 1 Insufficient cpu; free room"),
        ("oom", "killed for want of memory (OOMKilled), restarted 3 times: its limit is 32Mi; raise"),
        ("pull", "image localhost/none:1 cannot be pulled (ImagePullBackOff: failed to pull and unpack image"),
        ("unready", "it runs but is not ready: GET /missing on port 8080 (every 1 s, answer within 1 s, 3 failures"),
    ],
)
def test_a_pod_of_a_real_cluster_says_why_in_one_sentence(name: str, said: str) -> None:
    pods, events = recorded()
    uid = pods[name]["metadata"]["uid"]
    mine = [event for event in events if event["involvedObject"].get("uid") == uid]
    found = pod_trouble(pods[name], mine)
    assert found is not None
    assert said in str(found)
    assert "\n" not in str(found)


def scheduled(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {
        "metadata": {"name": "web-1", "uid": "u"},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        "status": {"phase": "Pending", "conditions": [condition]},
    }


@pytest.mark.parametrize(
    ("message", "following"),
    [
        ("0/3 nodes are available: 3 node(s) had untolerated taint {gpu: yes}.", "give it a toleration"),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", "correct its nodeSelector"),
        ("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "kubectl get pvc"),
        ("0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods.", "lower resources.requests, or add a node"),
        ("0/3 nodes are available: 3 node(s) were unschedulable.", "kubectl uncordon"),
        ("", "kubectl describe nodes"),
    ],
)
def test_what_no_node_takes_says_what_to_do(message: str, following: str) -> None:
    found = pod_trouble(scheduled(message), [])
    assert found is not None
    assert following in found.next
    assert (found.lasting, found.uid) == (True, "u")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            'pods "web-1" is forbidden: exceeded quota: small, requested: cpu=500m, used: cpu=1, limited: cpu=1',
            "quota small is used up: a Pod asks for cpu=500m, cpu=1 of cpu=1 is used; raise the ResourceQuota",
        ),
        (
            'pods "web-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot',
            "correct the securityContext",
        ),
        (
            'pods "web-1" is forbidden: error looking up service account x: serviceaccount "y" not found',
            "create the Serv",
        ),
    ],
)
def test_pods_that_are_refused_say_why(message: str, said: str) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    assert said in str(uncreated({"metadata": {"name": "web-1"}, "status": {"conditions": [failure]}}))


def test_a_hundred_pods_with_one_cause_are_one_sentence() -> None:
    pods = [scheduled("0/3 nodes are available: 3 Insufficient cpu.") for _ in range(100)]
    for number, pod in enumerate(pods):
        pod["metadata"] = {"name": f"web-{number}", "uid": str(number)}
    (one,) = grouped([found for pod in pods if (found := pod_trouble(pod, []))])
    assert str(one).startswith("Pod/web-0 and 99 other Pods: no node takes it")


def test_a_pod_that_only_starts_is_in_no_trouble() -> None:
    pod = scheduled("")
    pod["status"] = {"containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "ContainerCreating"}}}]}
    assert pod_trouble(pod, []) is None


def test_a_pod_within_its_startup_time_has_not_failed() -> None:
    probe = {"httpGet": {"path": "/up", "port": 80}, "periodSeconds": 2, "failureThreshold": 30}
    pod = scheduled("")
    pod["spec"]["containers"][0] |= {"startupProbe": probe}
    running = {"name": "web", "state": {"running": {"startedAt": "x"}}, "started": False, "ready": False}
    pod["status"] = {"containerStatuses": [running]}
    about = {"uid": "u", "fieldPath": "spec.containers{web}"}
    event = {"reason": "Unhealthy", "message": "Startup probe failed: connection refused", "involvedObject": about}
    found = pod_trouble(pod, [event])
    assert found is not None
    assert found.starting
    assert "it is starting: GET /up on port 80" in str(found)
    assert str(found).endswith("said connection refused; wait: it has 60 s to start")


def test_who_wrote_the_template_last_is_known_and_a_status_is_no_template() -> None:
    def entry(manager: str, at: str, path: dict[str, Any], **more: str) -> dict[str, Any]:
        return {"manager": manager, "time": at, "fieldsV1": {"f:spec": path}, **more}

    fields = [
        entry("runbook", "2026-01-01T00:00:00Z", {"f:template": {}}),
        entry("kubectl", "2026-01-02T00:00:00Z", {"f:template": {}}),
        entry("autoscaler", "2026-01-03T00:00:00Z", {"f:replicas": {}}),
        entry("controller", "2026-01-04T00:00:00Z", {"f:template": {}}, subresource="status"),
    ]
    assert str(author({"metadata": {"managedFields": fields}})) == "kubectl at 2026-01-02T00:00:00Z"
    assert str(author({"metadata": {}})) == "somebody"


class Standing:
    """A cluster with one Deployment, and a Pod of its present template and one of the template before."""

    def __init__(self) -> None:
        self.template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "2"}]},
        }
        self.spec = {"selector": {"matchLabels": {"app": "web"}}, "template": self.template}

    def get(self, *_: str) -> dict[str, Any]:
        return {"metadata": {"name": "web", "uid": "d", "generation": 1, "resourceVersion": "7"}, "spec": self.spec}

    def all(self, _: str, kind: str, *__: str, **___: str) -> list[dict[str, Any]]:
        if kind == "ReplicaSet":
            return [self._set("new", self.template), self._set("old", {**self.template, "spec": {"containers": []}})]
        return [self._pod("new"), self._pod("old")] if kind == "Pod" else []

    def _set(self, name: str, template: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "uid": name, "ownerReferences": [{"kind": "Deployment", "uid": "d"}]}
        return {"metadata": metadata, "spec": {"template": template}}

    def _pod(self, owner: str) -> dict[str, Any]:
        pod = scheduled("0/1 nodes are available: 1 Insufficient cpu.")
        owners = [{"kind": "ReplicaSet", "uid": owner}]
        return pod | {"metadata": {"name": f"web-{owner}", "uid": f"pod-{owner}", "ownerReferences": owners}}


def test_a_pod_of_the_template_before_is_told_of_and_nothing_is_done_about_it() -> None:
    found = troubles(Standing(), "web")  # type: ignore[arg-type]
    assert [(one.pod, one.uid) for one in found] == [("web-new", "pod-new"), ("web-old", "")]
