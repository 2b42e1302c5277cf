"""A rollout is watched through everything that may happen to it: on the embedded API and on a real cluster."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from disturbance import Disturbance, disturbed, restart
from workloads import READY, SERVER, Objects, container, deployment

from runbook_lib.act.rewrite import rewrite
from runbook_lib.errors import ChangeFailed, Held
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.explain import troubles
from runbook_lib.observe.workload.rollout import Progress
from runbook_lib.observe.workload.trouble import grouped
from runbook_lib.observe.workload.wait import wait, watched, whole

IN_TIME = timedelta(seconds=90)
SLOW = SERVER.replace("http.server.Threading", "import time; time.sleep(2)\nhttp.server.Threading")


@pytest.fixture
def objects(cluster: Any) -> Objects:
    return Objects(cluster)


@pytest.fixture
def here(cluster: Any) -> Cluster:
    return Cluster(cluster.client, cluster.namespace)


@pytest.fixture
def through(cluster: Any) -> Iterator[tuple[Cluster, Disturbance]]:
    """The same namespace through a connection that a test may disturb."""
    with disturbed(cluster.client) as (api, wrong):
        yield Cluster(api, cluster.namespace), wrong


def start(objects: Objects, one: dict[str, Any], replicas: int = 1, **more: Any) -> None:
    objects.create("deployments", deployment("web", one, replicas, **more))


def change(objects: Objects, **container_fields: Any) -> None:
    objects.patch(
        "deployments", "web", {"spec": {"template": {"spec": {"containers": [{"name": "c", **container_fields}]}}}}
    )


def scale(there: Cluster, replicas: int) -> None:
    """A write of ours, as all of them are made."""
    written = rewrite(there, "web", lambda current: current["spec"].update(replicas=replicas))
    assert written["spec"]["replicas"] == replicas


def shown() -> tuple[list[Progress], Callable[[Progress, Any], None]]:
    states: list[Progress] = []
    return states, lambda state, why: states.append(state)


def until_said(here: Cluster, pattern: str, seconds: float = 60) -> str:
    """The reasons, once one of them says that."""
    end, said = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        said = "\n".join(str(trouble) for trouble in grouped(troubles(here, "web")))
        if re.search(pattern, said):
            return said
        time.sleep(0.3)
    raise AssertionError(f"nobody said {pattern!r}: {said}")


# the connection


@pytest.mark.heavy
def test_an_api_server_that_restarts_in_the_middle_does_not_end_the_watch(
    cluster: Any, objects: Objects, through: tuple[Cluster, Disturbance]
) -> None:
    there, wrong = through
    start(objects, container(cluster.image, SLOW, readinessProbe=READY), 2)
    states, show = shown()

    def see(state: Progress, why: Any) -> None:
        if not states:
            restart(wrong, 2)
        show(state, why)

    assert wait(there, "web", IN_TIME, see).complete
    assert wrong.count(0) > 0, "the watch was cut"


@pytest.mark.heavy
def test_a_watch_whose_version_is_forgotten_is_taken_up_from_a_fresh_read(
    cluster: Any, objects: Objects, through: tuple[Cluster, Disturbance]
) -> None:
    there, wrong = through
    wrong.expired = 2
    start(objects, container(cluster.image, SLOW, readinessProbe=READY), 2)
    assert wait(there, "web", IN_TIME).complete
    assert wrong.expired == 0


@pytest.mark.heavy
def test_a_server_that_has_too_much_to_do_is_asked_again_when_it_says(
    cluster: Any, objects: Objects, through: tuple[Cluster, Disturbance]
) -> None:
    there, wrong = through
    start(objects, container(cluster.image, readinessProbe=READY))
    assert wait(there, "web", IN_TIME).complete
    wrong.throttled = 2
    begun = time.monotonic()
    assert wait(there, "web", IN_TIME).complete
    scale(there, 2)  # a write that was throttled was not carried out: it is sent again
    assert wrong.throttled == 0
    assert time.monotonic() - begun >= 2, "Retry-After was obeyed"


@pytest.mark.heavy
def test_a_write_that_is_throttled_is_sent_again(
    cluster: Any, objects: Objects, through: tuple[Cluster, Disturbance]
) -> None:
    there, wrong = through
    start(objects, container(cluster.image, readinessProbe=READY))
    there.resource("apps/v1", "Deployment")  # discovery is over
    wrong.throttled = 3
    scale(there, 2)
    assert wrong.count(429) == 3
    assert objects.get("deployments", "web")["spec"]["replicas"] == 2


@pytest.mark.heavy
def test_a_watch_that_hangs_is_given_up_and_taken_up_again(
    cluster: Any, objects: Objects, through: tuple[Cluster, Disturbance]
) -> None:
    there, wrong = through
    wrong.hanging = 1
    start(objects, container(cluster.image, SLOW, readinessProbe=READY))
    assert wait(there, "web", IN_TIME).complete
    assert wrong.count(-1) == 1


# others who write meanwhile


def test_a_template_that_somebody_else_writes_meanwhile_is_not_the_release_that_was_watched(
    cluster: Any, objects: Objects, here: Cluster
) -> None:
    start(objects, container(cluster.image, SLOW, readinessProbe=READY))
    path = "/apis/apps/v1/namespaces/NAMESPACE/deployments/web?fieldManager=kubectl-edit"
    body = {"spec": {"template": {"metadata": {"annotations": {"by": "hand"}}}}}

    def see(state: Progress, why: Any) -> None:
        if state.observed:
            time.sleep(1.1)  # the server notes who wrote in whole seconds
            cluster.request("PATCH", path, body, "application/merge-patch+json")

    with pytest.raises(ChangeFailed, match=r"was written by kubectl-edit at 20.*not the release that was watched"):
        wait(here, "web", IN_TIME, see)


def test_a_deployment_that_is_made_anew_meanwhile_is_another_one(cluster: Any, objects: Objects, here: Cluster) -> None:
    one = container(cluster.image, SLOW, readinessProbe=READY)
    start(objects, one)
    again = threading.Event()

    def see(state: Progress, why: Any) -> None:
        if not again.is_set():
            again.set()
            objects.delete("deployments", "web")
            start(objects, one)

    with pytest.raises(ChangeFailed, match=r"deleted and made anew meanwhile \(uid"):
        wait(here, "web", IN_TIME, see)


@pytest.mark.heavy
def test_a_deployment_that_is_deleted_meanwhile_is_said_to_be(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image, SLOW, readinessProbe=READY))
    with pytest.raises(ChangeFailed, match=r"was deleted meanwhile; last seen: Deployment/web revision"):
        wait(here, "web", IN_TIME, lambda state, why: objects.delete("deployments", "web"))


@pytest.mark.heavy
def test_a_number_of_replicas_that_an_autoscaler_changes_meanwhile_is_waited_for(
    cluster: Any, objects: Objects, here: Cluster
) -> None:
    start(objects, container(cluster.image, SLOW, readinessProbe=READY))
    states, show = shown()

    def see(state: Progress, why: Any) -> None:
        if not states:
            objects.patch("deployments", "web", {"spec": {"replicas": 2}}, "merge-patch")
        show(state, why)

    done = wait(here, "web", IN_TIME, see)
    assert (done.complete, done.wanted) == (True, 2)


@pytest.mark.heavy
def test_a_rollout_of_no_pods_is_over_at_once_and_a_paused_one_says_so(
    cluster: Any, objects: Objects, here: Cluster
) -> None:
    start(objects, container(cluster.image, readinessProbe=READY), 0)
    assert wait(here, "web", IN_TIME).wanted == 0
    objects.patch("deployments", "web", {"spec": {"paused": True, "replicas": 1}})
    change(objects, env=[{"name": "V", "value": "2"}])
    with pytest.raises(Held, match=r"was paused by somebody.*runbook rollout resume"):
        wait(here, "web", IN_TIME)


@pytest.mark.heavy
def test_nothing_that_changes_for_too_long_ends_the_watch(cluster: Any, objects: Objects, here: Cluster) -> None:
    never = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1}
    start(objects, container(cluster.image, readinessProbe=never))
    with pytest.raises(ChangeFailed, match="nothing changed for 1 s"):
        watched(here, "web", IN_TIME, lambda *_: None, whole, timedelta(seconds=1))


@pytest.mark.heavy
def test_old_pods_that_serve_do_not_hide_what_keeps_the_new_ones(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image, readinessProbe=READY))
    objects.wait_for_available("web")
    change(objects, image="localhost/none:1")
    said: list[str] = []
    with pytest.raises(ChangeFailed, match=r"0 of 1 new Pods ready, 1 old still serve.*cannot be pulled"):
        wait(here, "web", timedelta(seconds=10), lambda state, why: said.extend(why))
    assert any("cannot be pulled" in one for one in said)


# what keeps a Pod


def test_an_image_that_is_not_there_is_said_in_one_sentence(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image) | {"image": "localhost/none:1"})
    said = until_said(here, "cannot be pulled")
    assert "container c: image localhost/none:1 cannot be pulled (" in said
    assert "correct its name or tag, or give the Pod a pull secret" in said
    assert len(said.splitlines()) == 1


def test_an_image_name_that_is_none_is_said_in_one_sentence(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image) | {"image": "localhost/NONE:1"})
    assert "'localhost/NONE:1' is no valid image name; correct it" in until_said(here, "no valid image name")


def test_a_pod_without_room_says_what_it_asks_for(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image, resources={"requests": {"cpu": "9999"}}))
    said = until_said(here, "no node takes it")
    assert "it asks for cpu 9999: 0/" in said
    assert "Insufficient cpu; free room or add a node, or lower resources.requests" in said


def test_a_selector_that_no_node_has_is_said(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image), pod={"nodeSelector": {"no-such-label": "x"}})
    assert "correct its nodeSelector, affinity or topology spread" in until_said(here, "no node takes it")


@pytest.mark.heavy
def test_a_readiness_probe_that_fails_says_what_it_asked_and_heard(
    cluster: Any, objects: Objects, here: Cluster
) -> None:
    probe = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1}
    start(objects, container(cluster.image, readinessProbe=probe), 2)
    said = until_said(here, "and 1 other Pod, container c|and 1 other Pod: .*404")
    assert (
        "it runs but is not ready: GET /missing on port 8080 (every 1 s, answer within 1 s, 3 failures count)" in said
    )
    assert "said HTTP probe failed with statuscode: 404; mend what the readiness probe asks for" in said


@pytest.mark.heavy
def test_a_container_that_its_liveness_probe_ends_says_so(cluster: Any, objects: Objects, here: Cluster) -> None:
    probe = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    unready = {"httpGet": {"path": "/missing", "port": 8080}, "periodSeconds": 1}
    start(objects, container(cluster.image, livenessProbe=probe, readinessProbe=unready))
    said = until_said(here, r"ended by its liveness probe, restarted \d+ time")
    assert "GET /missing on port 8080 (every 1 s" in said


def test_a_crash_loop_says_its_exit_code_and_last_words(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image, "import sys; print('no licence found'); sys.exit(3)"))
    said = until_said(here, r"exit code 3, restarted \d+ time.*no licence found")
    assert "mend the program or what it needs to start" in said


def test_an_oom_kill_says_its_limit(cluster: Any, objects: Objects, here: Cluster) -> None:
    hungry = "x = bytearray(200 << 20); import time; time.sleep(99)"
    start(objects, container(cluster.image, hungry, resources={"limits": {"memory": "32Mi"}}))
    said = until_said(here, "OOMKilled")
    assert "its limit is 32Mi; raise resources.limits.memory" in said


def test_a_failing_init_container_is_named_with_its_last_line(cluster: Any, objects: Objects, here: Cluster) -> None:
    init = container(cluster.image, "import sys; print('one'); print('no database'); sys.exit(1)") | {"name": "first"}
    start(objects, container(cluster.image), pod={"initContainers": [init]})
    said = until_said(here, r"init container first: ended with exit code 1.*no database")
    assert "'one" not in said


def test_a_missing_configmap_and_a_missing_key_are_named(cluster: Any, objects: Objects, here: Cluster) -> None:
    start(objects, container(cluster.image, envFrom=[{"configMapRef": {"name": "absent"}}]))
    said = until_said(here, "its configuration is missing")
    assert 'configmap "absent" not found; create the configmap absent, or correct its name' in said
    objects.create("configmaps", {"metadata": {"name": "settings"}, "data": {"A": "1"}})
    key = {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "b"}}}
    change(objects, envFrom=[], env=[key])
    assert "put the key b into ConfigMap" in until_said(here, "put the key b")


def test_a_volume_that_does_not_mount_is_named(cluster: Any, objects: Objects, here: Cluster) -> None:
    volumes = [{"name": "settings", "configMap": {"name": "absent"}}]
    mounted = container(cluster.image, volumeMounts=[{"name": "settings", "mountPath": "/etc/settings"}])
    start(objects, mounted, pod={"volumes": volumes})
    said = until_said(here, "a volume does not mount")
    assert "create the configmap absent, or correct its name; the Pod goes on by itself then" in said


def test_a_quota_that_is_used_up_is_named_with_its_numbers(cluster: Any, objects: Objects, here: Cluster) -> None:
    objects.create("resourcequotas", {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}})
    end = time.monotonic() + 60
    while "hard" not in objects.get("resourcequotas", "small").get("status", {}) and time.monotonic() < end:
        time.sleep(0.2)
    start(objects, container(cluster.image, readinessProbe=READY), 2)
    said = until_said(here, "its Pods are refused")
    assert "quota small is used up: a Pod asks for pods=1, pods=1 of pods=1 is used; raise the ResourceQuota" in said
