"""What a container finds inside: on the embedded cluster and on a real one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workloads import READY, Objects, container, deployment

JsonObject = dict[str, Any]

SAY_ENVIRONMENT = """
import json, os, time
print("environment", json.dumps(dict(os.environ)), flush=True)
time.sleep(3600)
"""


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


def field(name: str, path: str) -> JsonObject:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def output(objects: Objects, app: str, expected: str = "\n") -> str:
    """The log of the only Pod once it holds what is expected."""

    def found() -> str | None:
        pods = [pod for pod in objects.pods(app) if "deletionTimestamp" not in pod["metadata"]]
        if not pods or "running" not in objects.status(app).get("state", {}):
            return None
        log = objects.log(pods[0]["metadata"]["name"])
        return log if expected in log else None

    return str(objects.wait_for(f"{expected!r} in the log of {app}", found))


def said(objects: Objects, app: str) -> dict[str, str]:
    line = next(line for line in output(objects, app).splitlines() if line.startswith("environment "))
    return dict(json.loads(line.removeprefix("environment ")))


def test_the_environment_comes_from_values_fields_configmaps_and_secrets(cluster: Any, objects: Objects) -> None:
    objects.create("configmaps", {"metadata": {"name": "settings"}, "data": {"LEVEL": "debug", "COLOUR": "blue"}})
    objects.create("secrets", {"metadata": {"name": "keys"}, "stringData": {"PASSWORD": "very secret"}})
    environment = [
        field("NAME", "metadata.name"),
        field("NAMESPACE", "metadata.namespace"),
        field("UID", "metadata.uid"),
        field("NODE", "spec.nodeName"),
        field("HOST", "status.hostIP"),
        field("APP", "metadata.labels['app']"),
        {"name": "PLAIN", "value": "one"},
        {"name": "EXPANDED", "value": "$(PLAIN) and $$(PLAIN) and $(UNKNOWN)"},
        {"name": "LEVEL", "value": "info"},
        {"name": "HUE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}},
        {"name": "MAYBE", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "x", "optional": True}}},
        {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "PASSWORD"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
    ]
    sources = [{"configMapRef": {"name": "settings"}}, {"prefix": "S_", "secretRef": {"name": "keys"}}]
    resources = {"limits": {"memory": "96Mi"}, "requests": {"cpu": "10m"}}
    one = container(cluster.image, SAY_ENVIRONMENT, env=environment, envFrom=sources, resources=resources)
    objects.create("deployments", deployment("says", one))
    found = said(objects, "says")
    (pod,) = objects.pods("says")
    assert found["NAME"] == pod["metadata"]["name"] == found["HOSTNAME"]
    assert (found["NAMESPACE"], found["UID"]) == (pod["metadata"]["namespace"], pod["metadata"]["uid"])
    assert (found["NODE"], found["HOST"]) == (pod["spec"]["nodeName"], pod["status"]["hostIP"])
    assert found["POD_IP"] == pod["status"]["podIP"]
    assert (found["APP"], found["EXPANDED"]) == ("says", "one and $(PLAIN) and $(UNKNOWN)")
    assert (found["LEVEL"], found["COLOUR"], found["HUE"]) == ("info", "blue", "blue")
    assert (found["WORD"], found["S_PASSWORD"]) == ("very secret", "very secret")
    assert (found["MEMORY"], found["CPU"]) == ("96", "10")
    assert "MAYBE" not in found


def test_configmaps_secrets_and_the_downward_api_are_files(cluster: Any, objects: Objects) -> None:
    objects.create("configmaps", {"metadata": {"name": "settings"}, "data": {"app.ini": "level=1", "other": "x"}})
    objects.create("secrets", {"metadata": {"name": "keys"}, "stringData": {"password": "very secret"}})
    code = """
import os, time
for path in ("/etc/settings/app.ini", "/etc/keys/word", "/etc/about/labels", "/etc/one.ini"):
    print(open(path).read(), flush=True)
print(sorted(name for name in os.listdir("/etc/settings") if not name.startswith(".")), flush=True)
open("/scratch/file", "w").write("kept")
print(open("/scratch/file").read(), os.environ["WHERE"] != "", flush=True)
time.sleep(3600)
"""
    volumes = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "items": [{"key": "password", "path": "word"}]}},
        {
            "name": "about",
            "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]},
        },
        {"name": "scratch", "emptyDir": {}},
    ]
    mounts = [
        {"name": "settings", "mountPath": "/etc/settings"},
        {"name": "keys", "mountPath": "/etc/keys", "readOnly": True},
        {"name": "about", "mountPath": "/etc/about"},
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "settings", "mountPath": "/etc/one.ini", "subPath": "app.ini"},
    ]
    where = {"name": "WHERE", "value": "/etc/settings"}
    one = container(cluster.image, code, env=[where], volumeMounts=mounts)
    objects.create("deployments", deployment("files", one, pod={"volumes": volumes}))
    log = output(objects, "files", "kept")
    lines = log.splitlines()
    assert lines[0] == "level=1"
    assert lines[1] == "very secret"
    assert 'app="files"' in lines
    assert "['app.ini', 'other']" in lines
    assert lines[-1] == "kept True"


@pytest.mark.timeout(300)  # a real kubelet needs a minute or two
def test_a_changed_configmap_reaches_the_files_of_a_running_pod(cluster: Any, objects: Objects) -> None:
    objects.create("configmaps", {"metadata": {"name": "settings"}, "data": {"level": "one"}})
    code = """
import time
before = None
while True:
    now = open("/etc/settings/level").read()
    if now != before:
        print(now, flush=True)
    before = now
    time.sleep(0.2)
"""
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    one = container(cluster.image, code, volumeMounts=[{"name": "settings", "mountPath": "/etc/settings"}])
    objects.create("deployments", deployment("follows", one, pod={"volumes": volumes}))
    output(objects, "follows", "one\n")
    objects.patch("configmaps", "settings", {"data": {"level": "two"}}, "merge-patch")

    def seen() -> bool:
        return "two\n" in objects.log(objects.pods("follows")[0]["metadata"]["name"])

    objects.wait_for("the new value", seen, 150)


def test_init_containers_run_in_order_before_the_others(cluster: Any, objects: Objects) -> None:
    volumes = [{"name": "work", "emptyDir": {}}]
    mount = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}
    early = [
        container(cluster.image, f"open('/work/log', 'a').write('{name} ')", **mount) | {"name": name}
        for name in ("first", "second")
    ]
    late = container(
        cluster.image, "print(open('/work/log').read(), flush=True); import time; time.sleep(3600)", **mount
    )
    objects.create("deployments", deployment("order", late, pod={"initContainers": early, "volumes": volumes}))
    assert output(objects, "order").strip() == "first second"
    (pod,) = objects.pods("order")
    reasons = [one["state"]["terminated"]["reason"] for one in pod["status"]["initContainerStatuses"]]
    assert reasons == ["Completed", "Completed"]


def test_a_sidecar_starts_before_and_ends_after_its_pod(cluster: Any, objects: Objects) -> None:
    sidecar = container(cluster.image, "import time; print('beside', flush=True); time.sleep(3600)")
    sidecar |= {"name": "side", "restartPolicy": "Always"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "once", "labels": {"app": "once"}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "initContainers": [sidecar],
            "containers": [container(cluster.image, "print('done', flush=True)")],
        },
    }
    objects.create("pods", pod)

    def ended() -> JsonObject | None:
        found = objects.get("pods", "once")
        return found if found["status"]["phase"] in ("Succeeded", "Failed") else None

    found = objects.wait_for("the Pod has ended", ended)
    assert found["status"]["phase"] == "Succeeded"
    assert found["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    assert "terminated" in found["status"]["initContainerStatuses"][0]["state"]


def test_a_pod_may_fail_for_good(cluster: Any, objects: Objects) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bad", "labels": {"app": "bad"}},
        "spec": {"restartPolicy": "Never", "containers": [container(cluster.image, "import sys; sys.exit(7)")]},
    }
    objects.create("pods", pod)
    found = objects.wait_for(
        "the Pod has failed", lambda: (one := objects.get("pods", "bad"))["status"]["phase"] == "Failed" and one
    )
    state = found["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (7, "Error")
    ready = next(one for one in found["status"]["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PodFailed")


def test_a_container_is_asked_to_end_before_it_is_killed(cluster: Any, objects: Objects) -> None:
    """preStop first, then SIGTERM: what the container writes while it ends shows the order."""
    code = """
import signal, sys, time

def end(*ignored):
    print("asked", open("/work/stop").read(), flush=True)
    time.sleep(1)
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True:
    time.sleep(0.1)
"""
    hook = {"preStop": {"exec": {"command": ["python3", "-c", "open('/work/stop', 'w').write('after the hook')"]}}}
    one = container(cluster.image, code, lifecycle=hook, volumeMounts=[{"name": "work", "mountPath": "/work"}])
    pod = {"terminationGracePeriodSeconds": 20, "volumes": [{"name": "work", "emptyDir": {}}]}
    objects.create("deployments", deployment("polite", one, pod=pod))
    output(objects, "polite", "up")
    name = objects.pods("polite")[0]["metadata"]["name"]
    objects.delete("pods", name)
    objects.wait_for("it was asked after the hook", lambda: "asked after the hook" in objects.log(name), 15)

    def gone() -> bool:
        return name not in [pod["metadata"]["name"] for pod in objects.pods("polite")]

    objects.wait_for("it is gone", gone, 18)


def test_readiness_follows_an_exec_probe_there_and_back(cluster: Any, objects: Objects) -> None:
    code = """
import os, time
open("/work/ready", "w").close()
time.sleep(4)
os.remove("/work/ready")
time.sleep(3600)
"""
    check = {"exec": {"command": ["python3", "-c", "open('/work/ready')"]}}
    probe = check | {"periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 1}
    one = container(cluster.image, code, readinessProbe=probe, volumeMounts=[{"name": "work", "mountPath": "/work"}])
    objects.create("deployments", deployment("comes", one, pod={"volumes": [{"name": "work", "emptyDir": {}}]}))
    objects.wait_for_available("comes")
    objects.wait_for("it is not ready again", lambda: objects.status("comes")["ready"] is False)
    assert objects.status("comes")["restartCount"] == 0


def test_a_tcp_probe_needs_only_a_listener(cluster: Any, objects: Objects) -> None:
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    objects.create(
        "deployments", deployment("tcp", container(cluster.image, readinessProbe=probe, livenessProbe=probe))
    )
    objects.wait_for_available("tcp")


def test_each_pod_answers_on_the_same_port_at_an_address_of_its_own(cluster: Any, objects: Objects) -> None:
    objects.create("deployments", deployment("many", container(cluster.image, readinessProbe=READY), 3))
    objects.wait_for_available("many")
    assert len({pod["status"]["podIP"] for pod in objects.pods("many")}) == 3
