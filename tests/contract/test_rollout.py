"""Rollouts as a client sees them: on the embedded cluster and on a real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from workloads import READY, Objects, condition, container, deployment, service

REVISION = "deployment.kubernetes.io/revision"
JsonObject = dict[str, Any]


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


@pytest.fixture
def web(cluster: Any, objects: Objects) -> JsonObject:
    """A Deployment of three ready Pods, and the manifest that it was made of."""
    manifest = deployment("web", container(cluster.image, readinessProbe=READY), 3, progressDeadlineSeconds=60)
    objects.create("deployments", manifest)
    objects.wait_for_available("web")
    return manifest


def set_value(objects: Objects, value: str) -> None:
    change = {"containers": [{"name": "c", "env": [{"name": "V", "value": value}]}]}
    objects.patch("deployments", "web", {"spec": {"template": {"spec": change}}})


def revisions(objects: Objects) -> dict[str, str]:
    """ReplicaSet names by revision."""
    sets = objects.list("replicasets", "app%3Dweb")
    return {one["metadata"]["annotations"][REVISION]: one["metadata"]["name"] for one in sets}


def values(objects: Objects) -> set[str | None]:
    """What V is in the Pods that run and are not going."""
    found = [one for one in objects.pods("web") if "deletionTimestamp" not in one["metadata"]]
    environments = [
        {entry["name"]: entry.get("value") for entry in one["spec"]["containers"][0]["env"]} for one in found
    ]
    return {environment.get("V") for environment in environments}


def expect_scaling(objects: Objects, expected: list[str]) -> None:
    """The Events of the Deployment about its ReplicaSets, in order; they may come a moment late."""

    def told() -> list[str]:
        found = [one["message"] for one in objects.events("web") if one["reason"] == "ScalingReplicaSet"]
        return [message[-len(other) :] for message, other in zip(found, expected, strict=False)] + found[
            len(expected) :
        ]

    objects.wait_for(f"these changes of size: {expected}", lambda: told() == expected)


def test_a_new_deployment_makes_one_replicaset_of_ready_pods(objects: Objects, web: JsonObject) -> None:
    made = objects.get("deployments", "web")
    (one,) = objects.list("replicasets", "app%3Dweb")
    digest = one["metadata"]["labels"]["pod-template-hash"]
    assert one["metadata"]["name"] == f"web-{digest}"
    assert one["metadata"]["annotations"] == {
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }
    assert one["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": digest}
    assert made["metadata"]["annotations"][REVISION] == "1"
    assert condition(made, "Available")["reason"] == "MinimumReplicasAvailable"
    assert condition(made, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert condition(made, "Progressing")["message"] == f'ReplicaSet "web-{digest}" has successfully progressed.'
    expect_scaling(objects, [f"Scaled up replica set web-{digest} from 0 to 3"])
    pods = objects.pods("web")
    assert len({pod["status"]["podIP"] for pod in pods}) == 3
    for pod in pods:
        (owner,) = pod["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", one["metadata"]["name"], True)


def test_a_changed_template_is_rolled_out_one_pod_at_a_time(objects: Objects, web: JsonObject) -> None:
    set_value(objects, "2")
    objects.wait_for_available("web")
    old, new = revisions(objects)["1"], revisions(objects)["2"]
    steps = [
        f"Scaled up replica set {old} from 0 to 3",
        f"Scaled up replica set {new} from 0 to 1",
        f"Scaled down replica set {old} from 3 to 2",
        f"Scaled up replica set {new} from 1 to 2",
        f"Scaled down replica set {old} from 2 to 1",
        f"Scaled up replica set {new} from 2 to 3",
        f"Scaled down replica set {old} from 1 to 0",
    ]
    expect_scaling(objects, steps)
    assert values(objects) == {"2"}


def test_a_patch_is_not_stale_because_a_controller_writes_meanwhile(objects: Objects, web: JsonObject) -> None:
    set_value(objects, "2")
    for number in range(30):  # `patch` asserts that it was taken
        objects.patch("deployments", "web", {"metadata": {"annotations": {"number": str(number)}}}, "merge-patch")
    assert objects.get("deployments", "web")["metadata"]["annotations"]["number"] == "29"


def test_undo_makes_the_old_replicaset_the_newest_revision_again(objects: Objects, web: JsonObject) -> None:
    before = revisions(objects)["1"]
    set_value(objects, "2")
    objects.wait_for_available("web")
    # as `kubectl rollout undo` does it, with a null that must not make another ReplicaSet
    template = web["spec"]["template"] | {"metadata": {"creationTimestamp": None, "labels": {"app": "web"}}}
    objects.patch("deployments", "web", [{"op": "replace", "path": "/spec/template", "value": template}], "json-patch")
    undone = objects.wait_for_available("web")
    assert undone["metadata"]["annotations"][REVISION] == "3"
    assert revisions(objects)["3"] == before
    assert len(revisions(objects)) == 2
    one = objects.get("replicasets", before)
    assert one["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert values(objects) == {None}


def test_a_bad_image_exceeds_its_deadline_while_the_old_pods_serve(cluster: Any, objects: Objects) -> None:
    manifest = deployment("web", container(cluster.image, readinessProbe=READY), 3, progressDeadlineSeconds=4)
    objects.create("deployments", manifest)
    objects.wait_for_available("web")
    bad = {"containers": [{"name": "c", "image": "localhost/missing:1", "imagePullPolicy": "Never"}]}
    objects.patch("deployments", "web", {"spec": {"template": {"spec": bad}}})

    def exceeded() -> JsonObject | None:
        one = objects.get("deployments", "web")
        return one if condition(one, "Progressing").get("reason") == "ProgressDeadlineExceeded" else None

    stuck = objects.wait_for("the deadline is exceeded", exceeded)
    new = revisions(objects)["2"]
    progressing = condition(stuck, "Progressing")
    assert (progressing["status"], progressing["message"]) == (
        "False",
        f'ReplicaSet "{new}" has timed out progressing.',
    )
    assert condition(stuck, "Available")["status"] == "True"
    status = stuck["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (4, 1, 3)
    (waiting,) = [pod for pod in objects.pods("web") if pod["status"]["phase"] == "Pending"]
    state = waiting["status"]["containerStatuses"][0]["state"]["waiting"]
    assert state["reason"] == "ErrImageNeverPull"
    assert state["message"] == 'Container image "localhost/missing:1" is not present with pull policy of Never'


def test_the_history_is_pruned_to_its_limit(cluster: Any, objects: Objects) -> None:
    manifest = deployment("web", container(cluster.image, readinessProbe=READY), 1, revisionHistoryLimit=1)
    objects.create("deployments", manifest)
    objects.wait_for_available("web")
    for value in ("2", "3", "4"):
        set_value(objects, value)
        objects.wait_for_available("web")
    objects.wait_for("only one old revision", lambda: set(revisions(objects)) == {"3", "4"})


def test_scaling_changes_the_pods_and_not_the_revision(objects: Objects, web: JsonObject) -> None:
    objects.patch("deployments", "web/scale", {"spec": {"replicas": 1}}, "merge-patch")
    objects.wait_for_available("web")
    objects.wait_for("one Pod is left", lambda: len(objects.pods("web")) == 1)
    objects.patch("deployments", "web/scale", {"spec": {"replicas": 2}}, "merge-patch")
    scaled = objects.wait_for_available("web")
    assert scaled["metadata"]["annotations"][REVISION] == "1"
    expect_scaling(objects, ["from 0 to 3", "from 3 to 1", "from 1 to 2"])


def test_recreate_ends_the_old_pods_before_the_new_begin(cluster: Any, objects: Objects) -> None:
    manifest = deployment("web", container(cluster.image, readinessProbe=READY), 2, strategy={"type": "Recreate"})
    objects.create("deployments", manifest)
    objects.wait_for_available("web")
    set_value(objects, "2")
    objects.wait_for_available("web")
    expect_scaling(objects, ["from 0 to 2", "from 2 to 0", "from 0 to 2"])
    assert values(objects) == {"2"}


def test_a_paused_deployment_keeps_its_pods_until_it_is_resumed(objects: Objects, web: JsonObject) -> None:
    objects.patch("deployments", "web", {"spec": {"paused": True}})
    set_value(objects, "2")

    def seen(reason: str) -> bool:
        one = objects.get("deployments", "web")
        observed = one["status"].get("observedGeneration") == one["metadata"]["generation"]
        return observed and condition(one, "Progressing")["reason"] == reason

    objects.wait_for("paused", lambda: seen("DeploymentPaused"))
    assert values(objects) == {None}
    assert set(revisions(objects)) == {"1"}
    objects.patch("deployments", "web", {"spec": {"paused": None}})
    objects.wait_for_available("web")
    assert values(objects) == {"2"}


def test_min_ready_seconds_hold_a_ready_pod_back(cluster: Any, objects: Objects) -> None:
    manifest = deployment("web", container(cluster.image, readinessProbe=READY), 1, minReadySeconds=3)
    objects.create("deployments", manifest)
    held = objects.wait_for(
        "a Pod is ready", lambda: (one := objects.get("deployments", "web"))["status"].get("readyReplicas") and one
    )
    assert held["status"].get("availableReplicas", 0) == 0
    objects.wait_for_available("web")


def test_only_ready_pods_are_ready_endpoints(cluster: Any, objects: Objects) -> None:
    """A Pod becomes an endpoint by its readiness, whatever its port is called."""
    ports = [{"name": "http", "containerPort": 8080}]
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
    objects.create("services", service("web", "http"))
    objects.create("deployments", deployment("web", container(cluster.image, readinessProbe=probe, ports=ports), 2))

    def endpoints() -> list[JsonObject]:
        slices = objects.list("endpointslices", "kubernetes.io/service-name%3Dweb")
        return [one for each in slices for one in each["endpoints"] or []]

    objects.wait_for_available("web")
    ready = objects.wait_for(
        "two ready endpoints", lambda: [one for one in endpoints() if one["conditions"]["ready"]][1:] and endpoints()
    )
    assert {one["targetRef"]["name"] for one in ready} == {pod["metadata"]["name"] for pod in objects.pods("web")}
    assert all(one["conditions"] == {"ready": True, "serving": True, "terminating": False} for one in ready)
    (only,) = objects.list("endpointslices", "kubernetes.io/service-name%3Dweb")
    assert only["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    unready = {"containers": [{"name": "c", "readinessProbe": {"httpGet": {"path": "/missing", "port": "http"}}}]}
    objects.patch("deployments", "web", {"spec": {"template": {"spec": unready}}})

    def three() -> list[JsonObject]:
        found = endpoints()
        return found if len(found) == 3 else []

    after = objects.wait_for("an endpoint that is not ready", three)
    assert sorted(one["conditions"]["ready"] for one in after) == [False, True, True]


def test_deleting_in_the_foreground_ends_the_pods_first(objects: Objects, web: JsonObject) -> None:
    objects.delete("deployments", "web", {"propagationPolicy": "Foreground"})

    def gone() -> bool:
        return not any(one["metadata"]["name"] == "web" for one in objects.list("deployments"))

    objects.wait_for("the Deployment is gone", gone)
    assert objects.pods("web") == []
    assert objects.list("replicasets", "app%3Dweb") == []


def test_kubectl_follows_a_rollout_and_takes_it_back(
    objects: Objects, web: JsonObject, kubectl: Callable[..., str]
) -> None:
    kubectl("set", "env", "deployment/web", "V=2")
    assert 'deployment "web" successfully rolled out' in kubectl("rollout", "status", "deployment/web")
    assert values(objects) == {"2"}
    history = kubectl("rollout", "history", "deployment/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    assert "rolled back" in kubectl("rollout", "undo", "deployment/web")
    kubectl("rollout", "status", "deployment/web")
    assert values(objects) == {None}
    assert set(revisions(objects)) == {"2", "3"}
    kubectl("rollout", "restart", "deployment/web")
    kubectl("rollout", "status", "deployment/web")
    assert set(revisions(objects)) == {"2", "3", "4"}
    kubectl("rollout", "pause", "deployment/web")
    kubectl("set", "env", "deployment/web", "V=5")
    assert values(objects) == {None}
    kubectl("rollout", "resume", "deployment/web")
    kubectl("rollout", "status", "deployment/web")
    assert values(objects) == {"5"}
    kubectl("scale", "deployment/web", "--replicas=1")
    kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")
    objects.wait_for_available("web")
