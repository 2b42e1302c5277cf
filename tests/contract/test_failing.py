"""Pods that do not work, as a client sees them: on the embedded cluster and on a real one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from workloads import SERVER, Objects, condition, container, deployment

JsonObject = dict[str, Any]


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


def reasons(objects: Objects, name: str) -> set[str]:
    return {one["reason"] for one in objects.events(name)}


def messages(objects: Objects, name: str, reason: str) -> list[str]:
    return [one["message"] for one in objects.events(name) if one["reason"] == reason]


def start(objects: Objects, name: str, one: JsonObject, **more: Any) -> None:
    objects.create("deployments", deployment(name, one, **more))


def pod_of(objects: Objects, app: str) -> JsonObject:
    return objects.pods(app)[0]


def test_a_crash_loop_backs_off_and_counts_its_restarts(cluster: Any, objects: Objects) -> None:
    start(objects, "crash", container(cluster.image, "import sys; print('on my way out'); sys.exit(3)"))
    status = objects.wait_for_waiting("crash", "CrashLoopBackOff", 90)
    pod = pod_of(objects, "crash")
    name = f"{pod['metadata']['name']}_{pod['metadata']['namespace']}({pod['metadata']['uid']})"
    pattern = rf"back-off [0-9a-z.]+ restarting failed container=c pod={re.escape(name)}"
    assert re.fullmatch(pattern, status["state"]["waiting"]["message"])
    last = status["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (3, "Error")
    assert status["restartCount"] >= 1
    assert status["ready"] is False
    assert pod["status"]["phase"] == "Running"
    ready = condition(pod, "Ready")
    assert (ready["reason"], ready["message"]) == ("ContainersNotReady", "containers with unready status: [c]")
    objects.wait_for_event(pod["metadata"]["name"], "BackOff", f"Back-off restarting failed container c in pod {name}")
    assert "on my way out" in objects.log(pod["metadata"]["name"])
    one = objects.wait_for(
        "unavailable", lambda: condition(found := objects.get("deployments", "crash"), "Available") and found
    )
    assert condition(one, "Available")["reason"] == "MinimumReplicasUnavailable"


def test_too_much_memory_is_an_oom_kill(cluster: Any, objects: Objects) -> None:
    hungry = "x = bytearray(200 << 20); import time; time.sleep(99)"
    start(objects, "oom", container(cluster.image, hungry, resources={"limits": {"memory": "32Mi"}}))

    def killed() -> JsonObject | None:
        last = objects.status("oom").get("lastState", {}).get("terminated")
        return last if last and objects.status("oom")["restartCount"] >= 1 else None

    last = objects.wait_for("an OOM kill", killed, 90)
    assert (last["exitCode"], last["reason"]) == (137, "OOMKilled")
    pod = pod_of(objects, "oom")
    assert pod["status"]["qosClass"] == "Burstable"
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"memory": "32Mi"}


def test_a_pod_that_is_never_ready_stays_running_and_unready(cluster: Any, objects: Objects) -> None:
    probe = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1}
    start(objects, "unready", container(cluster.image, readinessProbe=probe))
    name = objects.wait_for("a Pod", lambda: objects.pods("unready"))[0]["metadata"]["name"]
    expected = "Readiness probe failed: HTTP probe failed with statuscode: 404"
    objects.wait_for("the probe fails", lambda: expected in messages(objects, name, "Unhealthy"))
    status = objects.status("unready")
    assert "running" in status["state"]
    assert (status["ready"], status["started"], status["restartCount"]) == (False, True, 0)
    assert objects.get("deployments", "unready")["status"].get("availableReplicas", 0) == 0


def test_failing_liveness_restarts_the_container(cluster: Any, objects: Objects) -> None:
    probe = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    start(objects, "dies", container(cluster.image, livenessProbe=probe))
    status = objects.wait_for(
        "a restart", lambda: (found := objects.status("dies")).get("restartCount", 0) >= 1 and found
    )
    name = pod_of(objects, "dies")["metadata"]["name"]
    assert status["lastState"]["terminated"]["reason"] in ("Completed", "Error")
    objects.wait_for_event(name, "Killing", "Container c failed liveness probe, will be restarted")
    objects.wait_for_event(name, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404")


def test_a_slow_start_is_not_taken_for_a_dead_container(cluster: Any, objects: Objects) -> None:
    """The liveness probe waits until the startup probe has succeeded."""
    slow = SERVER.replace("http.server.Threading", "import time; time.sleep(4)\nhttp.server.Threading")
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    one = container(
        cluster.image,
        slow,
        startupProbe=probe | {"failureThreshold": 30},
        livenessProbe=probe | {"failureThreshold": 1},
    )
    start(objects, "slow", one)
    waiting = objects.wait_for("it runs", lambda: "running" in objects.status("slow").get("state", {}))
    assert waiting
    assert objects.status("slow")["started"] is False
    objects.wait_for_available("slow")
    assert objects.status("slow")["restartCount"] == 0


def test_what_does_not_fit_is_not_scheduled(cluster: Any, objects: Objects) -> None:
    start(objects, "nofit", container(cluster.image, resources={"requests": {"cpu": "9999"}}))

    def refused() -> JsonObject | None:
        pods = objects.pods("nofit")
        found = condition(pods[0], "PodScheduled") if pods else {}
        return found if found.get("status") == "False" else None

    scheduled = objects.wait_for("it is refused", refused)
    assert scheduled["reason"] == "Unschedulable"
    assert "Insufficient cpu" in scheduled["message"]
    pod = pod_of(objects, "nofit")
    assert pod["status"]["phase"] == "Pending"
    assert "nodeName" not in pod["spec"]
    objects.wait_for_event(pod["metadata"]["name"], "FailedScheduling", scheduled["message"])


def test_an_image_that_cannot_be_pulled_backs_off(cluster: Any, objects: Objects) -> None:
    one = container(cluster.image) | {"image": "localhost/none:1"}
    start(objects, "pull", one)
    status = objects.wait_for_waiting("pull", "ImagePullBackOff", 90)
    assert status["state"]["waiting"]["message"].startswith('Back-off pulling image "localhost/none:1"')
    pod = pod_of(objects, "pull")
    assert pod["status"]["phase"] == "Pending"
    objects.wait_for_event(pod["metadata"]["name"], "Failed", "Error: ErrImagePull")
    objects.wait_for_event(pod["metadata"]["name"], "Failed", "Error: ImagePullBackOff")
    found = messages(objects, pod["metadata"]["name"], "Failed")
    assert any(message.startswith('Failed to pull image "localhost/none:1": ') for message in found)


@pytest.mark.timeout(300)  # a real kubelet looks again once a minute or two
def test_a_missing_configmap_holds_the_container_back_until_it_is_there(cluster: Any, objects: Objects) -> None:
    one = container(cluster.image, envFrom=[{"configMapRef": {"name": "absent"}}])
    start(objects, "needs", one)
    status = objects.wait_for_waiting("needs", "CreateContainerConfigError")
    assert status["state"]["waiting"]["message"] == 'configmap "absent" not found'
    name = pod_of(objects, "needs")["metadata"]["name"]
    objects.wait_for_event(name, "Failed", 'Error: configmap "absent" not found')
    objects.create("configmaps", {"metadata": {"name": "absent"}, "data": {"A": "1"}})
    objects.wait_for_available("needs", 120)


def test_a_missing_volume_keeps_the_pod_in_creation(cluster: Any, objects: Objects) -> None:
    volumes = [{"name": "settings", "configMap": {"name": "absent"}}]
    mounted = container(cluster.image, volumeMounts=[{"name": "settings", "mountPath": "/etc/settings"}])
    start(objects, "mount", mounted, pod={"volumes": volumes})
    name = objects.wait_for("a Pod", lambda: objects.pods("mount"))[0]["metadata"]["name"]
    objects.wait_for("the mount fails", lambda: "FailedMount" in reasons(objects, name))
    assert messages(objects, name, "FailedMount")[0] == (
        'MountVolume.SetUp failed for volume "settings" : configmap "absent" not found'
    )
    assert objects.status("mount")["state"]["waiting"]["reason"] == "ContainerCreating"


def test_a_failing_init_container_keeps_the_others_from_starting(cluster: Any, objects: Objects) -> None:
    init = container(cluster.image, "import sys; sys.exit(1)") | {"name": "first"}
    start(objects, "init", container(cluster.image), pod={"initContainers": [init]})

    def failed() -> JsonObject | None:
        pods = objects.pods("init")
        statuses = pods[0]["status"].get("initContainerStatuses", []) if pods else []
        return pods[0] if statuses and statuses[0]["restartCount"] >= 1 else None

    pod = objects.wait_for("the init container fails", failed)
    assert pod["status"]["phase"] == "Pending"
    assert objects.status("init")["state"]["waiting"]["reason"] == "PodInitializing"
    initialized = condition(pod, "Initialized")
    assert (initialized["status"], initialized["reason"]) == ("False", "ContainersNotInitialized")
    assert initialized["message"] == "containers with incomplete status: [first]"
